// The tokens of a where clause, cut exactly where Postgres's scanner cuts them (scan.l, standard_conforming_strings = on).
//
// Comments and white space are dropped here. What the scanner accepts but this reader does not, because its meaning hangs on
// more than the token itself: Unicode escapes (U&'…', U&"…"), a string continued on the next line ('a' ↵ 'b'), `;`.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "shape/keywords.h"

namespace sluice::shape {

enum class TokenKind {
  kIdentifier,  // text: the name itself, folded unless it was quoted
  kKeyword,     // a bare word of Postgres's list; text in lower case
  kString,      // text as it is printed: '…' with quotes doubled, E'…', B'…', X'…' as they stood
  kNumber,
  kParam,     // text "$7"
  kOperator,  // text; `!=` is `<>`
  kOpen,      // ( [
  kClose,     // ) ]
  kComma,
  kDot,
  kCast,   // ::
  kColon,  // of a slice
};

struct Token {
  TokenKind kind;
  std::string text;
  std::size_t position;                      // byte offset in the clause
  unsigned param = 0;                        // of a kParam
  KeywordKind keyword = KeywordKind::kNone;  // of the word, quoted or not
};

// Tokens, or "At location 7: unterminated quoted string".
std::expected<std::vector<Token>, std::string> lex_where(std::string_view where);

}  // namespace sluice::shape

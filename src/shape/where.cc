// The canonical spelling of a where clause.
//
// A word that Postgres's grammar reads as a name there is printed bare where a bare word is that name, and in quotes where
// it is not. Outside the keyword list that is simple. A keyword that may be a column's name (`name`, `position`) is one
// exactly where an operand is wanted and an operand ends: `("name" = 1` and `(name = 1` are one; in `NAME 'x'` or
// `x AT TIME ZONE y` it is left as it was written. All other keywords are printed in capitals.
//
// White space is one blank, or none where people write none (`lower(a.b)`, `x::INT[1]`); never such that two tokens would
// be cut differently. Printing the canonical text again gives the same text.
#include <simdjson.h>

#include <algorithm>
#include <array>

#include "shape/definition.h"
#include "shape/identifier.h"
#include "shape/keywords.h"
#include "shape/where_lexer.h"

namespace sluice::shape {
namespace {

// Parentheses and brackets within each other; far above what people write, far below what a recursive reader dies of.
constexpr std::size_t kNestingMax = 128;

using Tokens = std::vector<Token>;

bool is_keyword(const Token& token, std::string_view word) {
  return token.kind == TokenKind::kKeyword && token.text == word;
}

template <std::size_t N>
bool is_keyword_of(const Token& token, const std::array<std::string_view, N>& words) {
  return token.kind == TokenKind::kKeyword && std::ranges::find(words, token.text) != words.end();
}

// After `before` tokens an operand, and nothing else, may begin.
bool operand_begins(const Tokens& tokens, std::size_t at) {
  constexpr std::array<std::string_view, 7> kBefore = {"and", "or", "like", "ilike", "when", "then", "else"};
  constexpr std::array<std::string_view, 2> kWindow = {"over", "as"};  // OVER (ROWS …), WINDOW w AS (ROWS …)
  if (at == 0) return true;
  const Token& before = tokens[at - 1];
  switch (before.kind) {
    case TokenKind::kComma:
    case TokenKind::kOperator: return true;
    case TokenKind::kOpen: return at == 1 || !is_keyword_of(tokens[at - 2], kWindow);
    case TokenKind::kKeyword:
      if (before.text == "not") return at == 1 || !is_keyword(tokens[at - 2], "is");  // IS NOT DOCUMENT
      return is_keyword_of(before, kBefore);
    default: return false;
  }
}

// What stands at `at` cannot belong to an operand that began before it.
bool operand_ended(const Tokens& tokens, std::size_t at) {
  constexpr std::array<std::string_view, 15> kAfter = {"and",     "or",   "is",      "in",     "like",
                                                       "ilike",   "not",  "between", "isnull", "notnull",
                                                       "similar", "then", "when",    "else",   "end"};
  if (at == tokens.size()) return true;
  const Token& after = tokens[at];
  switch (after.kind) {
    case TokenKind::kClose:
    case TokenKind::kComma:
    case TokenKind::kDot:
    case TokenKind::kCast: return true;
    case TokenKind::kOpen: return after.text == "[";
    case TokenKind::kOperator: return after.text != "=>" && after.text != ":=";  // these name arguments
    default: return is_keyword_of(after, kAfter);
  }
}

// A word of the list that is a column's name where it stands, quoted or not.
bool names_a_column(const Tokens& tokens, std::size_t at) {
  // BETWEEN is an operator behind NOT; the others are the second argument of NORMALIZE.
  constexpr std::array<std::string_view, 5> kNever = {"between", "nfc", "nfd", "nfkc", "nfkd"};
  const std::string& word = tokens[at].text;
  const KeywordKind kind = tokens[at].keyword;
  if (kind != KeywordKind::kUnreserved && kind != KeywordKind::kColumnName) return false;
  if (std::ranges::find(kNever, word) != kNever.end()) return false;
  return operand_begins(tokens, at) && operand_ended(tokens, at + 1);
}

bool is_plain_word(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  return std::ranges::all_of(name, plain) && !(name.front() >= '0' && name.front() <= '9');
}

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

// Any word behind a dot is a name.
void name_words_behind_dots(Tokens& tokens) {
  for (std::size_t i = 1; i < tokens.size(); ++i)
    if (tokens[i].kind == TokenKind::kKeyword && tokens[i - 1].kind == TokenKind::kDot)
      tokens[i].kind = TokenKind::kIdentifier;
}

// How a word is printed, and what it is from now on.
Token spelled(const Tokens& tokens, std::size_t at) {
  Token token = tokens[at];
  const bool bare_is_name = token.keyword == KeywordKind::kNone || names_a_column(tokens, at);
  if (token.kind == TokenKind::kKeyword && !bare_is_name) {
    token.text = upper(std::move(token.text));
    return token;
  }
  token.kind = TokenKind::kIdentifier;
  if (!bare_is_name || !is_plain_word(token.text)) token.text = quote_identifier(token.text);
  return token;
}

Tokens spell_words(const Tokens& tokens) {
  Tokens out = tokens;
  for (std::size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i].kind == TokenKind::kIdentifier || tokens[i].kind == TokenKind::kKeyword) out[i] = spelled(tokens, i);
  return out;
}

// A sign that is written next to its number: `= -5`, but `a - 5`.
bool is_sign(const Tokens& tokens, std::size_t at) {
  const Token& token = tokens[at];
  if (token.kind != TokenKind::kOperator || (token.text != "-" && token.text != "+")) return false;
  if (at + 1 == tokens.size() || tokens[at + 1].kind != TokenKind::kNumber) return false;
  if (at == 0) return true;
  switch (tokens[at - 1].kind) {
    case TokenKind::kOpen:
    case TokenKind::kComma:
    case TokenKind::kOperator:
    case TokenKind::kKeyword: return true;
    default: return false;
  }
}

bool is_word(const Token& token) {
  return token.kind == TokenKind::kIdentifier || token.kind == TokenKind::kKeyword;
}

// No blank between tokens[at - 1] and tokens[at].
bool joined(const Tokens& tokens, std::size_t at) {
  using enum TokenKind;
  const Token& left = tokens[at - 1];
  const Token& right = tokens[at];
  const bool left_is_name = left.kind == kIdentifier || left.kind == kClose;
  if (left.kind == kOpen || right.kind == kClose || right.kind == kComma) return true;
  if (right.text == "[") return left_is_name || left.kind == kParam || left.text == "ARRAY";
  if (right.kind == kOpen) return left.kind == kIdentifier;
  if (right.kind == kDot) return left_is_name;
  if (left.kind == kDot) return right.kind == kIdentifier || right.text == "*";
  if (right.kind == kCast) return left_is_name || left.kind == kString || left.kind == kNumber || left.kind == kParam;
  if (left.kind == kCast) return is_word(right);
  return is_sign(tokens, at - 1);
}

std::string print(const Tokens& tokens) {
  std::string out;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0 && !joined(tokens, i)) out += ' ';
    out += tokens[i].text;
  }
  return out;
}

std::string at_location(const Token& token, std::string_view message) {
  return "At location " + std::to_string(token.position) + ": " + std::string(message);
}

// So that a clause stays one operand wherever it is put: `1=1) OR (1=1` is no clause.
std::expected<void, std::string> check_balance(const Tokens& tokens) {
  std::vector<const Token*> open;
  for (const Token& token : tokens) {
    if (token.kind == TokenKind::kOpen) {
      if (open.size() == kNestingMax) return std::unexpected(at_location(token, "nested too deeply"));
      open.push_back(&token);
    } else if (token.kind == TokenKind::kClose) {
      if (open.empty() || (open.back()->text == "(") != (token.text == ")"))
        return std::unexpected(at_location(token, "unbalanced \"" + token.text + "\""));
      open.pop_back();
    }
  }
  if (!open.empty()) return std::unexpected(at_location(*open.back(), "unbalanced \"" + open.back()->text + "\""));
  return {};
}

void collect_params(const Tokens& tokens, CanonicalWhere& out) {
  std::map<unsigned, std::size_t> first_use;
  for (const Token& token : tokens)
    if (token.kind == TokenKind::kParam) first_use.try_emplace(token.param, token.position);
  for (const auto& [number, position] : first_use) {
    out.params_used.push_back(number);
    out.param_positions.push_back(position);
  }
}

}  // namespace

std::expected<CanonicalWhere, std::string> canonicalize_where(std::string_view where) {
  if (where.size() > kWhereBytesMax) return std::unexpected("is too long");
  if (where.find('\0') != std::string_view::npos) return std::unexpected("has a NUL");
  if (!simdjson::validate_utf8(where.data(), where.size())) return std::unexpected("is not UTF-8");
  auto tokens = lex_where(where);
  if (!tokens) return std::unexpected(std::move(tokens.error()));
  if (tokens->empty()) return std::unexpected("can't be blank");
  if (auto balanced = check_balance(*tokens); !balanced) return std::unexpected(std::move(balanced.error()));
  CanonicalWhere out;
  collect_params(*tokens, out);
  name_words_behind_dots(*tokens);
  out.text = print(spell_words(*tokens));
  return out;
}

}  // namespace sluice::shape

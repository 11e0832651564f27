// Postgres's keywords and what each may still name.
#pragma once

#include <span>
#include <string_view>

namespace sluice::shape {

enum class KeywordKind {
  kNone,
  kUnreserved,      // may name anything
  kColumnName,      // may name a table or a column, not a function or a type
  kTypeOrFunction,  // may name a function or a type, not a table or a column
  kReserved,
};

// `word` in lower case.
KeywordKind keyword_kind(std::string_view word);

// The words of a kind, sorted; none for kNone.
std::span<const std::string_view> keywords_of(KeywordKind kind);

}  // namespace sluice::shape

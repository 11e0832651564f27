// LIKE and ILIKE: what the pattern may be, and what becomes of it.
#pragma once

#include <expected>

#include "sql/comparison.h"
#include "sql/names.h"
#include "sql/operators.h"
#include "sql/parse_tree.h"

namespace sluice::sql {

// A constant, or a call of like_escape().
bool is_constant_pattern(simdjson::dom::element pattern);
// As a text constant, or a null.
std::expected<Term, WhereError> constant_pattern(Term term);
// `pattern`: of constant_pattern().
std::expected<Expression, WhereError> like_constant(Term left, Term pattern, LikeOp op, const Comparator& comparator,
                                                    std::size_t position);
// Whatever the pattern is; one that a row has a part in is for LIKE only.
std::expected<Expression, WhereError> like_any(Term left, Term pattern, LikeOp op, const Comparator& comparator,
                                               const Operators& operators, std::size_t position);

}  // namespace sluice::sql

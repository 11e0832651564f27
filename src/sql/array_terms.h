// Arrays that are put together: || and array_cat(), array_append(), array_prepend(). Of one type of elements each, in a flat
// list of parts (ArrayValue in expression.h): Postgres's array_cat() takes a null array for none, so that nesting says
// nothing.
#pragma once

#include <expected>

#include "sql/comparison.h"
#include "sql/operators.h"

namespace sluice::sql {

std::expected<ArrayTerm, WhereError> array_of_column(const Column& column, std::size_t index, std::size_t position);
std::expected<ArrayTerm, WhereError> array_cat(ArrayTerm left, ArrayTerm right, const Comparator& comparator,
                                               std::size_t position);
std::expected<ArrayTerm, WhereError> with_element(ArrayTerm array, Term element, bool in_front, const Comparator& comparator,
                                                  std::size_t position);
// array_ndims()
std::expected<Term, WhereError> dimensions_of(ArrayTerm array, std::size_t position);

// Its elements have a type.
ArrayValue array_value(ArrayTerm array);

}  // namespace sluice::sql

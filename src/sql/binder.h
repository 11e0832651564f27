// From Postgres's parse tree to the typed tree: resolves columns and parameters, and refuses what is not evaluated here.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "sql/comparison.h"
#include "sql/expression.h"
#include "sql/parse_tree.h"
#include "sql/where.h"

namespace sluice::sql {

struct BinderScope {
  const Table& table;
  const std::vector<std::size_t>& columns;  // that may be named
  const std::vector<std::string>& params;
  // Of conditions over claims (condition.h): a ColumnRef is a path, whose path_key() is its column's name, and arrays of
  // different types of numbers are compared with one another.
  bool claims = false;
};

// The condition whose tree this is. Its errors name a construct by its place in the clause.
std::expected<Expression, WhereError> bind_where(const ParseTree& tree, const BinderScope& scope);

}  // namespace sluice::sql

// A ColumnRef of the parse tree as a column: of a table, or of claims.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <vector>

#include "sql/parse_tree.h"
#include "sql/types.h"
#include "sql/where.h"

namespace sluice::sql {

// One text for the fields of a ColumnRef: "org"."plan".
std::string path_key(const std::vector<simdjson::dom::element>& fields);

// An index into the table: `name`, `table.name` or `schema.table.name`.
std::expected<std::size_t, WhereError> bind_column(const ParseTree& tree, const TreeNode& node, const Table& table,
                                                   const std::vector<std::size_t>& columns);

// The same where the column's name is the whole path_key(): claims.
std::expected<std::size_t, WhereError> bind_path(const ParseTree& tree, const TreeNode& node, const Table& table);

}  // namespace sluice::sql

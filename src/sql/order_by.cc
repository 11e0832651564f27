#include "sql/order_by.h"

#include <fmt/format.h>

#include "sql/column_ref.h"
#include "sql/parse_tree.h"
#include "sql/print.h"

namespace sluice::sql {
namespace {

std::string_view direction(std::string_view sortby_dir) {
  return sortby_dir == "SORTBY_DESC" ? " DESC" : " ASC";
}

std::string_view nulls(std::string_view sortby_nulls) {
  if (sortby_nulls == "SORTBY_NULLS_FIRST") return " NULLS FIRST";
  if (sortby_nulls == "SORTBY_NULLS_LAST") return " NULLS LAST";
  return "";
}

std::expected<std::string, WhereError> print_key(const ParseTree& tree, const TreeNode& key, const Table& table,
                                                 const std::vector<std::size_t>& columns) {
  TreeNode column = key.node("node");
  if (column.kind != "ColumnRef") {
    std::size_t position = tree.position(column.number("location"));
    return std::unexpected(error_at(position, "ORDER BY takes names of columns only"));
  }
  if (key.text("sortby_dir") == "SORTBY_USING") {
    return std::unexpected(error_at(tree.position(column.number("location")), "ORDER BY USING is not supported"));
  }
  auto index = bind_column(tree, column, table, columns);
  if (!index) return std::unexpected(index.error());
  return fmt::format("{}{}{}", quoted_identifier(table.columns[*index].name), direction(key.text("sortby_dir")),
                     nulls(key.text("sortby_nulls")));
}

}  // namespace

std::expected<std::string, WhereError> compile_order_by(std::string_view order_by, const Table& table,
                                                        const std::vector<std::size_t>& columns) {
  auto tree = ParseTree::parse(ClauseKind::kOrderBy, order_by);
  if (!tree) return std::unexpected(tree.error());
  simdjson::dom::array keys;
  if (tree->root().get(keys) != simdjson::SUCCESS)
    return std::unexpected(error_at(0, "ORDER BY takes names of columns only"));
  if (keys.size() > kOrderByKeysMax) return std::unexpected(error_at(0, "ORDER BY has too many columns"));
  std::string out;
  for (auto key : keys) {
    auto printed = print_key(*tree, TreeNode::of(key), table, columns);
    if (!printed) return printed;
    if (!out.empty()) out += ", ";
    out += *printed;
  }
  return out;
}

}  // namespace sluice::sql

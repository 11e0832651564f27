#include "sql/column_ref.h"

#include <fmt/format.h>

#include <algorithm>

#include "sql/names.h"
#include "sql/print.h"

namespace sluice::sql {

using simdjson::dom::element;

namespace {

std::unexpected<WhereError> unknown(const ParseTree& tree, const TreeNode& node) {
  return std::unexpected(
      error_at(tree.position(node.number("location")), fmt::format("unknown reference {}", dotted(node.list("fields")))));
}

}  // namespace

std::string path_key(const std::vector<element>& fields) {
  std::string out;
  for (element field : fields) {
    TreeNode step = TreeNode::of(field);
    if (!out.empty()) out += '.';
    out += step.kind == "String" ? quoted_identifier(step.text("sval")) : "*";
  }
  return out;
}

std::expected<std::size_t, WhereError> bind_column(const ParseTree& tree, const TreeNode& node, const Table& table,
                                                   const std::vector<std::size_t>& columns) {
  auto fields = node.list("fields");
  if (fields.empty() || fields.size() > 3) return unknown(tree, node);
  std::string_view qualifiers[] = {table.schema, table.name};
  for (std::size_t i = 0; i + 1 < fields.size(); ++i) {
    TreeNode part = TreeNode::of(fields[i]);
    if (part.kind != "String" || part.text("sval") != qualifiers[i + 3 - fields.size()]) return unknown(tree, node);
  }
  TreeNode name = TreeNode::of(fields.back());
  auto index = name.kind == "String" ? table.find(name.text("sval")) : std::nullopt;
  if (!index || std::find(columns.begin(), columns.end(), *index) == columns.end()) return unknown(tree, node);
  return *index;
}

std::expected<std::size_t, WhereError> bind_path(const ParseTree& tree, const TreeNode& node, const Table& table) {
  auto fields = node.list("fields");
  auto index = table.find(path_key(fields));
  if (!index) return unknown(tree, node);
  return *index;
}

}  // namespace sluice::sql

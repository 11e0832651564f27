#include "sql/names.h"

namespace sluice::sql {

using simdjson::dom::element;

std::optional<CompareOp> comparison_named(std::string_view name) {
  if (name == "=") return CompareOp::kEqual;
  if (name == "<>") return CompareOp::kNotEqual;
  if (name == "<") return CompareOp::kLess;
  if (name == "<=") return CompareOp::kLessEqual;
  if (name == ">") return CompareOp::kGreater;
  if (name == ">=") return CompareOp::kGreaterEqual;
  return std::nullopt;
}

std::optional<ArrayOp> array_op_named(std::string_view name) {
  if (name == "@>") return ArrayOp::kContains;
  if (name == "<@") return ArrayOp::kContainedBy;
  if (name == "&&") return ArrayOp::kOverlaps;
  return std::nullopt;
}

std::optional<LikeOp> like_named(std::string_view name) {
  if (name == "~~") return LikeOp{false, false};
  if (name == "!~~") return LikeOp{false, true};
  if (name == "~~*") return LikeOp{true, false};
  if (name == "!~~*") return LikeOp{true, true};
  return std::nullopt;
}

std::optional<LikeOp> like_function(std::string_view name) {
  if (name == "like") return LikeOp{false, false};
  if (name == "notlike") return LikeOp{false, true};
  if (name == "ilike") return LikeOp{true, false};
  return std::nullopt;
}

std::string_view builtin_name(const std::vector<element>& names) {
  if (names.empty() || names.size() > 2) return {};
  if (names.size() == 2 && TreeNode::of(names[0]).text("sval") != "pg_catalog") return {};
  return TreeNode::of(names.back()).text("sval");
}

std::string dotted(const std::vector<element>& names) {
  std::string out;
  for (element name : names) {
    TreeNode part = TreeNode::of(name);
    if (!out.empty()) out += '.';
    out += part.kind == "A_Star" ? "*" : part.text("sval");
  }
  return out;
}

}  // namespace sluice::sql

// Arrays in a where clause's tree: columns, constants, and what is put together of them; and comparisons of whole arrays. A
// part of the binder (binder.h), which binds what within them is no array.
#pragma once

#include <expected>
#include <functional>
#include <string_view>

#include "sql/binder.h"
#include "sql/comparison.h"
#include "sql/parse_tree.h"
#include "sql/where.h"

namespace sluice::sql {

// Of one clause, as far as it is bound.
struct BinderCounts {
  std::size_t nodes = 0;
  std::size_t depth = 0;
};

class ArrayBinder {
 public:
  using BindTerm = std::function<std::expected<Term, WhereError>(simdjson::dom::element)>;
  // All are outlived by what they belong to; `bind` counts what it binds.
  ArrayBinder(const ParseTree& tree, const BinderScope& scope, const Comparator& comparator, BinderCounts& counts,
              BindTerm bind)
      : tree_(tree), scope_(scope), comparator_(comparator), counts_(counts), bind_term_(std::move(bind)) {}

  // Of one dimension, where it is constant: for whom dimensions do not count.
  std::expected<ArrayTerm, WhereError> bind(simdjson::dom::element tree) { return bind_array(tree, false); }
  // A cast that says what an array column is already.
  std::expected<ArrayTerm, WhereError> bind_cast(const TreeNode& node) { return bind_array_cast(node, false); }

  // Whether `left op right` is a comparison of arrays.
  bool compares(simdjson::dom::element left, simdjson::dom::element right) const;
  // left op right; `null_safe`: IS [NOT] DISTINCT FROM.
  std::expected<Expression, WhereError> compare(CompareOp op, bool null_safe, simdjson::dom::element left,
                                                simdjson::dom::element right);

 private:
  std::size_t position(const TreeNode& node) const { return tree_.position(node.number("location")); }
  std::expected<std::size_t, WhereError> column_index(const TreeNode& node) const;
  std::string_view concat_named(const TreeNode& node) const;
  bool is_array(simdjson::dom::element tree) const;
  std::expected<ArrayTerm, WhereError> bind_array(simdjson::dom::element tree, bool shaped);
  std::expected<ArrayTerm, WhereError> bind_concat(const TreeNode& node);
  std::expected<ArrayTerm, WhereError> bind_column_of(const TreeNode& node);
  std::expected<ArrayTerm, WhereError> bind_items(const TreeNode& node, bool cast);
  std::expected<ArrayTerm, WhereError> bind_array_cast(const TreeNode& node, bool shaped);
  std::expected<ArrayTerm, WhereError> counted(std::expected<ArrayTerm, WhereError> array);

  const ParseTree& tree_;
  const BinderScope& scope_;
  const Comparator& comparator_;
  BinderCounts& counts_;
  BindTerm bind_term_;
};

}  // namespace sluice::sql

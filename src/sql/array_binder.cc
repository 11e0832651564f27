#include "sql/array_binder.h"

#include <fmt/format.h>

#include "sql/array_terms.h"
#include "sql/column_ref.h"
#include "sql/literal.h"
#include "sql/names.h"

namespace sluice::sql {
namespace {

template <typename T>
using Bound = std::expected<T, WhereError>;
using Failure = std::unexpected<WhereError>;
using simdjson::dom::element;

Failure fail(std::size_t position, std::string_view message) {
  return Failure(error_at(position, message));
}

// Its type is what the other side makes of it.
bool is_untyped(element tree) {
  TreeNode node = TreeNode::of(tree);
  return node.kind == "ParamRef" || (node.kind == "A_Const" && (node.has("sval") || node.flag("isnull")));
}

}  // namespace

Bound<std::size_t> ArrayBinder::column_index(const TreeNode& node) const {
  if (scope_.claims) return bind_path(tree_, node, scope_.table);
  return bind_column(tree_, node, scope_.table, scope_.columns);
}

// || of which a side is an array, and its functions.
std::string_view ArrayBinder::concat_named(const TreeNode& node) const {
  if (scope_.claims) return {};
  std::string_view name = node.kind == "FuncCall" ? builtin_name(node.list("funcname"))
                          : node.kind == "A_Expr" ? builtin_name(node.list("name"))
                                                  : std::string_view();
  bool known = name == "||" || name == "array_cat" || name == "array_append" || name == "array_prepend";
  bool two = node.kind == "FuncCall" ? node.list("args").size() == 2 : node.has("lexpr") && node.has("rexpr");
  return known && two ? name : std::string_view();
}

bool ArrayBinder::is_array(element tree) const {
  TreeNode node = TreeNode::of(tree);
  if (node.kind == "A_ArrayExpr") return true;
  if (node.kind == "TypeCast") return array_type_named(node).has_value();
  if (node.kind == "ColumnRef") {
    auto index = column_index(node);
    return index && scope_.table.columns[*index].dimensions > 0;
  }
  std::string_view name = concat_named(node);
  return name == "||" ? is_array(node.element("lexpr")) || is_array(node.element("rexpr")) : !name.empty();
}

Bound<ArrayTerm> ArrayBinder::bind_array(element tree, bool shaped) {
  TreeNode node = TreeNode::of(tree);
  if (node.kind == "ColumnRef") return bind_column_of(node);
  if (node.kind == "TypeCast") return bind_array_cast(node, shaped);
  if (node.kind == "A_ArrayExpr") return bind_items(node, false);
  if (is_array(tree)) return bind_concat(node);
  auto literal = bind_term_(tree);
  if (!literal) return Failure(literal.error());
  if (!literal->is_constant() || literal->type() != Type::kUnknown || literal->operand.constant.null) {
    return fail(literal->position, "an array is expected here: a column, a literal or ARRAY[…]");
  }
  return counted(read_array(*literal, shaped));
}

Bound<ArrayTerm> ArrayBinder::bind_concat(const TreeNode& node) {
  std::string_view name = concat_named(node);
  bool call = node.kind == "FuncCall";
  element left = call ? node.list("args")[0] : node.element("lexpr");
  element right = call ? node.list("args")[1] : node.element("rexpr");
  // A literal without a type is an array beside one.
  bool appends = name == "array_append" || (name == "||" && !is_array(right) && !is_untyped(right));
  bool prepends = name == "array_prepend" || (name == "||" && !is_array(left) && !is_untyped(left));
  if (++counts_.depth > kExpressionDepthMax) return fail(0, "the clause is nested too deeply");
  auto array = bind(prepends ? right : left);
  Bound<ArrayTerm> out = std::move(array);
  if (out && (appends || prepends)) {
    auto element = bind_term_(prepends ? left : right);
    out = element ? with_element(std::move(*out), std::move(*element), prepends, comparator_, position(node))
                  : Bound<ArrayTerm>(Failure(element.error()));
  } else if (out) {
    auto other = bind(right);
    out = other ? array_cat(std::move(*out), std::move(*other), comparator_, position(node)) : std::move(other);
  }
  --counts_.depth;
  return counted(std::move(out));
}

Bound<ArrayTerm> ArrayBinder::counted(Bound<ArrayTerm> array) {
  if (array && (counts_.nodes += array->items.size() + array->parts.size()) > kExpressionNodesMax)
    return fail(0, "the clause has too many terms");
  return array;
}

Bound<ArrayTerm> ArrayBinder::bind_column_of(const TreeNode& node) {
  auto index = column_index(node);
  if (!index) return Failure(index.error());
  return array_of_column(scope_.table.columns[*index], *index, position(node));
}

// ARRAY[…], each of its constants cast where the whole is: Postgres does not give them a common type first.
Bound<ArrayTerm> ArrayBinder::bind_items(const TreeNode& node, bool cast) {
  ArrayTerm out{.position = position(node)};
  for (element item : node.list("elements")) {
    auto term = bind_term_(item);
    if (!term) return Failure(term.error());
    if (!term->is_constant()) return fail(term->position, "the elements of an array must be constants");
    out.items.push_back(std::move(*term));
  }
  if (cast) return out;
  if (out.items.empty()) return fail(out.position, "the type of an empty array is not known: cast it");
  if (auto ok = comparator_.make_array(out); !ok) return Failure(ok.error());
  return out;
}

Bound<ArrayTerm> ArrayBinder::bind_array_cast(const TreeNode& node, bool shaped) {
  auto name = array_type_named(node);
  auto type = name ? type_named(*name) : std::nullopt;
  if (!type || !node.has("arg")) return fail(position(node), "unknown or unsupported type of an array");
  TreeNode arg = TreeNode::of(node.element("arg"));
  auto array = arg.kind == "A_ArrayExpr" ? bind_items(arg, true) : bind_array(node.element("arg"), shaped);
  if (!array) return array;
  if (!array->is_constant()) {
    if (array->element_name == *name || (scope_.claims && array->element == *type)) return array;
    return fail(position(node), "only constants can be cast");
  }
  if (array->element != Type::kUnknown && array->element != *type) {
    return fail(position(node), "an array that has a type cannot be cast to another");
  }
  array->element = *type;
  array->element_name = std::string(*name);
  if (auto ok = comparator_.unify(array->items, *type, {}, false); !ok) return Failure(ok.error());
  return array;
}

bool ArrayBinder::compares(element left, element right) const {
  return !scope_.claims && (is_array(left) || is_array(right));
}

Bound<Expression> ArrayBinder::compare(CompareOp op, bool null_safe, element left, element right) {
  if (++counts_.nodes > kExpressionNodesMax) return fail(0, "the clause has too many terms");
  for (auto [one, other] : {std::pair(left, right), std::pair(right, left)}) {
    if (!is_null_literal(one)) continue;
    auto array = bind_array(other, true);
    if (!array) return Failure(array.error());
    return Expression(Predicate{term_of(Constant{.type = Type::kBool, .null = true}, array->position).operand});
  }
  auto a = bind_array(left, true);
  if (!a) return Failure(a.error());
  auto b = bind_array(right, true);
  if (!b) return Failure(b.error());
  return comparator_.compare_arrays(op, null_safe, std::move(*a), std::move(*b));
}

}  // namespace sluice::sql

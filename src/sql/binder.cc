#include "sql/binder.h"

#include <fmt/format.h>

#include <algorithm>

#include "sql/array_binder.h"
#include "sql/array_terms.h"
#include "sql/call.h"
#include "sql/column_ref.h"
#include "sql/like_terms.h"
#include "sql/literal.h"
#include "sql/names.h"
#include "sql/operators.h"
#include "sql/print.h"
#include "sql/text_input.h"

namespace sluice::sql {
namespace {

template <typename T>
using Bound = std::expected<T, WhereError>;
using Failure = std::unexpected<WhereError>;
using simdjson::dom::element;

Failure fail(std::size_t position, std::string_view message) {
  return Failure(error_at(position, message));
}

class Binder {
 public:
  Binder(const ParseTree& tree, const BinderScope& scope)
      : tree_(tree),
        scope_(scope),
        comparator_{scope.table},
        operators_(scope.table),
        arrays_(tree, scope, comparator_, counts_, [this](element term) { return bind(term); }) {}

  Bound<Expression> where() {
    auto term = bind(tree_.root());
    if (!term) return Failure(term.error());
    if (term->type() != Type::kBool && term->type() != Type::kUnknown) {
      return Failure(WhereError{0, "WHERE clause must return a boolean"});
    }
    return condition(std::move(*term), "WHERE");
  }

 private:
  std::size_t position(const TreeNode& node) const { return tree_.position(node.number("location")); }

  Bound<Term> bind(element tree) {
    if (++counts_.nodes > kExpressionNodesMax) return fail(0, "the clause has too many terms");
    if (counts_.depth >= kExpressionDepthMax) return fail(0, "the clause is nested too deeply");
    ++counts_.depth;
    auto out = bind_node(TreeNode::of(tree));
    --counts_.depth;
    return out;
  }

  Bound<Term> bind_node(const TreeNode& node) {
    if (node.kind == "ColumnRef") return bind_column_term(node);
    if (node.kind == "A_Const") return bind_literal(tree_, node);
    if (node.kind == "ParamRef") return bind_param(tree_, node, scope_.params);
    if (node.kind == "A_Expr") return bind_operator(node);
    if (node.kind == "BoolExpr") return placed(bind_logic(node), position(node));
    if (node.kind == "NullTest") return placed(bind_null_test(node), position(node));
    if (node.kind == "BooleanTest") return placed(bind_truth_test(node), position(node));
    if (node.kind == "TypeCast") return bind_type_cast(node);
    if (scope_.claims) return refuse(node);  // a claim's type is known by what it is compared with, and by nothing else
    if (node.kind == "FuncCall") return bind_function(node);
    if (node.kind == "CoalesceExpr") return bind_choice(node, Function::kCoalesce);
    if (node.kind == "MinMaxExpr") {
      return bind_choice(node, node.text("op") == "IS_LEAST" ? Function::kLeast : Function::kGreatest);
    }
    if (node.kind == "CaseExpr") return bind_case(node);
    return refuse(node);
  }

  Failure refuse(const TreeNode& node) const {
    std::size_t at = position(node);
    if (node.kind == "SubLink") return fail(at, "subqueries are not supported yet");
    if (node.kind == "FuncCall") {
      auto names = node.list("funcname");
      return fail(at, fmt::format("unknown or unsupported function {}/{}", dotted(names), node.list("args").size()));
    }
    return fail(at, fmt::format("unsupported expression {}", node.kind));
  }

  static Bound<Term> placed(Bound<Expression> expression, std::size_t at) {
    if (!expression) return Failure(expression.error());
    return term_of(std::move(*expression), at);
  }

  Bound<Expression> condition(Term term, std::string_view whose) {
    auto settled = settle(std::move(term), Type::kBool, {});
    if (!settled) return Failure(settled.error());
    if (settled->condition) return std::move(*settled->condition);
    if (settled->type() != Type::kBool) {
      return fail(settled->position, fmt::format("argument of {} must be boolean", whose));
    }
    return Expression(Predicate{std::move(settled->operand)});
  }

  Bound<Expression> bind_condition(element tree, std::string_view whose) {
    auto term = bind(tree);
    if (!term) return Failure(term.error());
    return condition(std::move(*term), whose);
  }

  Bound<std::size_t> column_index(const TreeNode& node) const {
    if (scope_.claims) return bind_path(tree_, node, scope_.table);
    return bind_column(tree_, node, scope_.table, scope_.columns);
  }

  Bound<Term> bind_column_term(const TreeNode& node) {
    auto index = column_index(node);
    if (!index) return Failure(index.error());
    const Column& column = scope_.table.columns[*index];
    Term out;
    out.position = position(node);
    out.operand.source = Operand::Source::kColumn;
    out.operand.type = type_of(column);
    out.operand.column = static_cast<std::uint32_t>(*index);
    if (out.operand.type == Type::kEnum) out.operand.enum_name = column.type_name;
    return out;
  }

  Bound<Term> bind_type_cast(const TreeNode& node) {
    if (!node.has("arg")) return refuse(node);
    bool column = TreeNode::of(node.element("arg")).kind == "ColumnRef";
    if (column && array_type_named(node)) return bind_whole_array(node);
    auto arg = bind(node.element("arg"));
    if (!arg) return arg;
    auto name = scalar_type_named(node);
    auto type = name ? type_named(*name) : std::nullopt;
    if (type && !arg->is_constant() && !scope_.claims) return operators_.cast(std::move(*arg), *type, arg->position);
    return bind_cast(std::move(*arg), tree_, node, scope_.table);
  }

  // A cast that says what an array column is already, where the column is tested for null.
  Bound<Term> bind_whole_array(const TreeNode& node) {
    auto array = arrays_.bind_cast(node);
    if (!array) return Failure(array.error());
    Term out;
    out.position = array->position;
    out.operand = {.source = Operand::Source::kColumn, .type = Type::kOther, .column = *array->column};
    return out;
  }

  Bound<Expression> bind_logic(const TreeNode& node) {
    std::string_view op = node.text("boolop");
    std::string_view whose = op == "AND_EXPR" ? "AND" : op == "OR_EXPR" ? "OR" : "NOT";
    std::vector<Expression> terms;
    for (element arg : node.list("args")) {
      auto term = bind_condition(arg, whose);
      if (!term) return term;
      terms.push_back(std::move(*term));
    }
    if (terms.empty()) return refuse(node);
    if (whose == "NOT") return negated(std::move(terms[0]));
    return joined(whose == "AND", std::move(terms));
  }

  Bound<Expression> bind_null_test(const TreeNode& node) {
    auto arg = bind(node.element("arg"));
    if (!arg) return Failure(arg.error());
    return null_test(std::move(*arg), node.text("nulltesttype") == "IS_NOT_NULL");
  }

  Bound<Expression> null_test(Term arg, bool negative) {
    auto settled = settle(std::move(arg), Type::kText, {});
    if (!settled) return Failure(settled.error());
    if (auto ok = comparator_.check_label(*settled, false); !ok) return Failure(ok.error());
    return Expression(NullTest{operand_of(std::move(*settled)), negative});
  }

  Bound<Expression> bind_truth_test(const TreeNode& node) {
    std::string_view type = node.text("booltesttype");
    bool negative = type.starts_with("IS_NOT_");
    type.remove_prefix(negative ? 7 : 3);
    auto arg = bind_condition(node.element("arg"), "IS");
    if (!arg) return arg;
    Operand operand;
    if (auto* plain = std::get_if<Predicate>(&arg->node()))
      operand = std::move(plain->operand);
    else
      operand = operand_of(term_of(std::move(*arg), 0));
    Truth truth = type == "TRUE" ? Truth::kTrue : type == "FALSE" ? Truth::kFalse : Truth::kUnknown;
    return Expression(TruthTest{std::move(operand), truth, negative});
  }

  Bound<Term> bind_operator(const TreeNode& node) {
    std::size_t at = position(node);
    auto names = node.list("name");
    std::string_view name = builtin_name(names);
    std::string_view kind = node.text("kind");
    if (!node.has("rexpr")) return fail(at, fmt::format("unknown or unsupported operator {}", dotted(names)));
    if (!node.has("lexpr")) return bind_prefix(node, name, at);
    bool any = kind == "AEXPR_OP_ANY";
    if (any || kind == "AEXPR_OP_ALL") return placed(bind_each(node, name, !any, at), at);
    if (kind == "AEXPR_IN") return placed(bind_in(node, name == "<>"), at);
    if (kind.find("BETWEEN") != std::string_view::npos) return placed(bind_between(node, kind), at);
    if (kind == "AEXPR_NULLIF" && name == "=" && !scope_.claims) return bind_null_if(node, at);
    if (kind == "AEXPR_DISTINCT") return placed(bind_distinct(node, CompareOp::kNotEqual), at);
    if (kind == "AEXPR_NOT_DISTINCT") return placed(bind_distinct(node, CompareOp::kEqual), at);
    if (kind == "AEXPR_OP" || kind == "AEXPR_LIKE" || kind == "AEXPR_ILIKE") {
      if (auto like = like_named(name)) {
        return placed(bind_like(node.element("lexpr"), node.element("rexpr"), *like, at), at);
      }
      if (auto op = comparison_named(name)) return placed(compare(*op, node.element("lexpr"), node.element("rexpr")), at);
      if (auto op = array_op_named(name)) return placed(bind_array_test(node, *op), at);
    }
    if (kind == "AEXPR_OP" && Operators::knows_operator(name) && !scope_.claims) return bind_binary(node, name, at);
    return bind_unknown_operator(node, dotted(names), at);
  }

  Bound<Term> bind_binary(const TreeNode& node, std::string_view name, std::size_t at) {
    auto pair = bind_pair(node);
    if (!pair) return Failure(pair.error());
    return operators_.binary(name, std::move(pair->left), std::move(pair->right), at);
  }

  Bound<Term> bind_null_if(const TreeNode& node, std::size_t at) {
    auto pair = bind_pair(node);
    if (!pair) return Failure(pair.error());
    return operators_.null_if(std::move(pair->left), std::move(pair->right), at);
  }

  Bound<std::vector<Term>> bind_all(const std::vector<element>& trees) {
    std::vector<Term> out;
    for (element tree : trees) {
      auto term = bind(tree);
      if (!term) return Failure(term.error());
      out.push_back(std::move(*term));
    }
    return out;
  }

  Bound<Term> bind_choice(const TreeNode& node, Function function) {
    auto args = bind_all(node.list("args"));
    if (!args) return Failure(args.error());
    return operators_.choice(function, std::move(*args), position(node));
  }

  // A plain call: none of what makes it an aggregate, a window or variadic.
  Bound<Term> bind_function(const TreeNode& node) {
    std::string_view name = builtin_name(node.list("funcname"));
    auto args = node.list("args");
    for (auto [field, value] : node.fields) {
      bool plain = field == "funcname" || field == "args" || field == "funcformat" || field == "location";
      if (!plain) return fail(position(node), fmt::format("unsupported form of a call of {}", name));
    }
    auto like = args.size() == 2 ? like_function(name) : std::nullopt;
    if (like) return placed(bind_like(args[0], args[1], *like, position(node)), position(node));
    if (name == "array_ndims" && args.size() == 1) {
      auto array = arrays_.bind(args[0]);
      return array ? dimensions_of(std::move(*array), position(node)) : Bound<Term>(Failure(array.error()));
    }
    if (!Operators::knows_function(name, args.size())) return refuse(node);
    auto terms = bind_all(args);
    if (!terms) return Failure(terms.error());
    return operators_.function(name, std::move(*terms), position(node));
  }

  Bound<Term> bind_case(const TreeNode& node) {
    std::vector<Expression> conditions;
    std::vector<Term> values;
    std::optional<Term> subject;
    auto whens = node.list("args");
    if (node.has("arg")) {
      auto arg = bind(node.element("arg"));
      if (!arg) return arg;
      auto settled = settle(std::move(*arg), Type::kText, {});
      if (!settled) return settled;
      if (auto ok = check_repeatable(*settled, whens.size()); !ok) return Failure(ok.error());
      subject = std::move(*settled);
    }
    for (element when : whens) {
      TreeNode parts = TreeNode::of(when);
      auto condition = bind_when(parts, subject);
      if (!condition) return Failure(condition.error());
      conditions.push_back(std::move(*condition));
      auto value = bind(parts.element("result"));
      if (!value) return value;
      values.push_back(std::move(*value));
    }
    auto otherwise = node.has("defresult") ? bind(node.element("defresult"))
                                           : Bound<Term>(term_of(Constant{.null = true}, position(node)));
    if (!otherwise) return otherwise;
    values.push_back(std::move(*otherwise));
    return operators_.case_of(std::move(conditions), std::move(values), position(node));
  }

  // CASE subject WHEN value is CASE WHEN subject = value.
  Bound<Expression> bind_when(const TreeNode& when, std::optional<Term>& subject) {
    if (!subject) return bind_condition(when.element("expr"), "CASE/WHEN");
    auto value = bind(when.element("expr"));
    if (!value) return Failure(value.error());
    return comparator_.compare(CompareOp::kEqual, share(*subject), std::move(*value));
  }

  // An arithmetic operator at the top is no condition, and that is what its author wants to hear.
  Bound<Term> bind_unknown_operator(const TreeNode& node, std::string_view name, std::size_t at) {
    bool arithmetic = name.find_first_not_of("+-*/%^|&#") == std::string_view::npos;
    if (counts_.depth == 1 && arithmetic && node.text("kind") == "AEXPR_OP") {
      return Failure(WhereError{0, "WHERE clause must return a boolean"});
    }
    return fail(at, fmt::format("unknown or unsupported operator {}", name));
  }

  Bound<Term> bind_prefix(const TreeNode& node, std::string_view name, std::size_t at) {
    auto arg = bind(node.element("rexpr"));
    if (!arg) return arg;
    if (name == "-" && (arg->is_constant() || scope_.claims)) return negate(std::move(*arg), at);
    if (name == "+" && arg->is_constant() && is_number(arg->type())) return arg;
    if (Operators::knows_operator(name) && !scope_.claims) return operators_.prefix(name, std::move(*arg), at);
    return fail(at, fmt::format("unknown or unsupported operator {}/1", name));
  }

  struct Pair {
    Term left;
    Term right;
  };

  Bound<Pair> bind_pair(element left, element right) {
    auto first = bind(left);
    if (!first) return Failure(first.error());
    auto second = bind(right);
    if (!second) return Failure(second.error());
    return Pair{std::move(*first), std::move(*second)};
  }
  Bound<Pair> bind_pair(const TreeNode& node) { return bind_pair(node.element("lexpr"), node.element("rexpr")); }

  Bound<Expression> compare(CompareOp op, element left, element right) {
    if (arrays_.compares(left, right)) return arrays_.compare(op, false, left, right);
    auto pair = bind_pair(left, right);
    if (!pair) return Failure(pair.error());
    return comparator_.compare(op, std::move(pair->left), std::move(pair->right));
  }

  // A bare NULL on either side makes it a null test, of whatever type the other side is.
  Bound<Expression> bind_distinct(const TreeNode& node, CompareOp op) {
    for (auto [null, other] : {std::pair("rexpr", "lexpr"), std::pair("lexpr", "rexpr")}) {
      if (!is_null_literal(node.element(null))) continue;
      auto arg = bind(node.element(other));
      if (!arg) return Failure(arg.error());
      return null_test(std::move(*arg), op == CompareOp::kNotEqual);
    }
    element left = node.element("lexpr");
    element right = node.element("rexpr");
    if (arrays_.compares(left, right)) return arrays_.compare(op, true, left, right);
    auto pair = bind_pair(left, right);
    if (!pair) return Failure(pair.error());
    return comparator_.compare_null_safe(op, std::move(pair->left), std::move(pair->right));
  }

  Bound<Expression> bind_in(const TreeNode& node, bool negative) {
    auto trees = node.node("rexpr").list("items");
    if (trees.empty()) return refuse(node.node("rexpr"));
    auto set = among(node.element("lexpr"), trees);
    if (!set || !negative) return set;
    return negated(std::move(*set));
  }

  // There is no type of arrays of arrays: where an array is among them, Postgres compares one by one.
  Bound<Expression> among(element left, const std::vector<element>& trees) {
    bool whole = std::ranges::any_of(trees, [&](element item) { return arrays_.compares(left, item); });
    if (!whole) {
      auto term = bind(left);
      if (!term) return Failure(term.error());
      auto items = bind_all(trees);
      if (!items) return Failure(items.error());
      return comparator_.among(std::move(*term), std::move(*items));
    }
    std::vector<Expression> terms;
    for (element item : trees) {
      auto term = compare(CompareOp::kEqual, left, item);
      if (!term) return term;
      terms.push_back(std::move(*term));
    }
    return joined(false, std::move(terms));
  }

  // left = ANY(array), and its negation left <> ALL(array).
  Bound<Expression> bind_any(const TreeNode& node, bool negative) {
    auto left = bind(node.element("lexpr"));
    if (!left) return Failure(left.error());
    auto array = arrays_.bind(node.element("rexpr"));
    if (!array) return Failure(array.error());
    auto any = comparator_.any_of(std::move(*left), std::move(*array));
    if (!any || !negative) return any;
    return negated(std::move(*any));
  }

  // left op ANY(array), left op ALL(array)
  Bound<Expression> bind_each(const TreeNode& node, std::string_view name, bool all, std::size_t at) {
    if (name == (all ? "<>" : "=")) return bind_any(node, all);
    auto like = scope_.claims ? std::nullopt : like_named(name);
    if (like) return bind_like_each(node, *like, all, at);
    auto op = scope_.claims ? std::nullopt : comparison_named(name);
    if (!op) return fail(at, fmt::format("unknown or unsupported operator {}", dotted(node.list("name"))));
    auto left = bind(node.element("lexpr"));
    if (!left) return Failure(left.error());
    auto array = arrays_.bind(node.element("rexpr"));
    if (!array) return Failure(array.error());
    return comparator_.each_of(*op, all, std::move(*left), std::move(*array));
  }

  Bound<Expression> bind_like_each(const TreeNode& node, LikeOp op, bool all, std::size_t at) {
    auto left = bind(node.element("lexpr"));
    if (!left) return Failure(left.error());
    auto array = arrays_.bind(node.element("rexpr"));
    if (!array) return Failure(array.error());
    bool text = array->is_constant() && (array->element == Type::kUnknown || array->element == Type::kText);
    if (!text) return fail(array->position, "the patterns of LIKE must be constants of type text");
    if (auto ok = check_repeatable(*left, array->items.size()); !ok) return Failure(ok.error());
    std::vector<Expression> terms;
    for (Term& item : array->items) {
      auto pattern = settle(std::move(item), Type::kText, {});
      if (!pattern) return Failure(pattern.error());
      auto term = like_constant(share(*left), std::move(*pattern), op, comparator_, at);
      if (!term) return term;
      terms.push_back(std::move(*term));
    }
    if (terms.empty()) return fail(array->position, "a list of patterns without any is not supported");
    return joined(all, std::move(terms));
  }

  Bound<Expression> bind_array_test(const TreeNode& node, ArrayOp op) {
    auto left = arrays_.bind(node.element("lexpr"));
    if (!left) return Failure(left.error());
    auto right = arrays_.bind(node.element("rexpr"));
    if (!right) return Failure(right.error());
    return comparator_.array_test(op, std::move(*left), std::move(*right), scope_.claims);
  }

  Bound<Expression> bind_between(const TreeNode& node, std::string_view kind) {
    auto bounds = node.node("rexpr").list("items");
    if (bounds.size() != 2) return refuse(node);
    element value = node.element("lexpr");
    bool symmetric = kind.ends_with("_SYM");
    bool whole = arrays_.compares(value, bounds[0]) || arrays_.compares(value, bounds[1]);
    auto out =
        whole ? between_arrays(value, bounds[0], bounds[1], symmetric) : between(value, bounds[0], bounds[1], symmetric);
    if (!out) return out;
    if (kind.starts_with("AEXPR_NOT_")) return negated(std::move(*out));
    return out;
  }

  Bound<Expression> between(element value, element low, element high, bool symmetric) {
    auto terms = bind_all({value, low, high});
    if (!terms) return Failure(terms.error());
    for (const Term& term : *terms) {
      if (auto ok = check_repeatable(term, 2); !ok) return Failure(ok.error());
    }
    return comparator_.between((*terms)[0], (*terms)[1], (*terms)[2], symmetric);
  }

  Bound<Expression> between_arrays(element value, element low, element high, bool symmetric) {
    std::vector<Expression> ways;
    for (auto [least, most] : {std::pair(low, high), std::pair(high, low)}) {
      std::vector<Expression> terms;
      for (auto [op, bound] : {std::pair(CompareOp::kGreaterEqual, least), std::pair(CompareOp::kLessEqual, most)}) {
        auto term = compare(op, value, bound);
        if (!term) return term;
        terms.push_back(std::move(*term));
      }
      ways.push_back(joined(true, std::move(terms)));
      if (!symmetric) break;
    }
    return joined(false, std::move(ways));
  }

  // The right side of LIKE as a text constant, or a null; ESCAPE is a call of like_escape().
  Bound<Term> bind_pattern(element tree) {
    TreeNode node = TreeNode::of(tree);
    auto args = node.list("args");
    if (node.kind == "FuncCall" && dotted(node.list("funcname")) == "pg_catalog.like_escape" && args.size() == 2) {
      auto pattern = bind_pattern(args[0]);
      if (!pattern) return pattern;
      auto escape = bind_pattern(args[1]);
      if (!escape || escape->operand.constant.null) return escape;
      if (pattern->operand.constant.null) return pattern;
      auto text = with_backslash_escapes(pattern->operand.constant.text, escape->operand.constant.text);
      if (!text) return fail(position(node), to_string(text.error()));
      pattern->operand.constant.text = std::move(*text);
      return pattern;
    }
    auto term = bind(tree);
    if (!term) return term;
    return constant_pattern(std::move(*term));
  }

  Bound<Expression> bind_like(element text, element pattern, LikeOp op, std::size_t at) {
    auto left = bind(text);
    if (!left) return Failure(left.error());
    if (!scope_.claims && !is_constant_pattern(pattern)) {
      auto right = bind(pattern);
      if (!right) return Failure(right.error());
      return like_any(std::move(*left), std::move(*right), op, comparator_, operators_, at);
    }
    auto fixed = bind_pattern(pattern);
    if (!fixed) return Failure(fixed.error());
    return like_constant(std::move(*left), std::move(*fixed), op, comparator_, at);
  }

  const ParseTree& tree_;
  const BinderScope& scope_;
  Comparator comparator_;
  Operators operators_;
  BinderCounts counts_;
  ArrayBinder arrays_;
};

}  // namespace

std::expected<Expression, WhereError> bind_where(const ParseTree& tree, const BinderScope& scope) {
  return Binder(tree, scope).where();
}

}  // namespace sluice::sql

#include "sql/routes.h"

#include <algorithm>
#include <tuple>

namespace sluice::sql {
namespace {

using Key = WhereClause::Key;
using Route = WhereClause::Route;
using Routes = std::vector<Route>;

// Types of which Postgres prints a value in one way, under the settings that rows are printed with.
bool has_one_spelling(Type type) {
  switch (type) {
    case Type::kBool:
    case Type::kInt2:
    case Type::kInt4:
    case Type::kInt8:
    case Type::kText:
    case Type::kUuid:
    case Type::kDate:
    case Type::kTime:
    case Type::kTimestamp:
    case Type::kTimestamptz:
    case Type::kEnum: return true;
    default: return false;
  }
}

// A column equal to the constant has its text.
bool is_key(Type column, const Constant& constant) {
  if (constant.null || !has_one_spelling(column)) return false;
  return column == constant.type || (is_integer(column) && is_integer(constant.type));
}

bool before(const Key& a, const Key& b) {
  return std::tie(a.column, a.element, a.value) < std::tie(b.column, b.element, b.value);
}
bool same(const Key& a, const Key& b) {
  return a.column == b.column && a.element == b.element && a.value == b.value;
}

Routes one_route(Route route) {
  std::sort(route.begin(), route.end(), before);
  route.erase(std::unique(route.begin(), route.end(), same), route.end());
  if (route.empty() || route.size() > kRouteKeysMax) return {};
  return {std::move(route)};
}

Routes of_condition(const Operand& operand) {
  if (operand.source != Operand::Source::kCondition) return {};
  return routes_of(*operand.condition);
}

// A boolean that is to be so.
Routes of_boolean(const Operand& operand, bool value) {
  if (operand.source == Operand::Source::kColumn) return {{Key{operand.column, false, value ? "t" : "f"}}};
  return value ? of_condition(operand) : Routes();
}

Routes routes(const Comparison& node) {
  bool column = node.left.source == Operand::Source::kColumn && node.right.source == Operand::Source::kConstant;
  if (node.op != CompareOp::kEqual || !column || !is_key(node.left.type, node.right.constant)) return {};
  return {{Key{node.left.column, false, text_of(node.right.constant)}}};
}

// The constants as keys; none where one of them is none.
Routes of_items(std::uint32_t column, bool element, Type type, const std::vector<Constant>& items) {
  Route out;
  for (const Constant& item : items) {
    if (!is_key(type, item)) return {};
    out.push_back({column, element, text_of(item)});
  }
  return one_route(std::move(out));
}

Routes routes(const Membership& node) {
  if (node.left.source != Operand::Source::kColumn) return {};
  return of_items(node.left.column, false, node.left.type, node.items);
}

Routes routes(const ElementTest& node) {
  if (node.op != CompareOp::kEqual || node.all || node.left.source != Operand::Source::kConstant) return {};
  if (!is_key(node.element, node.left.constant)) return {};
  return {{Key{node.array, true, text_of(node.left.constant)}}};
}

Routes routes(const ArrayTest& node) {
  if (node.op == ArrayOp::kOverlaps) return of_items(node.array, true, node.element, node.items);
  if (node.op != ArrayOp::kContains) return {};
  Routes out;
  for (const Constant& item : node.items) {
    if (out.size() == kRoutesMax) break;
    if (is_key(node.element, item)) out.push_back({Key{node.array, true, text_of(item)}});
  }
  return out;
}

Routes routes(const TruthTest& node) {
  if (node.negated || node.truth == Truth::kUnknown) return {};
  return of_boolean(node.operand, node.truth == Truth::kTrue);
}

Routes routes(const Predicate& node) {
  return of_boolean(node.operand, true);
}

Routes routes(const Negation& node) {
  auto* plain = std::get_if<Predicate>(&node.term->node());
  return plain != nullptr ? of_boolean(plain->operand, false) : Routes();
}

Routes routes(const Likeness&) {
  return {};
}
Routes routes(const ArraysTest&) {
  return {};
}
Routes routes(const ArrayComparison&) {
  return {};
}
Routes routes(const ElementOf&) {
  return {};
}
Routes routes(const NullTest&) {
  return {};
}

Routes every_terms(const Junction& node) {
  Routes out;
  for (const Expression& term : node.terms) {
    for (Route& route : routes_of(term)) {
      if (out.size() == kRoutesMax) return out;
      out.push_back(std::move(route));
    }
  }
  return out;
}

// Of each term the route with the fewest keys.
Routes union_of(const Junction& node) {
  Route out;
  for (const Expression& term : node.terms) {
    Routes of_term = routes_of(term);
    auto least = std::ranges::min_element(of_term, {}, &Route::size);
    if (least == of_term.end() || out.size() + least->size() > kRouteKeysMax) return {};
    std::move(least->begin(), least->end(), std::back_inserter(out));
  }
  return one_route(std::move(out));
}

Routes routes(const Junction& node) {
  return node.conjunction ? every_terms(node) : union_of(node);
}

}  // namespace

std::vector<WhereClause::Route> routes_of(const Expression& expression) {
  return std::visit([](const auto& node) { return routes(node); }, expression.node());
}

}  // namespace sluice::sql

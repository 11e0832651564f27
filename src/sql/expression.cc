#include "sql/expression.h"

#include <algorithm>
#include <bitset>
#include <cmath>
#include <compare>

#include "sql/array.h"
#include "sql/call.h"
#include "sql/datetime.h"
#include "sql/decimal.h"
#include "sql/interval.h"
#include "sql/text_input.h"
#include "sql/where.h"

namespace sluice::sql {
namespace {

// On the stack, before an evaluation asks the heap.
constexpr std::size_t kEvaluationBytes = 512;

Truth truth_of(bool value) {
  return value ? Truth::kTrue : Truth::kFalse;
}

Truth opposite(Truth truth) {
  return truth == Truth::kUnknown ? truth : truth_of(truth == Truth::kFalse);
}

std::optional<std::string_view> text_at(std::uint32_t column, Row row) {
  if (column >= row.size()) return std::nullopt;
  return row[column];
}

int three_way(std::int64_t a, std::int64_t b) {
  return a < b ? -1 : a > b;
}
int three_way(__int128 a, __int128 b) {
  return a < b ? -1 : a > b;
}
int three_way(const Decimal& a, const Decimal& b) {
  return compare(a, b);
}
int three_way(std::string_view a, std::string_view b) {
  return a.compare(b);
}
// NaN equals NaN and is above everything.
int three_way(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) - std::isnan(b);
  return a < b ? -1 : a > b;
}

// How each domain reads a column's text and a constant. Values are comparable by three_way().
struct Integers {
  using Value = std::int64_t;
  static std::optional<Value> read(std::string_view text, Type) { return read_integer(text); }
  static std::optional<Value> of(const Constant& c) { return c.integer; }
  static Value from(const sql::Value& value) { return value.integer; }
};
struct Decimals {
  using Value = Decimal;
  static std::optional<Value> read(std::string_view text, Type) { return read_decimal(text); }
  static std::optional<Value> of(const Constant& c) { return read_decimal(c.text); }
  static Value from(const sql::Value& value) { return *read_decimal(value.text); }
};
struct Reals {
  using Value = double;
  static std::optional<Value> read(std::string_view text, Type type) { return read_real(text, type); }
  static std::optional<Value> of(const Constant& c) { return c.real; }
  static Value from(const sql::Value& value) { return value.real; }
};
struct Bytes {
  using Value = std::string_view;
  static std::optional<Value> read(std::string_view text, Type) { return text; }
  static std::optional<Value> of(const Constant& c) { return c.text; }
  static Value from(const sql::Value& value) { return value.text; }
};
struct BlankPadded {
  using Value = std::string_view;
  static std::optional<Value> read(std::string_view text, Type) { return without_trailing_blanks(text); }
  static std::optional<Value> of(const Constant& c) { return without_trailing_blanks(c.text); }
  static Value from(const sql::Value& value) { return value.text; }
};
struct Bools {
  using Value = std::int64_t;
  static std::optional<Value> read(std::string_view text, Type) {
    if (text == "t" || text == "true") return 1;
    if (text == "f" || text == "false") return 0;
    return std::nullopt;
  }
  static std::optional<Value> of(const Constant& c) { return c.integer; }
  static Value from(const sql::Value& value) { return value.integer; }
};
struct Dates {
  using Value = std::int64_t;
  static std::optional<Value> read(std::string_view text, Type) { return read_date(text); }
  static std::optional<Value> of(const Constant& c) { return c.integer; }
  static Value from(const sql::Value& value) { return value.integer; }
};
struct Times {
  using Value = std::int64_t;
  static std::optional<Value> read(std::string_view text, Type) { return read_time(text); }
  static std::optional<Value> of(const Constant& c) { return c.integer; }
  static Value from(const sql::Value& value) { return value.integer; }
};
struct Timestamps {
  using Value = std::int64_t;
  static std::optional<Value> read(std::string_view text, Type type) {
    if (type == Type::kTimestamp) return read_timestamp(text);
    auto days = read_date(text);
    if (!days) return std::nullopt;
    return timestamp_of_date(*days);
  }
  static std::optional<Value> of(const Constant& c) {
    return c.type == Type::kDate ? timestamp_of_date(c.integer) : c.integer;
  }
  static Value from(const sql::Value& value) { return value.integer; }
};
struct Intervals {
  using Value = __int128;
  static std::optional<Value> read(std::string_view text, Type) {
    auto interval = read_interval(text);
    if (!interval) return std::nullopt;
    return span_of(*interval);
  }
  static std::optional<Value> of(const Constant& c) { return span_of({c.months, c.days, c.integer}); }
  static Value from(const sql::Value& value) { return span_of({value.months, value.days, value.integer}); }
};
struct Timestamptzs {
  using Value = std::int64_t;
  static std::optional<Value> read(std::string_view text, Type) { return read_timestamptz(text); }
  static std::optional<Value> of(const Constant& c) { return c.integer; }
  static Value from(const sql::Value& value) { return value.integer; }
};

// Calls visit with the reader of the domain.
template <typename Visit>
auto in_domain(Domain domain, Visit visit) {
  switch (domain) {
    case Domain::kInteger: return visit(Integers());
    case Domain::kDecimal: return visit(Decimals());
    case Domain::kReal: return visit(Reals());
    case Domain::kBytes: return visit(Bytes());
    case Domain::kBlankPadded: return visit(BlankPadded());
    case Domain::kBool: return visit(Bools());
    case Domain::kDate: return visit(Dates());
    case Domain::kTime: return visit(Times());
    case Domain::kTimestamp: return visit(Timestamps());
    case Domain::kTimestamptz: return visit(Timestamptzs());
    case Domain::kInterval: return visit(Intervals());
  }
  __builtin_unreachable();
}

Truth evaluate_bool(const Operand& operand, Evaluation& evaluation) {
  if (operand.source == Operand::Source::kCall) {
    sql::Value value = value_of(*operand.call, evaluation);
    return value.null ? Truth::kUnknown : truth_of(value.integer != 0);
  }
  if (operand.source == Operand::Source::kCondition) return operand.condition->evaluate(evaluation);
  if (operand.source == Operand::Source::kConstant) {
    return operand.constant.null ? Truth::kUnknown : truth_of(operand.constant.integer != 0);
  }
  auto text = text_at(operand.column, evaluation.row);
  auto value = text ? Bools::read(*text, operand.type) : std::nullopt;
  return value ? truth_of(*value != 0) : Truth::kUnknown;
}

template <typename Reader>
std::optional<typename Reader::Value> load(const Operand& operand, Evaluation& evaluation) {
  if (operand.source == Operand::Source::kColumn) {
    auto text = text_at(operand.column, evaluation.row);
    if (!text) return std::nullopt;
    return Reader::read(*text, operand.type);
  }
  if (operand.source == Operand::Source::kConstant) {
    if (operand.constant.null) return std::nullopt;
    return Reader::of(operand.constant);
  }
  if (operand.source == Operand::Source::kCall) {
    sql::Value value = value_of(*operand.call, evaluation);
    if (value.null) return std::nullopt;
    return Reader::from(value);
  }
  if constexpr (std::is_same_v<Reader, Bools>) {
    Truth truth = evaluate_bool(operand, evaluation);
    if (truth != Truth::kUnknown) return truth == Truth::kTrue;
  }
  return std::nullopt;
}

bool holds(CompareOp op, int order) {
  switch (op) {
    case CompareOp::kLess: return order < 0;
    case CompareOp::kLessEqual: return order <= 0;
    case CompareOp::kEqual: return order == 0;
    case CompareOp::kNotEqual: return order != 0;
    case CompareOp::kGreaterEqual: return order >= 0;
    case CompareOp::kGreater: return order > 0;
  }
  __builtin_unreachable();
}

Truth evaluate_order(const Comparison& node, Evaluation& evaluation) {
  auto left = load<Bytes>(node.left, evaluation);
  auto right = load<Bytes>(node.right, evaluation);
  if (!left || !right) return Truth::kUnknown;
  auto first = node.labels->place_of(*left);
  auto second = node.labels->place_of(*right);
  if (!first || !second) {
    evaluation.unjudged = true;
    return Truth::kUnknown;
  }
  return truth_of(holds(node.op, *first < *second ? -1 : *first > *second));
}

Truth evaluate(const Comparison& node, Evaluation& evaluation) {
  if (node.labels) return evaluate_order(node, evaluation);
  return in_domain(node.domain, [&]<typename Reader>(Reader) {
    auto left = load<Reader>(node.left, evaluation);
    if (!left && !node.null_safe) return Truth::kUnknown;
    auto right = load<Reader>(node.right, evaluation);
    if (left && right) return truth_of(holds(node.op, three_way(*left, *right)));
    if (!node.null_safe) return Truth::kUnknown;
    bool distinct = left.has_value() != right.has_value();
    return truth_of(distinct == (node.op == CompareOp::kNotEqual));
  });
}

// Where a value is among constants in ascending order; their number where it is not.
template <typename Reader>
std::size_t position_in(const std::vector<Constant>& items, const typename Reader::Value& value) {
  auto below = [](const Constant& item, const typename Reader::Value& sought) {
    return three_way(*Reader::of(item), sought) < 0;
  };
  auto at = std::lower_bound(items.begin(), items.end(), value, below);
  bool found = at != items.end() && three_way(*Reader::of(*at), value) == 0;
  return found ? static_cast<std::size_t>(at - items.begin()) : items.size();
}

Truth evaluate(const Membership& node, Evaluation& evaluation) {
  return in_domain(node.domain, [&]<typename Reader>(Reader) {
    auto left = load<Reader>(node.left, evaluation);
    if (!left) return Truth::kUnknown;
    if (position_in<Reader>(node.items, *left) < node.items.size()) return Truth::kTrue;
    return node.has_null ? Truth::kUnknown : Truth::kFalse;
  });
}

template <typename Reader, typename Visit>
bool each_element_of(ArrayElements& elements, Type type, Visit visit) {
  while (elements.next()) {
    if (elements.null()) {
      visit(static_cast<const typename Reader::Value*>(nullptr));
      continue;
    }
    auto value = Reader::read(elements.text(), type);
    if (!value) return false;
    visit(&*value);
  }
  return !elements.malformed();
}

// Calls visit(value), a pointer that is null for NULL, for every element of an array. False where the column is null or is
// no array: every element is read before an answer is given, so that a damaged one never gives half an answer.
template <typename Reader, typename Visit>
bool each_element(std::uint32_t column, Type type, Evaluation& evaluation, Visit visit) {
  auto array = text_at(column, evaluation.row);
  if (!array) return false;
  ArrayElements elements(*array);
  return each_element_of<Reader>(elements, type, visit);
}

// Can be put together with others.
bool is_flat(const ArrayElements& elements, bool from_one) {
  std::int64_t lower = elements.lower_bound();
  return elements.dimensions() <= 1 && (from_one ? lower == 1 : lower <= kArrayBoundMax && lower >= -kArrayBoundMax);
}

// The same for an array that is put together. False where it is null.
template <typename Reader, typename Visit>
bool each_element(const ArrayValue& array, Evaluation& evaluation, Visit visit) {
  bool any = false;
  for (const ArrayPart& part : array.parts) {
    if (part.source == ArrayPart::Source::kElement) {
      auto value = load<Reader>(part.element, evaluation);
      visit(value ? &*value : nullptr);
    }
    for (const Constant& item : part.items) {
      auto value = item.null ? std::nullopt : Reader::of(item);
      visit(value ? &*value : nullptr);
    }
    if (part.source == ArrayPart::Source::kColumn) {
      auto text = text_at(part.column, evaluation.row);
      if (!text) continue;
      ArrayElements elements(*text);
      if (!each_element_of<Reader>(elements, array.element, visit)) return false;
      if (array.parts.size() > 1 && !is_flat(elements, array.from_one)) return false;
    }
    any = true;
  }
  return any;
}

// Holds a value that is read from an array for as long as the evaluation lasts.
template <typename T>
T kept(const T& value, Evaluation& evaluation) {
  if constexpr (std::is_same_v<T, std::string_view>) {
    auto* copy = static_cast<char*>(evaluation.arena.allocate(value.size() + 1, 1));
    std::copy(value.begin(), value.end(), copy);
    return {copy, value.size()};
  } else {
    return value;
  }
}

// The values of an array but its nulls, ascending.
template <typename Value>
struct Elements {
  std::pmr::vector<Value> values;
  bool has_null = false;
};

template <typename Reader>
std::optional<Elements<typename Reader::Value>> elements_of(const ArrayValue& array, Evaluation& evaluation) {
  using Value = typename Reader::Value;
  Elements<Value> out{.values = std::pmr::vector<Value>(&evaluation.arena)};
  bool read = each_element<Reader>(array, evaluation, [&](const Value* value) {
    if (value == nullptr)
      out.has_null = true;
    else
      out.values.push_back(kept(*value, evaluation));
  });
  if (!read) return std::nullopt;
  std::sort(out.values.begin(), out.values.end(), [](const Value& a, const Value& b) { return three_way(a, b) < 0; });
  return out;
}

// The values of an array in their order.
template <typename Value>
struct Sequence {
  std::pmr::vector<std::optional<Value>> values;
  ArrayBounds bounds = {};
};

template <typename Reader>
std::optional<Sequence<typename Reader::Value>> sequence_of(const ArrayValue& array, Evaluation& evaluation) {
  using Value = typename Reader::Value;
  Sequence<Value> out{.values = std::pmr::vector<std::optional<Value>>(&evaluation.arena)};
  auto append = [&](const Value* value) {
    out.values.push_back(value == nullptr ? std::nullopt : std::optional(kept(*value, evaluation)));
  };
  const ArrayPart& first = array.parts.front();
  bool single = array.parts.size() == 1;
  if (single && first.source == ArrayPart::Source::kColumn) {
    auto text = text_at(first.column, evaluation.row);
    if (!text) return std::nullopt;
    ArrayElements elements(*text);
    if (!each_element_of<Reader>(elements, array.element, append)) return std::nullopt;
    auto bounds = elements.bounds();
    if (!bounds) return std::nullopt;
    out.bounds = *bounds;
    return out;
  }
  if (!each_element<Reader>(array, evaluation, append)) return std::nullopt;
  bool shaped = single && first.bounds.dimensions > 0;
  out.bounds = shaped ? first.bounds : flat_bounds(out.values.size());
  return out;
}

int three_way(std::strong_ordering order) {
  return order < 0 ? -1 : order > 0;
}

template <typename Value>
int order_of(const Sequence<Value>& a, const Sequence<Value>& b) {
  for (std::size_t i = 0; i < std::min(a.values.size(), b.values.size()); ++i) {
    const auto& x = a.values[i];
    const auto& y = b.values[i];
    int order = x && y ? three_way(*x, *y) : static_cast<int>(!x) - static_cast<int>(!y);
    if (order != 0) return order;
  }
  if (a.values.size() != b.values.size()) return a.values.size() < b.values.size() ? -1 : 1;
  return three_way(a.bounds <=> b.bounds);
}

Truth evaluate(const ArrayComparison& node, Evaluation& evaluation) {
  return in_domain(node.domain, [&]<typename Reader>(Reader) {
    auto left = sequence_of<Reader>(node.left, evaluation);
    if (!left && !node.null_safe) return Truth::kUnknown;
    auto right = sequence_of<Reader>(node.right, evaluation);
    if (left && right) return truth_of(holds(node.op, order_of(*left, *right)));
    if (!node.null_safe) return Truth::kUnknown;
    bool distinct = left.has_value() != right.has_value();
    return truth_of(distinct == (node.op == CompareOp::kNotEqual));
  });
}

// ExecEvalScalarArrayOp(): no element at all decides for itself, even for a null. `each` calls its argument for every
// element.
template <typename Reader, typename Node, typename Each>
Truth among_elements(const Node& node, Evaluation& evaluation, Each each) {
  auto left = load<Reader>(node.left, evaluation);
  bool any = false;
  bool null = !left;
  bool decided = false;
  bool read = each([&](const typename Reader::Value* value) {
    any = true;
    if (value == nullptr)
      null = true;
    else if (left)
      decided = decided || holds(node.op, three_way(*left, *value)) != node.all;
  });
  if (!read) return Truth::kUnknown;
  if (!any || decided || !null) return truth_of(decided != node.all);
  return Truth::kUnknown;
}

Truth evaluate(const ElementTest& node, Evaluation& evaluation) {
  return in_domain(node.domain, [&]<typename Reader>(Reader) {
    return among_elements<Reader>(
        node, evaluation, [&](auto visit) { return each_element<Reader>(node.array, node.element, evaluation, visit); });
  });
}

Truth evaluate(const ElementOf& node, Evaluation& evaluation) {
  return in_domain(node.domain, [&]<typename Reader>(Reader) {
    return among_elements<Reader>(node, evaluation,
                                  [&](auto visit) { return each_element<Reader>(node.array, evaluation, visit); });
  });
}

Truth evaluate(const ArraysTest& node, Evaluation& evaluation) {
  return in_domain(node.domain, [&]<typename Reader>(Reader) {
    using Value = typename Reader::Value;
    auto left = elements_of<Reader>(node.left, evaluation);
    auto right = elements_of<Reader>(node.right, evaluation);
    if (!left || !right) return Truth::kUnknown;
    auto before = [](const Value& a, const Value& b) { return three_way(a, b) < 0; };
    auto is_among = [&](const Elements<Value>& all) {
      return [&](const Value& one) { return std::binary_search(all.values.begin(), all.values.end(), one, before); };
    };
    switch (node.op) {
      case ArrayOp::kContains: return truth_of(!right->has_null && std::ranges::all_of(right->values, is_among(*left)));
      case ArrayOp::kContainedBy: return truth_of(!left->has_null && std::ranges::all_of(left->values, is_among(*right)));
      case ArrayOp::kOverlaps: return truth_of(std::ranges::any_of(left->values, is_among(*right)));
    }
    __builtin_unreachable();
  });
}

// array_contain_compare(): a null is equal to nothing, and so is contained in nothing.
Truth evaluate(const ArrayTest& node, Evaluation& evaluation) {
  return in_domain(node.domain, [&]<typename Reader>(Reader) {
    std::bitset<kExpressionNodesMax> found;
    bool all_within = true;
    bool read = each_element<Reader>(node.array, node.element, evaluation, [&](const typename Reader::Value* value) {
      std::size_t at = value == nullptr ? node.items.size() : position_in<Reader>(node.items, *value);
      if (at < node.items.size())
        found.set(at);
      else
        all_within = false;
    });
    if (!read) return Truth::kUnknown;
    switch (node.op) {
      case ArrayOp::kContains: return truth_of(!node.has_null && found.count() == node.items.size());
      case ArrayOp::kContainedBy: return truth_of(all_within);
      case ArrayOp::kOverlaps: return truth_of(found.any());
    }
    __builtin_unreachable();
  });
}

Truth evaluate(const Likeness& node, Evaluation& evaluation) {
  auto text = load<Bytes>(node.left, evaluation);
  return text ? truth_of(node.pattern.matches(*text)) : Truth::kUnknown;
}

bool is_null(const Operand& operand, Evaluation& evaluation) {
  switch (operand.source) {
    case Operand::Source::kColumn: return !text_at(operand.column, evaluation.row);
    case Operand::Source::kConstant: return operand.constant.null;
    case Operand::Source::kCall: return value_of(*operand.call, evaluation).null;
    case Operand::Source::kCondition: return operand.condition->evaluate(evaluation) == Truth::kUnknown;
  }
  __builtin_unreachable();
}

Truth evaluate(const NullTest& node, Evaluation& evaluation) {
  return truth_of(is_null(node.operand, evaluation) != node.negated);
}

Truth evaluate(const TruthTest& node, Evaluation& evaluation) {
  return truth_of((evaluate_bool(node.operand, evaluation) == node.truth) != node.negated);
}

Truth evaluate(const Predicate& node, Evaluation& evaluation) {
  return evaluate_bool(node.operand, evaluation);
}

Truth evaluate(const Junction& node, Evaluation& evaluation) {
  Truth decisive = truth_of(!node.conjunction);
  Truth out = opposite(decisive);
  for (const Expression& term : node.terms) {
    Truth truth = term.evaluate(evaluation);
    if (truth == decisive) return decisive;
    if (truth == Truth::kUnknown) out = Truth::kUnknown;
  }
  return out;
}

Truth evaluate(const Negation& node, Evaluation& evaluation) {
  return opposite(node.term->evaluate(evaluation));
}

}  // namespace

Truth Expression::evaluate(Evaluation& evaluation) const {
  return std::visit([&](const auto& node) { return sql::evaluate(node, evaluation); }, node_);
}

std::optional<Truth> Expression::judge(Row row) const {
  std::byte memory[kEvaluationBytes];
  std::pmr::monotonic_buffer_resource arena(memory, sizeof(memory));
  Evaluation evaluation{row, arena};
  Truth truth = evaluate(evaluation);
  return evaluation.unjudged ? std::nullopt : std::optional(truth);
}

Truth Expression::evaluate(Row row) const {
  return judge(row).value_or(Truth::kUnknown);
}

Expression negated(Expression term) {
  return Expression(Negation{std::make_unique<Expression>(std::move(term))});
}

Expression joined(bool conjunction, std::vector<Expression> terms) {
  Junction out{.conjunction = conjunction, .terms = {}};
  for (Expression& term : terms) {
    auto* inner = std::get_if<Junction>(&term.node());
    if (inner == nullptr || inner->conjunction != conjunction) {
      out.terms.push_back(std::move(term));
      continue;
    }
    for (Expression& nested : inner->terms) out.terms.push_back(std::move(nested));
  }
  if (out.terms.size() == 1) return std::move(out.terms.front());
  return Expression(std::move(out));
}

std::optional<std::int64_t> dimensions_of(const ArrayValue& array, Evaluation& evaluation) {
  std::size_t dimensions = 0;
  for (const ArrayPart& part : array.parts) {
    if (part.source == ArrayPart::Source::kElement || !part.items.empty()) dimensions = std::max<std::size_t>(dimensions, 1);
    if (part.source != ArrayPart::Source::kColumn) continue;
    auto text = text_at(part.column, evaluation.row);
    if (!text) continue;
    ArrayElements elements(*text);
    bool any = false;
    while (elements.next()) any = true;
    if (elements.malformed() || (array.parts.size() > 1 && !is_flat(elements, array.from_one))) return std::nullopt;
    if (any) dimensions = std::max(dimensions, elements.dimensions());
  }
  return dimensions == 0 ? std::nullopt : std::optional(static_cast<std::int64_t>(dimensions));
}

int compare_constants(const Constant& a, const Constant& b, Domain domain) {
  return in_domain(domain, [&]<typename Reader>(Reader) { return three_way(*Reader::of(a), *Reader::of(b)); });
}

}  // namespace sluice::sql

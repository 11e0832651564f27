#include "sql/call.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "sql/datetime.h"
#include "sql/decimal.h"
#include "sql/interval.h"
#include "sql/interval_math.h"
#include "sql/numeric.h"
#include "sql/real_math.h"
#include "sql/text_input.h"

namespace sluice::sql {
namespace {

constexpr std::int64_t kDayMicroseconds = 86'400'000'000;

using Wide = __int128;

Value of_integer(std::int64_t value) {
  return {.null = false, .integer = value};
}
Value of_real(double value) {
  return {.null = false, .real = value};
}
Value of_text(std::string_view text) {
  return {.null = false, .text = text};
}

Value stored(std::string_view text, Evaluation& evaluation) {
  if (text.empty()) return of_text({});
  auto* copy = static_cast<char*>(evaluation.arena.allocate(text.size(), 1));
  std::memcpy(copy, text.data(), text.size());
  return of_text({copy, text.size()});
}

Value of_numeric(const std::optional<Numeric>& value, Evaluation& evaluation) {
  return value ? stored(value->text(), evaluation) : Value{};
}

// NULL where the type does not hold it.
Value of_wide(Wide value, Type type) {
  Wide most = type == Type::kInt2   ? std::numeric_limits<std::int16_t>::max()
              : type == Type::kInt4 ? std::numeric_limits<std::int32_t>::max()
                                    : std::numeric_limits<std::int64_t>::max();
  if (value > most || value < -most - 1) return {};
  return of_integer(static_cast<std::int64_t>(value));
}

Value of_interval(const std::optional<Interval>& interval) {
  if (!interval) return {};
  return {.null = false, .integer = interval->microseconds, .months = interval->months, .days = interval->days};
}

Value of_maybe(std::optional<double> real) {
  return real ? of_real(*real) : Value{};
}

Interval interval_of(const Value& value) {
  return {value.months, value.days, value.integer};
}

Value of_moment(std::optional<std::int64_t> moment) {
  return moment ? of_integer(*moment) : Value{};
}

// A column's text.
Value read_value(std::string_view text, Type type) {
  switch (type) {
    case Type::kBool:
      if (text == "t" || text == "true") return of_integer(1);
      return text == "f" || text == "false" ? of_integer(0) : Value{};
    case Type::kInt2:
    case Type::kInt4:
    case Type::kInt8: return of_moment(read_integer(text));
    case Type::kFloat4:
    case Type::kFloat8: {
      auto real = read_real(text, type);
      return real ? of_real(*real) : Value{};
    }
    case Type::kNumeric: return read_decimal(text) ? of_text(text) : Value{};
    case Type::kBpchar: return of_text(without_trailing_blanks(text));
    case Type::kDate: return of_moment(read_date(text));
    case Type::kTime: return of_moment(read_time(text));
    case Type::kTimestamp: return of_moment(read_timestamp(text));
    case Type::kTimestamptz: return of_moment(read_timestamptz(text));
    case Type::kInterval: return of_interval(read_interval(text));
    default: return of_text(text);
  }
}

Value value_of(const Constant& constant) {
  if (constant.null) return {};
  return {.null = false,
          .integer = constant.integer,
          .months = constant.months,
          .days = constant.days,
          .real = constant.real,
          .text = constant.text};
}

Value integer_operation(Function function, Wide a, Wide b, Type type) {
  switch (function) {
    case Function::kAdd: return of_wide(a + b, type);
    case Function::kSubtract: return of_wide(a - b, type);
    case Function::kMultiply: return of_wide(a * b, type);
    case Function::kDivide: return b == 0 ? Value{} : of_wide(a / b, type);
    case Function::kModulo: return b == 0 ? Value{} : of_wide(a % b, type);
    case Function::kBitAnd: return of_wide(a & b, type);
    case Function::kBitOr: return of_wide(a | b, type);
    case Function::kBitXor: return of_wide(a ^ b, type);
    default: return {};
  }
}

// By a number of places that is within the type: what is shifted out is lost.
Value shifted(bool left, std::int64_t value, std::int64_t places, Type type) {
  if (!left) return of_integer(value >> places);
  auto bits = static_cast<std::uint64_t>(value) << places;
  if (type == Type::kInt2) return of_integer(static_cast<std::int16_t>(bits));
  if (type == Type::kInt4) return of_integer(static_cast<std::int32_t>(bits));
  return of_integer(static_cast<std::int64_t>(bits));
}

Value numeric_operation(Function function, const Value& left, const Value& right, Evaluation& evaluation) {
  auto a = Numeric::read(left.text);
  auto b = Numeric::read(right.text);
  if (!a || !b) return {};
  switch (function) {
    case Function::kAdd: return of_numeric(*a + *b, evaluation);
    case Function::kSubtract: return of_numeric(*a - *b, evaluation);
    case Function::kMultiply: return of_numeric(*a * *b, evaluation);
    case Function::kDivide: return of_numeric(quotient(*a, *b), evaluation);
    case Function::kModulo: return of_numeric(remainder(*a, *b), evaluation);
    default: return {};
  }
}

Value real_operation(Function function, double a, double b, Type type) {
  switch (function) {
    case Function::kAdd: return of_maybe(real_sum(a, b, type));
    case Function::kSubtract: return of_maybe(real_difference(a, b, type));
    case Function::kMultiply: return of_maybe(real_product(a, b, type));
    case Function::kDivide: return of_maybe(real_quotient(a, b, type));
    case Function::kPower: return of_maybe(real_power(a, b));
    default: return {};
  }
}

Value interval_operation(Function function, const Value& a, const Value& b) {
  switch (function) {
    case Function::kAdd: return of_interval(interval_of(a) + interval_of(b));
    case Function::kSubtract: return of_interval(interval_of(a) - interval_of(b));
    case Function::kMultiply: return of_interval(product(interval_of(a), b.real));
    case Function::kDivide: return of_interval(quotient(interval_of(a), b.real));
    case Function::kApart: return of_interval(apart(a.integer, b.integer));
    default: return {};
  }
}

Value signed_value(const Call& call, const Value& value, Evaluation& evaluation) {
  bool negate = call.function == Function::kNegate;
  if (call.type == Type::kInterval) return of_interval(Interval{} - interval_of(value));
  if (is_float(call.type)) return of_real(negate ? -value.real : std::fabs(value.real));
  if (is_integer(call.type)) return of_wide(negate || value.integer < 0 ? -Wide(value.integer) : value.integer, call.type);
  auto numeric = Numeric::read(value.text);
  if (!numeric) return {};
  return of_numeric(negate ? -*numeric : absolute(*numeric), evaluation);
}

Value bounded(const Value& value, Type type) {
  if (type == Type::kInterval) return in_bounds(interval_of(value)) ? value : Value{};
  auto decimal = read_decimal(value.text);
  if (!decimal) return {};
  std::size_t point = value.text.find('.');
  std::size_t scale = point == std::string_view::npos ? 0 : value.text.size() - point - 1;
  bool fits = decimal->whole.size() <= kColumnDigitsMax && scale <= kColumnDigitsMax;
  return decimal->kind != Decimal::Kind::kFinite || fits ? value : Value{};
}

Value cast_to_integer(const Value& value, Type from, Type to) {
  if (is_integer(from) || from == Type::kBool) return of_wide(value.integer, to);
  if (from == Type::kNumeric) {
    auto numeric = Numeric::read(value.text);
    auto whole = numeric ? rounded(*numeric) : std::nullopt;
    return whole ? of_wide(*whole, to) : Value{};
  }
  constexpr double kEnd = 9223372036854775808.0;
  double whole = std::rint(value.real);
  if (!(whole >= -kEnd && whole < kEnd)) return {};
  return of_wide(static_cast<std::int64_t>(whole), to);
}

Value cast_to_real(const Value& value, Type from, Type to) {
  if (from == Type::kNumeric) return of_maybe(read_real(value.text, to));
  if (is_float(from)) return to == Type::kFloat8 ? of_real(value.real) : of_maybe(narrowed_real(value.real));
  return of_real(to == Type::kFloat4 ? static_cast<float>(value.integer) : static_cast<double>(value.integer));
}

Value cast_to_text(const Value& value, Type from, Evaluation& evaluation) {
  if (from == Type::kBool) return of_text(value.integer != 0 ? "true" : "false");
  if (is_integer(from)) return stored(std::to_string(value.integer), evaluation);
  return value;
}

Value cast_moment(std::int64_t moment, Type to) {
  bool infinite = moment == kInfinityLate || moment == kInfinityEarly;
  if (to == Type::kTimestamp) {
    std::int64_t out = timestamp_of_date(moment);
    return out == kInfinityLate - 1 ? Value{} : of_integer(out);
  }
  std::int64_t within = infinite ? 0 : ((moment % kDayMicroseconds) + kDayMicroseconds) % kDayMicroseconds;
  if (to == Type::kTime) return infinite ? Value{} : of_integer(within);
  return of_integer(infinite ? moment : (moment - within) / kDayMicroseconds);
}

Value cast_value(const Call& call, const Value& value, Evaluation& evaluation) {
  Type from = call.args[0].type;
  Type to = call.type;
  if (is_integer(to)) return cast_to_integer(value, from, to);
  if (to == Type::kBool) return of_integer(value.integer != 0);
  if (to == Type::kText) return cast_to_text(value, from, evaluation);
  if (to == Type::kNumeric) return stored(std::to_string(value.integer), evaluation);
  if (is_float(to)) return cast_to_real(value, from, to);
  return cast_moment(value.integer, to);
}

// What of a text changes its case, as far as ASCII goes: for the few characters beyond it that change into ASCII see
// Collation::Casing.
Value with_case(const Call& call, std::string_view text, Evaluation& evaluation) {
  bool lower = call.function == Function::kLower;
  auto* out = static_cast<char*>(evaluation.arena.allocate(text.size() + 1, 1));
  std::size_t size = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string_view rest = call.folded ? text.substr(at) : std::string_view();
    char c = text[at];
    bool turns = lower ? rest.starts_with("\xE2\x84\xAA") || rest.starts_with("\xC4\xB0")
                       : rest.starts_with("\xC4\xB1") || rest.starts_with("\xC5\xBF");
    if (turns) {
      char low = c == '\xE2' ? 'k' : c == '\xC5' ? 's' : 'i';
      at += c == '\xE2' ? 2 : 1;
      c = lower ? low : static_cast<char>(low - ('a' - 'A'));
    } else if (lower) {
      c = ascii_lower(c);
    } else if (c >= 'a' && c <= 'z') {
      c = static_cast<char>(c - ('a' - 'A'));
    }
    out[size++] = c;
  }
  return of_text({out, size});
}

Value length_of(std::string_view text) {
  auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  return of_integer(std::count_if(text.begin(), text.end(), begins));
}

// A pattern that ends in its escape matches nothing; of what stands before it depends whether Postgres says so or raises an
// error.
Value like(std::string_view text, std::string_view pattern) {
  auto compiled = LikePattern::compile(pattern, false, Collation::Casing::kAscii);
  if (compiled) return of_integer(compiled->matches(text));
  return compiled.error() == LikeError::kTrailingEscape ? of_integer(0) : Value{};
}

int compare_values(const Value& a, const Value& b, Type type) {
  if (type == Type::kNumeric) return compare(*read_decimal(a.text), *read_decimal(b.text));
  if (is_float(type)) {
    if (std::isnan(a.real) || std::isnan(b.real)) return std::isnan(a.real) - std::isnan(b.real);
    return a.real < b.real ? -1 : a.real > b.real;
  }
  if (type == Type::kText || type == Type::kUuid) return a.text.compare(b.text);
  if (type == Type::kInterval) {
    auto left = span_of({a.months, a.days, a.integer});
    auto right = span_of({b.months, b.days, b.integer});
    return left < right ? -1 : left > right;
  }
  return a.integer < b.integer ? -1 : a.integer > b.integer;
}

// The first of those that are equal.
Value extreme(const Call& call, Evaluation& evaluation) {
  Value out;
  for (const Operand& arg : call.args) {
    Value value = value_of(arg, evaluation);
    if (value.null) continue;
    int order = out.null ? 0 : compare_values(value, out, call.type);
    if (out.null || (call.function == Function::kGreatest ? order > 0 : order < 0)) out = value;
  }
  return out;
}

Value first_of(const Call& call, Evaluation& evaluation) {
  for (const Operand& arg : call.args) {
    Value value = value_of(arg, evaluation);
    if (!value.null) return value;
  }
  return {};
}

Value case_of(const Call& call, Evaluation& evaluation) {
  std::size_t i = 0;
  for (; i + 1 < call.args.size(); i += 2) {
    Value holds = value_of(call.args[i], evaluation);
    if (!holds.null && holds.integer != 0) return value_of(call.args[i + 1], evaluation);
  }
  return value_of(call.args[i], evaluation);
}

Value null_if(const Call& call, Evaluation& evaluation) {
  Value left = value_of(call.args[0], evaluation);
  if (left.null) return left;
  Value right = value_of(call.args[1], evaluation);
  if (right.null || compare_values(left, right, call.type) != 0) return left;
  return {};
}

Value concatenated(std::string_view a, std::string_view b, Evaluation& evaluation) {
  auto* out = static_cast<char*>(evaluation.arena.allocate(a.size() + b.size() + 1, 1));
  std::copy(b.begin(), b.end(), std::copy(a.begin(), a.end(), out));
  return of_text({out, a.size() + b.size()});
}

Value moved_day(std::int64_t day, std::int64_t days) {
  if (day == kInfinityLate || day == kInfinityEarly) return of_integer(day);
  return is_date(day + days) ? of_integer(day + days) : Value{};
}

Value days_apart(std::int64_t later, std::int64_t earlier) {
  for (std::int64_t day : {later, earlier}) {
    if (day == kInfinityLate || day == kInfinityEarly) return {};
  }
  return of_integer(later - earlier);
}

// A zone is ahead of UTC by as much as it is to its east.
Value in_zone(std::int64_t moment, std::int64_t east, Type to) {
  return of_moment(moved(moment, {.microseconds = to == Type::kTimestamp ? east : -east}));
}

Value of_one(const Call& call, const Value& a, Evaluation& evaluation) {
  switch (call.function) {
    case Function::kNegate:
    case Function::kAbsolute: return signed_value(call, a, evaluation);
    case Function::kBitNot: return of_integer(~a.integer);
    case Function::kSquareRoot: return a.real < 0 ? Value{} : of_real(std::sqrt(a.real));
    case Function::kBounded: return bounded(a, call.type);
    case Function::kCast: return cast_value(call, a, evaluation);
    case Function::kInZone: return a;
    case Function::kJustifyDays: return of_interval(justified_days(interval_of(a)));
    case Function::kJustifyHours: return of_interval(justified_hours(interval_of(a)));
    case Function::kJustifyInterval: return of_interval(justified(interval_of(a)));
    case Function::kLower:
    case Function::kUpper: return with_case(call, a.text, evaluation);
    case Function::kLength: return length_of(a.text);
    default: return {};
  }
}

Value of_two(const Call& call, const Value& a, const Value& b, Evaluation& evaluation) {
  switch (call.function) {
    case Function::kShiftLeft: return shifted(true, a.integer, b.integer, call.type);
    case Function::kShiftRight: return shifted(false, a.integer, b.integer, call.type);
    case Function::kConcat: return concatenated(a.text, b.text, evaluation);
    case Function::kLike: return like(a.text, b.text);
    case Function::kMove: return of_moment(moved(a.integer, interval_of(b)));
    case Function::kMoveBy: return of_moment(moved_within(a.integer, interval_of(b)));
    case Function::kMoveBack: return of_moment(moved_within(a.integer, Interval{} - interval_of(b)));
    case Function::kInZone: return in_zone(a.integer, b.integer, call.type);
    case Function::kDaysAfter: return moved_day(a.integer, b.integer);
    case Function::kDaysBefore: return moved_day(a.integer, -b.integer);
    case Function::kApart:
      if (call.type == Type::kInt4) return days_apart(a.integer, b.integer);
      break;
    default: break;
  }
  if (is_float(call.type)) return real_operation(call.function, a.real, b.real, call.type);
  if (call.type == Type::kInterval) return interval_operation(call.function, a, b);
  if (call.type == Type::kNumeric) return numeric_operation(call.function, a, b, evaluation);
  return integer_operation(call.function, a.integer, b.integer, call.type);
}

}  // namespace

Value value_of(const Operand& operand, Evaluation& evaluation) {
  switch (operand.source) {
    case Operand::Source::kColumn:
      if (operand.column >= evaluation.row.size() || !evaluation.row[operand.column]) return {};
      return read_value(*evaluation.row[operand.column], operand.type);
    case Operand::Source::kConstant: return value_of(operand.constant);
    case Operand::Source::kCall: return value_of(*operand.call, evaluation);
    case Operand::Source::kCondition: {
      Truth truth = operand.condition->evaluate(evaluation);
      return truth == Truth::kUnknown ? Value{} : of_integer(truth == Truth::kTrue);
    }
  }
  __builtin_unreachable();
}

Value value_of(const Call& call, Evaluation& evaluation) {
  switch (call.function) {
    case Function::kCoalesce: return first_of(call, evaluation);
    case Function::kGreatest:
    case Function::kLeast: return extreme(call, evaluation);
    case Function::kNullIf: return null_if(call, evaluation);
    case Function::kCase: return case_of(call, evaluation);
    case Function::kDimensions: return of_moment(dimensions_of(*call.array, evaluation));
    default: break;
  }
  Value first = value_of(call.args[0], evaluation);
  if (first.null) return {};
  if (call.args.size() == 1) return of_one(call, first, evaluation);
  Value second = value_of(call.args[1], evaluation);
  if (second.null) return {};
  return of_two(call, first, second, evaluation);
}

}  // namespace sluice::sql

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sql/datetime.h"
#include "sql/interval_math.h"
#include "sql/operators.h"
#include "sql/parse_tree.h"
#include "sql/text_input.h"

namespace sluice::sql {
namespace {

using Failure = std::unexpected<WhereError>;
using Bound = std::expected<Term, WhereError>;

constexpr std::int64_t kZoneSecondsMax = 16 * 3600;  // the farthest that a written offset can be, and further than any zone

Failure fail(std::size_t position, std::string_view message) {
  return Failure(error_at(position, message));
}

bool is_day_count(Type type) {
  return type == Type::kInt2 || type == Type::kInt4;
}
bool is_moment(Type type) {
  return type == Type::kDate || type == Type::kTimestamp || type == Type::kTimestamptz;
}

Interval interval_of(const Constant& constant) {
  return {constant.months, constant.days, constant.integer};
}

std::vector<Term> pair_of(Term first, Term second) {
  std::vector<Term> out;
  out.push_back(std::move(first));
  out.push_back(std::move(second));
  return out;
}

std::vector<Term> one_of(Term term) {
  std::vector<Term> out;
  out.push_back(std::move(term));
  return out;
}

// What a literal without a type is beside `other`: the other's type, but for a moment that is moved.
Type type_beside(std::string_view name, Type other) {
  if (other == Type::kInterval) return name == "*" || name == "/" ? Type::kFloat8 : Type::kInterval;
  return name == "+" && other != Type::kDate ? Type::kInterval : other;
}

// ±HH[:MM[:SS]] as the name of a zone is a POSIX one: to the west positive. In seconds to the east.
std::optional<std::int64_t> posix_offset(std::string_view name) {
  bool west = name.starts_with('+');
  if (!west && !name.starts_with('-')) return std::nullopt;
  name.remove_prefix(1);
  std::int64_t total = 0;
  for (std::int64_t unit : {3600, 60, 1}) {
    std::size_t digits = 0;
    std::int64_t part = 0;
    for (; digits < name.size() && digits < 2 && is_digit(name[digits]); ++digits) part = part * 10 + (name[digits] - '0');
    bool valid = unit == 3600 ? digits > 0 : digits == 2 && part < 60;
    if (!valid) return std::nullopt;
    total += part * unit;
    name.remove_prefix(digits);
    if (name.empty()) break;
    if (unit == 1 || name[0] != ':') return std::nullopt;
    name.remove_prefix(1);
  }
  if (!name.empty() || total >= kZoneSecondsMax) return std::nullopt;
  return west ? -total : total;
}

}  // namespace

std::optional<Function> justification_named(std::string_view name) {
  if (name == "justify_days") return Function::kJustifyDays;
  if (name == "justify_hours") return Function::kJustifyHours;
  if (name == "justify_interval") return Function::kJustifyInterval;
  return std::nullopt;
}

// Dates, timestamps and intervals under + - * /.
Bound Operators::calendar(std::string_view name, Term left, Term right, std::size_t position) const {
  for (auto [term, other] : {std::pair(&left, &right), std::pair(&right, &left)}) {
    if (term->type() != Type::kUnknown) continue;
    auto settled = settle(std::move(*term), type_beside(name, other->type()), {});
    if (!settled) return settled;
    *term = std::move(*settled);
  }
  bool plus = name == "+";
  bool turned = plus && ((is_day_count(left.type()) && right.type() == Type::kDate) ||
                         (left.type() == Type::kInterval && right.type() != Type::kInterval));
  turned = turned || (name == "*" && right.type() == Type::kInterval);
  if (turned) std::swap(left, right);
  Type a = left.type();
  Type b = right.type();
  if (a == Type::kInterval) return with_interval(name, std::move(left), std::move(right), position);
  if (!plus && name != "-") return Failure(no_operator(name, left, right, position));
  if (a == Type::kDate && is_day_count(b)) {
    auto days = as_type(std::move(right), Type::kInt4, position);
    if (!days) return days;
    Function function = plus ? Function::kDaysAfter : Function::kDaysBefore;
    return make(Call{.function = function, .type = Type::kDate, .args = {}}, pair_of(std::move(left), std::move(*days)),
                position);
  }
  if (!plus && is_moment(a) && is_moment(b)) return apart(name, std::move(left), std::move(right), position);
  if (b == Type::kInterval && is_moment(a)) return moved_by(std::move(left), std::move(right), !plus, position);
  return Failure(no_operator(name, left, right, position));
}

// An interval and another, or a number.
Bound Operators::with_interval(std::string_view name, Term left, Term right, std::size_t position) const {
  bool sum = name == "+" || name == "-";
  bool scaled = name == "*" || name == "/";
  bool known = (sum && right.type() == Type::kInterval) || (scaled && is_number(right.type()));
  if (!known) return Failure(no_operator(name, left, right, position));
  auto interval = bounded_interval(std::move(left), position);
  if (!interval) return interval;
  auto other = sum ? bounded_interval(std::move(right), position) : as_type(std::move(right), Type::kFloat8, position);
  if (!other) return other;
  Function function = name == "+"   ? Function::kAdd
                      : name == "-" ? Function::kSubtract
                      : name == "*" ? Function::kMultiply
                                    : Function::kDivide;
  return make(Call{.function = function, .type = Type::kInterval, .args = {}},
              pair_of(std::move(*interval), std::move(*other)), position);
}

Bound Operators::bounded_interval(Term term, std::size_t position) const {
  if (term.is_constant()) {
    bool known = term.operand.constant.null || in_bounds(interval_of(term.operand.constant));
    return known ? Bound(std::move(term)) : fail(term.position, "the interval is too long");
  }
  return make(Call{.function = Function::kBounded, .type = Type::kInterval, .args = {}}, one_of(std::move(term)), position);
}

Bound Operators::justify(std::string_view name, Term interval, std::size_t position) const {
  auto settled = settle(std::move(interval), Type::kInterval, {});
  if (!settled) return settled;
  if (settled->type() != Type::kInterval) {
    return fail(position, fmt::format("there is no {}({}) here", name, name_of(settled->type())));
  }
  auto bounded = bounded_interval(std::move(*settled), position);
  if (!bounded) return bounded;
  return make(Call{.function = *justification_named(name), .type = Type::kInterval, .args = {}}, one_of(std::move(*bounded)),
              position);
}

// Dates in days; of timestamps, and of a date beside one, the interval.
Bound Operators::apart(std::string_view name, Term later, Term earlier, std::size_t position) const {
  bool dates = later.type() == Type::kDate && earlier.type() == Type::kDate;
  bool zoned = later.type() == Type::kTimestamptz;
  if (zoned != (earlier.type() == Type::kTimestamptz)) return Failure(no_operator(name, later, earlier, position));
  for (Term* term : {&later, &earlier}) {
    if (dates || zoned) continue;
    auto timestamp = as_type(std::move(*term), Type::kTimestamp, position);
    if (!timestamp) return timestamp;
    *term = std::move(*timestamp);
  }
  return make(Call{.function = Function::kApart, .type = dates ? Type::kInt4 : Type::kInterval, .args = {}},
              pair_of(std::move(later), std::move(earlier)), position);
}

// Of a constant interval whose parts are of one sign it is known which moments it moves beyond the calendar, and can be said
// to Postgres. Others move moments that are well within it (interval_math.h).
Bound Operators::moved_by(Term moment, Term interval, bool back, std::size_t position) const {
  auto timestamp =
      moment.type() == Type::kDate ? as_type(std::move(moment), Type::kTimestamp, position) : Bound(std::move(moment));
  if (!timestamp) return timestamp;
  Type type = timestamp->type();
  if (interval.is_constant()) {
    Constant& by = interval.operand.constant;
    auto turned = back ? negated(interval_of(by)) : interval_of(by);
    if (turned && one_way(*turned)) {
      by.months = turned->months;
      by.days = turned->days;
      by.integer = turned->microseconds;
      return make(Call{.function = Function::kMove, .type = type, .args = {}},
                  pair_of(std::move(*timestamp), std::move(interval)), position);
    }
  }
  auto bounded = bounded_interval(std::move(interval), position);
  if (!bounded) return bounded;
  return make(Call{.function = back ? Function::kMoveBack : Function::kMoveBy, .type = type, .args = {}},
              pair_of(std::move(*timestamp), std::move(*bounded)), position);
}

// moment AT TIME ZONE zone: UTC, or an offset from it. What other zones are is in a database that changes.
Bound Operators::in_zone(Term zone, Term moment, std::size_t position) const {
  auto name = settle(std::move(zone), Type::kText, {});
  if (!name) return name;
  const Constant& constant = name->operand.constant;
  if (!name->is_constant() || constant.null) return fail(position, "a time zone must be a constant");
  bool text = name->type() == Type::kText;
  bool utc = text && (constant.text == "UTC" || constant.text == "utc" || constant.text == "GMT");
  std::optional<std::int64_t> east;
  if (text) {
    east = posix_offset(constant.text);
    if (!utc && !east) {
      return fail(position, fmt::format("the time zone {} is not known here: only UTC, GMT and offsets are", constant.text));
    }
  } else if (name->type() == Type::kInterval) {
    bool whole = constant.months == 0 && constant.days == 0 && constant.integer % kSecond == 0;
    if (whole && std::abs(constant.integer / kSecond) < kZoneSecondsMax) east = constant.integer / kSecond;
  }
  if (!utc && !east)
    return fail(position, "a time zone must be a name, or an interval of whole seconds, less than 16 hours");
  bool known = moment.type() == Type::kTimestamp || moment.type() == Type::kTimestamptz;
  if (!known) return fail(position, fmt::format("there is no timezone() of {} here", name_of(moment.type())));
  Type type = moment.type() == Type::kTimestamp ? Type::kTimestamptz : Type::kTimestamp;
  auto args = one_of(std::move(moment));
  if (!utc) args.push_back(term_of(Constant{.type = Type::kInterval, .integer = *east * kSecond}, position));
  return make(Call{.function = Function::kInZone, .type = type, .args = {}}, std::move(args), position);
}

}  // namespace sluice::sql

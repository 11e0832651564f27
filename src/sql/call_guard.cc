#include "sql/call_guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/multiprecision/cpp_int.hpp>
#include <cmath>
#include <limits>

#include "sql/datetime.h"
#include "sql/interval_math.h"
#include "sql/real_math.h"

namespace sluice::sql::guard {
namespace {

using boost::multiprecision::cpp_int;

constexpr std::int64_t kEpochSeconds = 946'684'800;  // 2000-01-01 after 1970-01-01

// An expression over {0}, {1}, which the operands are put in for.
std::string let(const Call& call, const std::vector<std::string>& args, std::string_view body) {
  bool columns = std::ranges::all_of(call.args, [](const Operand& arg) { return arg.source == Operand::Source::kColumn; });
  std::string first = columns ? args[0] : "v.x";
  std::string second = args.size() < 2 ? "" : columns ? args[1] : "v.y";
  std::string out = fmt::format(fmt::runtime(body), first, second);
  if (columns) return "(" + out + ")";
  std::string given = args[0] + " AS x";
  if (args.size() > 1) given += ", " + args[1] + " AS y";
  return fmt::format("(SELECT {} FROM (SELECT {} OFFSET 0) AS v)", out, given);
}

std::string real(double value) {
  return fmt::format("'{}'::float8", value);
}
std::string two_to(int exponent) {
  return real(std::ldexp(1.0, exponent));
}

// Where no half of a sum is as large as half of what overflows.
std::string sum(std::string_view op) {
  constexpr std::string_view kBody =
      "CASE WHEN abs({{0}}) < {1} AND abs({{1}}) < {1} THEN {{0}} {0} {{1}} "
      "WHEN abs({{0}}) > {2} OR abs({{1}}) > {2} OR abs({{0}}) < 1 OR abs({{1}}) < 1 THEN {{0}} {0} {{1}} "
      "WHEN abs({{0}} / 2 {0} {{1}} / 2) < {1} THEN {{0}} {0} {{1}} END";
  return fmt::format(fmt::runtime(kBody), op, two_to(1023), real(std::numeric_limits<double>::max()));
}

// Both operands are brought down, or up, by as many powers of two as the result may be beyond the type.
std::string product() {
  constexpr std::string_view kBody =
      "CASE WHEN NOT (abs({{0}}) <= {0} AND abs({{1}}) <= {0}) OR {{0}} = 0 OR {{1}} = 0 THEN {{0}} * {{1}} "
      "WHEN abs({{0}}) >= 1 AND abs({{1}}) >= 1 THEN "
      "CASE WHEN abs(({{0}} * {1}) * ({{1}} * {1})) < 1 THEN {{0}} * {{1}} END "
      "WHEN abs({{0}}) >= 1 OR abs({{1}}) >= 1 OR (abs({{0}}) >= {2} AND abs({{1}}) >= {2}) THEN {{0}} * {{1}} "
      "WHEN abs(({{0}} * {3}) * ({{1}} * {3})) > 0.5 THEN {{0}} * {{1}} END";
  return fmt::format(fmt::runtime(kBody), real(std::numeric_limits<double>::max()), two_to(-512), two_to(-537), two_to(537));
}

std::string quotient() {
  constexpr std::string_view kBody =
      "CASE WHEN {{1}} = 0 THEN CASE WHEN {{0}} = 'NaN'::float8 THEN {{0}} END "
      "WHEN NOT (abs({{0}}) <= {0} AND abs({{1}}) <= {0}) OR {{0}} = 0 THEN {{0}} / {{1}} "
      "WHEN abs({{1}}) >= 1 THEN "
      "CASE WHEN abs({{0}}) >= {1} OR (abs({{0}}) >= {2} AND abs({{1}}) <= {3}) THEN {{0}} / {{1}} "
      "WHEN abs(({{0}} * {3}) / ({{1}} * {2})) > 0.5 THEN {{0}} / {{1}} END "
      "WHEN abs({{0}}) < {1} THEN {{0}} / {{1}} "
      "WHEN abs({{0}}) >= {4} AND abs({{1}}) < {5} THEN NULL "
      "WHEN abs(({{0}} * {6}) / ({{1}} * {3})) < 1 THEN {{0}} / {{1}} END";
  return fmt::format(fmt::runtime(kBody), real(std::numeric_limits<double>::max()), two_to(-50), two_to(-537), two_to(537),
                     two_to(500), two_to(-524), two_to(-487));
}

// float8 holds every result of float4 but what is divided by zero.
std::string single_operation(const Call& call, const std::vector<std::string>& args) {
  std::string_view op = call.function == Function::kAdd ? "+" : call.function == Function::kSubtract ? "-" : "*";
  if (call.function != Function::kDivide) return narrowed_real(fmt::format("({}::float8 {} {})", args[0], op, args[1]));
  return let(call, args,
             "CASE WHEN {1} = 0 THEN CASE WHEN {0} = 'NaN'::float4 THEN {0} END "
             "WHEN abs({1}) = 'Infinity'::float4 THEN {0} / {1} ELSE " +
                 narrowed_real("({0}::float8 / {1})") + " END");
}

// The powers of two, with what is between the last float and the next, as numeric.
std::string power_of_two(int exponent) {
  if (exponent >= 0) return cpp_int(cpp_int(1) << exponent).str();
  return fmt::format("{}e{}", cpp_int(boost::multiprecision::pow(cpp_int(5), static_cast<unsigned>(-exponent))).str(),
                     exponent);
}

constexpr std::string_view kMonths = "(extract(year FROM {0}) * 12 + extract(month FROM {0}))";
constexpr std::string_view kDays = "extract(day FROM {0})";
constexpr std::string_view kSeconds =
    "(extract(hour FROM {0}) * 3600 + extract(minute FROM {0}) * 60 + extract(second FROM {0}))";

// A field of the operand of that number.
std::string field(std::string_view form, int operand) {
  return fmt::format(fmt::runtime(form), operand == 0 ? "{0}" : "{1}");
}

}  // namespace

std::string narrowed_real(const std::string& wide) {
  // What is rounded to infinity, and to zero.
  std::string over = real(std::ldexp(1.0, 128) - std::ldexp(1.0, 103));
  std::string under = two_to(-150);
  return fmt::format(
      "(SELECT CASE WHEN abs(w.r) BETWEEN {1} AND {2} OR (w.r <> 0 AND abs(w.r) <= {3}) THEN NULL ELSE w.r::float4 END "
      "FROM (SELECT {0} AS r OFFSET 0) AS w)",
      wide, over, real(std::numeric_limits<double>::max()), under);
}

std::string real_operation(const Call& call, const std::vector<std::string>& args) {
  if (call.type == Type::kFloat4) return single_operation(call, args);
  switch (call.function) {
    case Function::kAdd: return let(call, args, sum("+"));
    case Function::kSubtract: return let(call, args, sum("-"));
    case Function::kMultiply: return let(call, args, product());
    default: return let(call, args, quotient());
  }
}

std::string power(const Call& call, const std::vector<std::string>& args) {
  bool of_constant = call.args[0].source == Operand::Source::kConstant;
  const Constant& fixed = call.args[of_constant ? 0 : 1].constant;
  if (fixed.null) return fmt::format("({} ^ {})", args[0], args[1]);
  if (of_constant) {
    PowerRange range = exponents_of(fixed.real);
    return let(call, args,
               fmt::format("CASE WHEN {{1}} BETWEEN {0} AND {1} OR abs({{1}}) >= 'Infinity'::float8 THEN {{0}} ^ {{1}} END",
                           real(range.first), real(range.last)));
  }
  PowerRange range = bases_of(fixed.real);
  bool whole = std::floor(fixed.real) == fixed.real;
  std::string size = whole ? "abs({0})" : "{0}";
  return let(call, args,
             fmt::format("CASE WHEN {0} BETWEEN {1} AND {2} OR {0} >= 'Infinity'::float8{3} THEN {{0}} ^ {{1}} END", size,
                         real(range.first), real(range.last), fixed.real >= 0 ? " OR {0} = 0" : ""));
}

std::string numeric_to_real(const Call& call, const std::vector<std::string>& args) {
  bool single = call.type == Type::kFloat4;
  std::string over = single ? cpp_int((cpp_int(1) << 128) - (cpp_int(1) << 103)).str()
                            : cpp_int((cpp_int(1) << 1024) - (cpp_int(1) << 970)).str();
  std::string under = power_of_two(single ? -150 : -1075);
  return let(call, args,
             fmt::format("CASE WHEN {{0}} = 0 OR {{0}} IN ('NaN'::numeric, 'Infinity'::numeric, '-Infinity'::numeric) OR "
                         "(abs({{0}}) > '{0}'::numeric AND abs({{0}}) < '{1}'::numeric) THEN {{0}}::{2} END",
                         under, over, name_of(call.type)));
}

std::string bounded_interval(const Call& call, const std::vector<std::string>& args) {
  return let(call, args,
             fmt::format("CASE WHEN abs({0}) <= {3} AND abs({1}) <= {3} AND abs({2}) <= {3} THEN {{0}} END",
                         field(kMonths, 0), field(kDays, 0), "extract(hour FROM {0})", kIntervalFieldMax));
}

std::string interval_scaled(const Call& call, const std::vector<std::string>& args) {
  bool times = call.function == Function::kMultiply;
  char op = times ? '*' : '/';
  auto scaled = [&](std::string_view amount, double most) {
    return fmt::format("abs({}::float8 {} {{1}}) <= {}", amount, op, real(most));
  };
  std::string factor = fmt::format("abs({{1}}) <= {}", real(kFactorMax));
  if (!times) factor += fmt::format(" AND abs({{1}}) >= {}", real(kFactorMin));
  return let(call, args,
             fmt::format("CASE WHEN {} THEN CASE WHEN {} AND {} AND {} THEN {{0}} {} {{1}} END END", factor,
                         scaled(field(kMonths, 0), kProductFieldMax), scaled(field(kDays, 0), kProductFieldMax),
                         scaled("(" + field(kSeconds, 0) + " * 1000000)", kProductMicrosecondsMax), op));
}

std::string moments_apart(const Call& call, const std::vector<std::string>& args) {
  return let(call, args,
             fmt::format("CASE WHEN isfinite({{0}}) AND isfinite({{1}}) THEN CASE WHEN abs(extract(epoch FROM {{0}}) - "
                         "extract(epoch FROM {{1}})) <= {} THEN {{0}} - {{1}} END END",
                         kApartSecondsMax));
}

std::string moved_by(const Call& call, const std::vector<std::string>& args) {
  char op = call.function == Function::kMoveBy ? '+' : '-';
  std::int64_t first = kTimestampFirst / kSecond + kEpochSeconds + kCalendarMarginSeconds;
  std::int64_t last = (kTimestampLast + 1) / kSecond + kEpochSeconds - kCalendarMarginSeconds;
  std::string months = fmt::format("extract(epoch FROM {{0}}) {} {} * {}", op, field(kMonths, 1), kMonthSeconds);
  std::string days = fmt::format("{} {} {} * 86400", months, op, field(kDays, 1));
  std::string all = fmt::format("{} {} {}", days, op, field(kSeconds, 1));
  return let(
      call, args,
      fmt::format("CASE WHEN isfinite({{0}}) THEN CASE WHEN {0} BETWEEN {3} AND {4} AND {1} BETWEEN {3} AND {4} AND {2} "
                  "BETWEEN {3} AND {4} THEN {{0}} {5} {{1}} END ELSE {{0}} {5} {{1}} END",
                  months, days, all, first, last, op));
}

}  // namespace sluice::sql::guard

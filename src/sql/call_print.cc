#include "sql/call_print.h"

#include <fmt/format.h>

#include "sql/call_guard.h"
#include "sql/interval.h"

namespace sluice::sql {
namespace {

std::string_view symbol(Function function) {
  switch (function) {
    case Function::kAdd: return "+";
    case Function::kSubtract:
    case Function::kNegate: return "-";
    case Function::kMultiply: return "*";
    case Function::kDivide: return "/";
    case Function::kModulo: return "%";
    case Function::kAbsolute: return "@";
    case Function::kBitAnd: return "&";
    case Function::kBitOr: return "|";
    case Function::kBitXor: return "#";
    case Function::kBitNot: return "~";
    case Function::kShiftLeft: return "<<";
    case Function::kShiftRight: return ">>";
    case Function::kSquareRoot: return "|/";
    case Function::kPower: return "^";
    case Function::kConcat: return "||";
    case Function::kLike: return "LIKE";
    case Function::kLower: return "lower";
    case Function::kUpper: return "upper";
    case Function::kLength: return "length";
    case Function::kCoalesce: return "COALESCE";
    case Function::kGreatest: return "GREATEST";
    case Function::kLeast: return "LEAST";
    case Function::kNullIf: return "NULLIF";
    case Function::kMove:
    case Function::kMoveBy:
    case Function::kDaysAfter: return "+";
    case Function::kMoveBack:
    case Function::kDaysBefore:
    case Function::kApart: return "-";
    case Function::kJustifyDays: return "justify_days";
    case Function::kJustifyHours: return "justify_hours";
    case Function::kJustifyInterval: return "justify_interval";
    case Function::kInZone:
    case Function::kBounded:
    case Function::kCast:
    case Function::kDimensions:
    case Function::kCase: break;
  }
  return "";
}

bool is_function(Function function) {
  bool justifies =
      function == Function::kJustifyDays || function == Function::kJustifyHours || function == Function::kJustifyInterval;
  return justifies || function == Function::kLower || function == Function::kUpper || function == Function::kLength ||
         (function >= Function::kCoalesce && function != Function::kCase);
}

std::string case_text(const std::vector<std::string>& args) {
  std::string out = "(CASE";
  std::size_t i = 0;
  for (; i + 1 < args.size(); i += 2) out += fmt::format(" WHEN {} THEN {}", args[i], args[i + 1]);
  return out + fmt::format(" ELSE {} END)", args[i]);
}

std::string plain_text(const Call& call, const std::vector<std::string>& args) {
  if (call.function == Function::kCase) return case_text(args);
  if (call.function == Function::kBounded) return args[0];
  if (call.function == Function::kInZone && args.size() == 1) return fmt::format("timezone('UTC'::text, {})", args[0]);
  if (call.function == Function::kInZone) return fmt::format("timezone({}, {})", args[1], args[0]);
  if (call.function == Function::kCast) return fmt::format("({}::{})", args[0], name_of(call.type));
  if (is_function(call.function)) {
    std::string out = fmt::format("{}({}", symbol(call.function), args[0]);
    for (std::size_t i = 1; i < args.size(); ++i) out += ", " + args[i];
    return out + ")";
  }
  if (args.size() == 1) return fmt::format("({} {})", symbol(call.function), args[0]);
  return fmt::format("({} {} {})", args[0], symbol(call.function), args[1]);
}

// What lies next to a type's range, on either side.
struct Beside {
  std::string below;
  std::string above;
};

Beside beside(Type type) {
  if (type == Type::kInt2) return {"-32769", "32768"};
  if (type == Type::kInt4) return {"-2147483649", "2147483648"};
  return {"-9223372036854775809", "9223372036854775808"};
}

// `wide`, of type `in`, as an integer of `type`; NULL where it is beyond.
std::string narrowed(std::string_view wide, std::string_view in, Type type) {
  Beside bounds = beside(type);
  // The float that is next to the least int8: the floats there are 2,048 apart.
  if (in == "float8" && type == Type::kInt8) bounds.below = "-9223372036854777856";
  return fmt::format("(NULLIF(NULLIF(LEAST(GREATEST({0}, '{2}'::{1}), '{3}'::{1}), '{3}'::{1}), '{2}'::{1})::{4})", wide, in,
                     bounds.below, bounds.above, name_of(type));
}

// A type that holds the result of an operation on `type`.
std::string_view wider(Type type) {
  return type == Type::kInt8 ? "numeric" : "int8";
}

std::string integer_text(const Call& call, const std::vector<std::string>& args) {
  std::string_view wide = wider(call.type);
  std::string_view op = symbol(call.function);
  if (args.size() == 1) return narrowed(fmt::format("({} {}::{})", op, args[0], wide), wide, call.type);
  if (call.function == Function::kModulo) return fmt::format("({} % NULLIF({}, 0::int2))", args[0], args[1]);
  if (call.function != Function::kDivide) {
    return narrowed(fmt::format("({0}::{3} {1} {2}::{3})", args[0], op, args[1], wide), wide, call.type);
  }
  std::string_view form =
      call.type == Type::kInt8 ? "div({0}::{2}, NULLIF({1}::{2}, 0::{2}))" : "({0}::{2} / NULLIF({1}::{2}, 0::{2}))";
  return narrowed(fmt::format(fmt::runtime(form), args[0], args[1], wide), wide, call.type);
}

// NaN divided by zero is NaN, and no error.
std::string quotient_text(const Call& call, const std::vector<std::string>& args) {
  std::string out = fmt::format("({} {} NULLIF({}, 0::numeric))", args[0], symbol(call.function), args[1]);
  if (call.args[0].source == Operand::Source::kConstant && call.args[0].constant.text != "NaN") return out;
  return fmt::format("COALESCE({0}, CASE WHEN {1} = 'NaN'::numeric AND {2} = 0::numeric THEN {1} END)", out, args[0],
                     args[1]);
}

std::string cast_text(const Call& call, const std::vector<std::string>& args) {
  Type from = call.args[0].type;
  if (from == Type::kDate && call.type == Type::kTimestamp) {
    return fmt::format("(CASE WHEN {0} < '294277-01-01'::date OR {0} = 'infinity'::date THEN {0}::timestamp END)", args[0]);
  }
  if (is_float(call.type) && from == Type::kNumeric) return guard::numeric_to_real(call, args);
  if (call.type == Type::kFloat4 && from == Type::kFloat8) return guard::narrowed_real(args[0]);
  if (!is_integer(call.type) || from == Type::kBool || (is_integer(from) && from <= call.type))
    return plain_text(call, args);
  if (is_integer(from)) return narrowed(args[0] + "::int8", "int8", call.type);
  std::string_view in = from == Type::kNumeric ? "numeric" : "float8";
  return narrowed(fmt::format("round({}::{})", args[0], in), in, call.type);
}

std::string bounded_text(const std::string& arg) {
  return fmt::format(
      "(CASE WHEN (scale({0}) <= {1} AND abs({0}) < '1e{1}'::numeric) OR {0} IN ('NaN'::numeric, 'Infinity'::numeric, "
      "'-Infinity'::numeric) THEN {0} END)",
      arg, kColumnDigitsMax);
}

// A pattern that ends in its escape is false of every text (and NULL of NULL).
std::string like_text(const std::vector<std::string>& args) {
  constexpr std::string_view kEndsInEscape = R"(E'(^|[^\\\\])(\\\\\\\\)*\\\\$')";
  return fmt::format("(CASE WHEN octet_length({1}) > {2} THEN NULL WHEN {1} ~ {3} THEN {0} <> {0} ELSE {0} LIKE {1} END)",
                     args[0], args[1], kLikePatternBytesMax, kEndsInEscape);
}

// Infinity is moved by nothing; of the other moments, those that stay within the calendar.
std::string within(const Call& call, const std::vector<std::string>& args, const Interval& by, std::string_view moved) {
  Movable range = movable(by);
  Type type = call.args[0].type;
  auto text = [&](std::int64_t moment) { return text_of(Constant{.type = type, .integer = moment}); };
  return fmt::format(
      "(CASE WHEN isfinite({0}) THEN CASE WHEN {0} BETWEEN '{2}'::{4} AND '{3}'::{4} THEN {1} END ELSE {1} END)", args[0],
      moved, text(range.first), text(range.last), name_of(type));
}

std::string moved_text(const Call& call, const std::vector<std::string>& args) {
  const Constant& by = call.args[1].constant;
  if (by.null) return plain_text(call, args);
  return within(call, args, {by.months, by.days, by.integer}, fmt::format("{} + {}", args[0], args[1]));
}

std::string in_zone_text(const Call& call, const std::vector<std::string>& args) {
  if (args.size() == 1) return plain_text(call, args);
  std::int64_t east = call.args[1].constant.integer;
  return within(call, args, {.microseconds = call.type == Type::kTimestamp ? east : -east}, plain_text(call, args));
}

std::string moved_day_text(const Call& call, const std::vector<std::string>& args) {
  return fmt::format(
      "(CASE WHEN isfinite({0}) THEN CASE WHEN ({0} - '2000-01-01'::date)::int8 {2} {1}::int8 BETWEEN -2451545 AND "
      "2145031948 "
      "THEN {0} {2} {1} END ELSE {0} {2} {1} END)",
      args[0], args[1], symbol(call.function));
}

std::string apart_text(const std::vector<std::string>& args) {
  return fmt::format(
      "(NULLIF(NULLIF({0}, 'infinity'::date), '-infinity'::date) - NULLIF(NULLIF({1}, 'infinity'::date), "
      "'-infinity'::date))",
      args[0], args[1]);
}

std::string guarded_text(const Call& call, const std::vector<std::string>& args) {
  bool arithmetic = call.function <= Function::kAbsolute;
  bool divides = call.function == Function::kDivide || call.function == Function::kModulo;
  if (arithmetic && is_integer(call.type)) return integer_text(call, args);
  if (divides && call.type == Type::kNumeric) return quotient_text(call, args);
  if (call.function <= Function::kDivide && is_float(call.type)) return guard::real_operation(call, args);
  bool scaled = call.function == Function::kMultiply || call.function == Function::kDivide;
  if (scaled && call.type == Type::kInterval) return guard::interval_scaled(call, args);
  switch (call.function) {
    case Function::kCast: return cast_text(call, args);
    case Function::kBounded:
      return call.type == Type::kInterval ? guard::bounded_interval(call, args) : bounded_text(args[0]);
    case Function::kMove: return moved_text(call, args);
    case Function::kMoveBy:
    case Function::kMoveBack: return guard::moved_by(call, args);
    case Function::kInZone: return in_zone_text(call, args);
    case Function::kDaysAfter:
    case Function::kDaysBefore: return moved_day_text(call, args);
    case Function::kApart: return call.type == Type::kInterval ? guard::moments_apart(call, args) : apart_text(args);
    case Function::kPower: return guard::power(call, args);
    case Function::kLike: return like_text(args);
    case Function::kSquareRoot:
      return fmt::format("(|/ NULLIF(GREATEST({0}, '{1}'::float8), '{1}'::float8))", args[0], "-5e-324");
    default: return plain_text(call, args);
  }
}

}  // namespace

std::string print_call(const Call& call, bool guarded, const std::function<std::string(const Operand&)>& print) {
  std::vector<std::string> args;
  for (const Operand& arg : call.args) args.push_back(print(arg));
  return guarded ? guarded_text(call, args) : plain_text(call, args);
}

}  // namespace sluice::sql

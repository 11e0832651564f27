#include "sql/reference_value.h"

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "sql/datetime.h"
#include "sql/interval_math.h"
#include "sql/paper_number.h"
#include "sql/reference_calendar.h"

namespace sluice::sql::reference {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kDay = 86'400 * kSecond;

Known known_text(std::string text) {
  Known out;
  out.null = false;
  out.text = std::move(text);
  return out;
}
Known known_real(double real) {
  Known out;
  out.null = false;
  out.real = real;
  return out;
}
Known known_moment(Wide moment) {
  Known out;
  out.null = false;
  out.moment = static_cast<std::int64_t>(moment);
  return out;
}
Known known_interval(Wide months, Wide days, Wide microseconds) {
  Known out = known_moment(microseconds);
  out.months = static_cast<std::int64_t>(months);
  out.days = static_cast<std::int64_t>(days);
  return out;
}
Known known_bool(bool value) {
  return known_text(value ? "t" : "f");
}

// Digits up to what is no digit.
Wide take_number(std::string_view& text) {
  Wide out = 0;
  for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1)) out = out * 10 + (text[0] - '0');
  return out;
}

Wide take_clock(std::string_view& text) {
  Wide out = 0;
  for (Wide unit = 3600 * kSecond; unit >= kSecond; unit /= 60) {
    out += take_number(text) * unit;
    if (!text.starts_with(':')) break;
    text.remove_prefix(1);
  }
  if (!text.starts_with('.')) return out;
  text.remove_prefix(1);
  for (Wide unit = kSecond / 10; !text.empty() && text[0] >= '0' && text[0] <= '9'; unit /= 10, text.remove_prefix(1))
    out += (text[0] - '0') * unit;
  return out;
}

// What Postgres prints in ISO style with the zone UTC.
Known read_moment(std::string_view text, Type type) {
  if (text == "infinity") return known_moment(std::numeric_limits<std::int64_t>::max());
  if (text == "-infinity") return known_moment(std::numeric_limits<std::int64_t>::min());
  if (type == Type::kTime) return known_moment(take_clock(text));
  bool bc = text.ends_with(" BC");
  Wide year = take_number(text);
  text.remove_prefix(1);
  Wide month = take_number(text);
  text.remove_prefix(1);
  Wide days = day_of(bc ? 1 - year : year, month, take_number(text));
  if (type == Type::kDate) return known_moment(days);
  text.remove_prefix(1);
  return known_moment(days * kDay + take_clock(text));
}

Known read_interval_text(std::string_view text) {
  Wide months = 0;
  Wide days = 0;
  Wide microseconds = 0;
  bool time = false;
  for (text.remove_prefix(1); !text.empty();) {
    if (text[0] == 'T') {
      time = true;
      text.remove_prefix(1);
      continue;
    }
    bool minus = text[0] == '-';
    if (minus) text.remove_prefix(1);
    Wide amount = take_number(text) * kSecond;
    if (text[0] == '.') {
      text.remove_prefix(1);
      Wide unit = kSecond / 10;
      for (; text[0] >= '0' && text[0] <= '9'; unit /= 10, text.remove_prefix(1)) amount += (text[0] - '0') * unit;
    }
    if (minus) amount = -amount;
    char unit = text[0];
    text.remove_prefix(1);
    if (!time && unit == 'Y') months += amount / kSecond * 12;
    if (!time && unit == 'M') months += amount / kSecond;
    if (!time && unit == 'D') days += amount / kSecond;
    if (time) microseconds += amount * (unit == 'H' ? 3600 : unit == 'M' ? 60 : 1);
  }
  return known_interval(months, days, microseconds);
}

bool is_infinite(std::int64_t moment) {
  return moment == std::numeric_limits<std::int64_t>::max() || moment == std::numeric_limits<std::int64_t>::min();
}

bool is_timestamp_here(Wide moment) {
  return moment >= day_of(-4713, 11, 24) * kDay && moment < day_of(294277, 1, 1) * kDay;
}

Known integer_within(const Paper& value, Type type) {
  const char* most = type == Type::kInt2 ? "32767" : type == Type::kInt4 ? "2147483647" : "9223372036854775807";
  Paper above = Paper::read(most);
  Paper below = add(negated(above), Paper::read("-1"));
  if (compare(value, above) > 0 || compare(value, below) < 0) return {};
  return known_text(value.text());
}

int width_of(Type type) {
  return type == Type::kInt2 ? 16 : type == Type::kInt4 ? 32 : 64;
}

// Bit by bit, in two's complement.
Known bits(Function function, std::int64_t a, std::int64_t b) {
  std::uint64_t out = 0;
  for (int i = 0; i < 64; ++i) {
    bool x = (static_cast<std::uint64_t>(a) >> i) % 2 != 0;
    bool y = (static_cast<std::uint64_t>(b) >> i) % 2 != 0;
    bool set = function == Function::kBitAnd ? x && y : function == Function::kBitOr ? x || y : x != y;
    if (set) out += std::uint64_t(1) << i;
  }
  return known_text(std::to_string(static_cast<std::int64_t>(out)));
}

Known shift(const Call& call, std::int64_t value, std::int64_t places) {
  Wide out = value;
  Wide most = Wide(1) << (width_of(call.type) - 1);
  for (std::int64_t i = 0; i < places; ++i) {
    if (call.function == Function::kShiftRight) {
      out = (out - (out < 0 && out % 2 != 0 ? 1 : 0)) / 2;
    } else {
      out *= 2;
      if (out >= most) out -= 2 * most;
      if (out < -most) out += 2 * most;
    }
  }
  return known_text(std::to_string(static_cast<std::int64_t>(out)));
}

Known integer_function(const Call& call, const std::vector<Known>& args) {
  Paper a = Paper::read(args[0].text);
  Paper b = args.size() > 1 ? Paper::read(args[1].text) : Paper();
  auto as_int = [&](std::size_t i) { return static_cast<std::int64_t>(std::strtoll(args[i].text.c_str(), nullptr, 10)); };
  switch (call.function) {
    case Function::kAdd: return integer_within(add(a, b), call.type);
    case Function::kSubtract: return integer_within(add(a, negated(b)), call.type);
    case Function::kMultiply: return integer_within(multiply(a, b), call.type);
    case Function::kDivide: return b.sign() == 0 ? Known() : integer_within(divide_whole(a, b), call.type);
    case Function::kModulo: return b.sign() == 0 ? Known() : known_text(modulo(a, b)->text());
    case Function::kNegate: return integer_within(negated(a), call.type);
    case Function::kAbsolute: return integer_within(a.sign() < 0 ? negated(a) : a, call.type);
    case Function::kBitNot: return bits(Function::kBitXor, as_int(0), -1);
    case Function::kShiftLeft:
    case Function::kShiftRight: return shift(call, as_int(0), as_int(1));
    default: return bits(call.function, as_int(0), as_int(1));
  }
}

Known numeric_of(const std::optional<Paper>& value) {
  return value ? known_text(value->text()) : Known();
}

Known numeric_function(const Call& call, const std::vector<Known>& args) {
  Paper a = Paper::read(args[0].text);
  Paper b = args.size() > 1 ? Paper::read(args[1].text) : Paper();
  switch (call.function) {
    case Function::kAdd: return numeric_of(add(a, b));
    case Function::kSubtract: return numeric_of(add(a, negated(b)));
    case Function::kMultiply: return numeric_of(multiply(a, b));
    case Function::kDivide: return numeric_of(divide(a, b));
    case Function::kModulo: return numeric_of(modulo(a, b));
    case Function::kNegate: return numeric_of(negated(a));
    case Function::kAbsolute: return numeric_of(a.sign() < 0 ? negated(a) : a);
    default: break;
  }
  // Bounded.
  std::size_t whole =
      a.digits.size() > static_cast<std::size_t>(a.scale) ? a.digits.size() - static_cast<std::size_t>(a.scale) : 0;
  bool fits = a.kind != Paper::Kind::kFinite || (whole <= kColumnDigitsMax && a.scale <= kColumnDigitsMax);
  return fits ? args[0] : Known();
}

// A float4 has a float's result of its own.
Known real_result(const Call& call, double wide, float narrow, bool infinite, bool zero) {
  double out = call.type == Type::kFloat4 ? narrow : wide;
  if ((std::isinf(out) && !infinite) || (out == 0 && !zero)) return {};
  return known_real(out);
}

Known real_function(const Call& call, const std::vector<Known>& args) {
  double a = args[0].real;
  double b = args.size() > 1 ? args[1].real : 0;
  auto x = static_cast<float>(a);
  auto y = static_cast<float>(b);
  bool infinite = std::isinf(a) || std::isinf(b);
  switch (call.function) {
    case Function::kAdd: return real_result(call, a + b, x + y, infinite, true);
    case Function::kSubtract: return real_result(call, a - b, x - y, infinite, true);
    case Function::kMultiply: return real_result(call, a * b, x * y, infinite, a == 0 || b == 0);
    case Function::kDivide:
      if (b == 0) return std::isnan(a) ? known_real(a) : Known();
      return real_result(call, a / b, x / y, std::isinf(a), a == 0 || std::isinf(b));
    case Function::kNegate: return known_real(-a);
    case Function::kAbsolute: return known_real(a < 0 ? -a : a);
    case Function::kSquareRoot: return a < 0 ? Known() : known_real(std::sqrt(a));
    default: break;
  }
  // A power, by the cases of C's Annex F, where they are not errors.
  if (a == 0 && b < 0) return {};
  if (a < 0 && std::floor(b) != b) return {};
  errno = 0;
  double out = std::pow(a, b);
  bool exact = std::isinf(a) || std::isinf(b) || std::isnan(a) || std::isnan(b);
  if (!exact && (errno != 0 || std::isnan(out) || std::isinf(out) || (out == 0 && a != 0))) return {};
  return known_real(out);
}

// TSROUND()
double millionths(double value) {
  return std::rint(value * 1000000.0) / 1000000.0;
}

// interval_mul() and interval_div(), line by line.
Known scaled(const Known& interval, double factor, bool times) {
  double size = std::fabs(factor);
  if (!(size <= kFactorMax) || (!times && !(size >= kFactorMin))) return {};
  auto by = [&](double amount) { return times ? amount * factor : amount / factor; };
  auto orig_month = static_cast<double>(interval.months);
  auto orig_day = static_cast<double>(interval.days);
  double months = by(orig_month);
  double days = by(orig_day);
  double microseconds = by(static_cast<double>(interval.moment));
  if (std::fabs(months) > kProductFieldMax || std::fabs(days) > 2e9 || std::fabs(microseconds) > 9e18) return {};
  auto month = static_cast<std::int64_t>(months);
  auto day = static_cast<std::int64_t>(days);
  double month_remainder_days = millionths((by(orig_month) - static_cast<double>(month)) * 30);
  double sec_remainder = millionths(
      (by(orig_day) - static_cast<double>(day) + month_remainder_days - static_cast<int>(month_remainder_days)) * 86400);
  if (std::fabs(sec_remainder) >= 86400) {
    day += static_cast<int>(sec_remainder / 86400);
    sec_remainder -= static_cast<int>(sec_remainder / 86400) * 86400;
  }
  day += static_cast<int>(month_remainder_days);
  return known_interval(month, day, static_cast<std::int64_t>(std::rint(microseconds + sec_remainder * 1000000.0)));
}

// justify_hours(), justify_days(), justify_interval()
Known justify(Function function, const Known& interval) {
  Wide months = interval.months;
  Wide days = interval.days;
  Wide time = interval.moment;
  if (function != Function::kJustifyDays) {
    days += time / kDay;
    time %= kDay;
  }
  if (function != Function::kJustifyHours) {
    months += days / 30;
    days %= 30;
  }
  bool all = function == Function::kJustifyInterval;
  if (function != Function::kJustifyHours) {
    if (months > 0 && (days < 0 || (all && days == 0 && time < 0))) {
      days += 30;
      months--;
    } else if (months < 0 && (days > 0 || (all && days == 0 && time > 0))) {
      days -= 30;
      months++;
    }
  }
  if (function != Function::kJustifyDays) {
    if (days > 0 && time < 0) {
      time += kDay;
      days--;
    } else if (days < 0 && time > 0) {
      time -= kDay;
      days++;
    }
  }
  return known_interval(months, days, time);
}

Known interval_function(const Call& call, const std::vector<Known>& args) {
  const Known& a = args[0];
  switch (call.function) {
    case Function::kAdd: return known_interval(a.months + args[1].months, a.days + args[1].days, a.moment + args[1].moment);
    case Function::kSubtract:
      return known_interval(a.months - args[1].months, a.days - args[1].days, a.moment - args[1].moment);
    case Function::kNegate: return known_interval(-a.months, -a.days, -a.moment);
    case Function::kMultiply:
    case Function::kDivide: return scaled(a, args[1].real, call.function == Function::kMultiply);
    case Function::kJustifyDays:
    case Function::kJustifyHours:
    case Function::kJustifyInterval: return justify(call.function, a);
    case Function::kApart: {
      if (is_infinite(a.moment) || is_infinite(args[1].moment)) return {};
      Wide apart = Wide(a.moment) - args[1].moment;
      if (apart > Wide(kApartSecondsMax) * kSecond || apart < -Wide(kApartSecondsMax) * kSecond) return {};
      return known_interval(0, apart / kDay, apart % kDay);
    }
    default: break;
  }
  auto within = [](Wide value) { return value <= kIntervalFieldMax && value >= -kIntervalFieldMax; };
  return within(a.months) && within(a.days) && within(a.moment / (3600 * kSecond)) ? a : Known();
}

// timestamp_pl_interval(); `careful`: by an interval that is no constant, whose steps are estimated first.
Known moved(const Known& moment, const Known& by, bool back, bool careful) {
  if (is_infinite(moment.moment)) return moment;
  int sign = back ? -1 : 1;
  Wide steps[] = {Wide(by.months) * kMonthSeconds * kSecond, Wide(by.days) * kDay, Wide(by.moment)};
  Wide estimate = moment.moment;
  Wide margin = Wide(40) * kDay;
  for (Wide step : steps) {
    estimate += sign * step;
    bool far = is_timestamp_here(estimate - margin) && (is_timestamp_here(estimate + margin - 1));
    if (careful && !far) return {};
  }
  Wide days = moment.moment / kDay;
  Wide clock = moment.moment % kDay;
  if (clock < 0) {
    clock += kDay;
    days -= 1;
  }
  Civil civil = civil_of(days);
  Wide month = civil.month - 1 + sign * Wide(by.months);
  Wide years = month / 12 - (month % 12 < 0 ? 1 : 0);
  month -= years * 12;
  civil.year += years;
  if (civil.year < -4800 || civil.year > 300000) return {};
  Wide day = std::min(civil.day, last_of_month(civil.year, month + 1));
  days = day_of(civil.year, month + 1, day);
  if (!is_timestamp_here(days * kDay + clock)) return {};
  days += sign * Wide(by.days);
  if (!is_timestamp_here(days * kDay + clock)) return {};
  Wide out = days * kDay + clock + sign * Wide(by.moment);
  return is_timestamp_here(out) ? known_moment(out) : Known();
}

Known day_function(const Call& call, const std::vector<Known>& args) {
  std::int64_t day = args[0].moment;
  if (call.function == Function::kApart) {
    if (is_infinite(day) || is_infinite(args[1].moment)) return {};
    return known_text(std::to_string(day - args[1].moment));
  }
  if (is_infinite(day)) return args[0];
  Wide count = std::strtoll(args[1].text.c_str(), nullptr, 10);
  Wide out = call.function == Function::kDaysAfter ? day + count : day - count;
  bool is_day = out >= day_of(-4713, 11, 24) && out <= day_of(5874897, 12, 31);
  return is_day ? known_moment(out) : Known();
}

// The nearest float, as strtod() has it; nothing for what is beyond, or no longer told from zero.
Known real_of_text(const std::string& text, Type type) {
  double out = type == Type::kFloat4 ? std::strtof(text.c_str(), nullptr) : std::strtod(text.c_str(), nullptr);
  Paper exact = Paper::read(text);
  bool lost = exact.kind == Paper::Kind::kFinite && (std::isinf(out) || (out == 0 && exact.sign() != 0));
  return lost ? Known() : known_real(out);
}

Known cast(const Call& call, const Known& value) {
  Type from = call.args[0].type;
  Type to = call.type;
  if (from == Type::kBool)
    return known_text(to == Type::kText ? (value.text == "t" ? "true" : "false") : value.text == "t" ? "1" : "0");
  if (to == Type::kBool) return known_bool(value.text != "0");
  if (to == Type::kText || to == Type::kNumeric) return value;
  if (is_float(to) && !is_float(from)) return real_of_text(value.text, to);
  if (is_float(to)) {
    auto narrow = static_cast<float>(value.real);
    bool lost = (std::isinf(narrow) && !std::isinf(value.real)) || (narrow == 0 && value.real != 0);
    if (to == Type::kFloat8) return value;
    return lost ? Known() : known_real(narrow);
  }
  if (is_integer(to) && is_float(from)) {
    double whole = std::nearbyint(value.real);
    if (!(std::fabs(whole) < 1e19)) return {};
    return integer_within(Paper::read(std::to_string(whole).substr(0, std::to_string(whole).find('.'))), to);
  }
  if (is_integer(to)) {
    Paper whole = rounded(Paper::read(value.text));
    return whole.kind == Paper::Kind::kFinite ? integer_within(whole, to) : Known();
  }
  if (to == Type::kTimestamp) {
    if (is_infinite(value.moment)) return value;
    Wide moment = Wide(value.moment) * kDay;
    return is_timestamp_here(moment) ? known_moment(moment) : Known();
  }
  if (is_infinite(value.moment)) return to == Type::kTime ? Known() : value;
  std::int64_t clock = value.moment % kDay;
  if (clock < 0) clock += kDay;
  return known_moment(to == Type::kTime ? Wide(clock) : (Wide(value.moment) - clock) / kDay);
}

std::string raised(std::string_view text, bool folded) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string_view two = text.substr(i, 2);
    if (folded && (two == "\xC4\xB1" || two == "\xC5\xBF")) {
      out += two == "\xC4\xB1" ? 'I' : 'S';
      ++i;
    } else {
      out += text[i] >= 'a' && text[i] <= 'z' ? static_cast<char>(text[i] - 32) : text[i];
    }
  }
  return out;
}

int count_characters(std::string_view text) {
  int out = 0;
  for (char c : text) out += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  return out;
}

// A pattern that ends in its escape matches nothing.
Known like_function(std::string_view text, std::string_view pattern) {
  if (pattern.size() > kLikePatternBytesMax) return {};
  std::size_t escapes = 0;
  while (escapes < pattern.size() && pattern[pattern.size() - 1 - escapes] == '\\') ++escapes;
  return known_bool(escapes % 2 == 0 && is_like(text, pattern));
}

}  // namespace

Known read(std::string_view text, Type type) {
  switch (type) {
    case Type::kBool: return known_bool(text.starts_with('t'));
    case Type::kFloat4: return known_real(std::strtof(std::string(text).c_str(), nullptr));
    case Type::kFloat8: return known_real(std::strtod(std::string(text).c_str(), nullptr));
    case Type::kDate:
    case Type::kTime:
    case Type::kTimestamp:
    case Type::kTimestamptz: return read_moment(text, type);
    case Type::kInterval: return read_interval_text(text);
    case Type::kBpchar: {
      std::string out(text);
      while (out.ends_with(' ')) out.pop_back();
      return known_text(out);
    }
    default: return known_text(std::string(text));
  }
}

Known of(const Constant& constant) {
  if (constant.null) return {};
  switch (constant.type) {
    case Type::kBool: return known_bool(constant.integer != 0);
    case Type::kInt2:
    case Type::kInt4:
    case Type::kInt8: return known_text(std::to_string(constant.integer));
    case Type::kFloat4:
    case Type::kFloat8: return known_real(constant.real);
    case Type::kDate:
    case Type::kTime:
    case Type::kTimestamp:
    case Type::kTimestamptz: return known_moment(constant.integer);
    case Type::kInterval: return known_interval(constant.months, constant.days, constant.integer);
    case Type::kBpchar: return read(constant.text, Type::kBpchar);
    default: return known_text(constant.text);
  }
}

Known brought(const Known& value, Type type, Domain domain) {
  if (value.null) return value;
  if (domain == Domain::kReal && !is_float(type)) return real_of_text(value.text, Type::kFloat8);
  if (domain != Domain::kTimestamp || type != Type::kDate || is_infinite(value.moment)) return value;
  Wide moment = Wide(value.moment) * kDay;
  // Above every timestamp.
  return known_moment(is_timestamp_here(moment) ? moment : Wide(std::numeric_limits<std::int64_t>::max() - 1));
}

int compare(const Known& a, const Known& b, Domain domain) {
  switch (domain) {
    case Domain::kInteger:
    case Domain::kDecimal: return compare(Paper::read(a.text), Paper::read(b.text));
    case Domain::kReal:
      if (std::isnan(a.real) || std::isnan(b.real)) return int(std::isnan(a.real)) - int(std::isnan(b.real));
      return a.real < b.real ? -1 : a.real > b.real;
    case Domain::kBytes:
    case Domain::kBlankPadded:
    case Domain::kBool: {
      for (std::size_t i = 0; i < a.text.size() && i < b.text.size(); ++i) {
        int order = static_cast<unsigned char>(a.text[i]) - static_cast<unsigned char>(b.text[i]);
        if (order != 0) return order;
      }
      return a.text.size() < b.text.size() ? -1 : a.text.size() > b.text.size();
    }
    case Domain::kInterval: {
      auto hours = [](const Known& i) { return Wide(i.moment) + (Wide(i.days) + Wide(i.months) * 30) * kDay; };
      return hours(a) < hours(b) ? -1 : hours(a) > hours(b);
    }
    default: return a.moment < b.moment ? -1 : a.moment > b.moment;
  }
}

Known result_of(const Call& call, const std::vector<Known>& args) {
  switch (call.function) {
    case Function::kMove: return moved(args[0], args[1], false, false);
    case Function::kMoveBy: return moved(args[0], args[1], false, true);
    case Function::kMoveBack: return moved(args[0], args[1], true, true);
    case Function::kInZone:
      return args.size() == 1 ? args[0] : moved(args[0], args[1], call.type == Type::kTimestamptz, false);
    case Function::kDaysAfter:
    case Function::kDaysBefore: return day_function(call, args);
    case Function::kCast: return cast(call, args[0]);
    case Function::kConcat: return known_text(args[0].text + args[1].text);
    case Function::kLower: return known_text(lowered(args[0].text, call.folded));
    case Function::kUpper: return known_text(raised(args[0].text, call.folded));
    case Function::kLength: return known_text(std::to_string(count_characters(args[0].text)));
    case Function::kLike: return like_function(args[0].text, args[1].text);
    default: break;
  }
  if (call.function == Function::kApart && call.type == Type::kInt4) return day_function(call, args);
  if (call.type == Type::kInterval) return interval_function(call, args);
  if (call.type == Type::kNumeric) return numeric_function(call, args);
  return is_float(call.type) ? real_function(call, args) : integer_function(call, args);
}

std::string lowered(std::string_view text, bool folded) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (folded && text.substr(i, 3) == "\xE2\x84\xAA") {
      out += 'k';
      i += 2;
    } else if (folded && text.substr(i, 2) == "\xC4\xB0") {
      out += 'i';
      i += 1;
    } else {
      out += text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + 32) : text[i];
    }
  }
  return out;
}

bool is_like(std::string_view text, std::string_view pattern) {
  auto width = [&](std::size_t at) {
    std::size_t end = at + 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    return end - at;
  };
  // Whether the pattern from `p` on matches the text from `t` on, for the p that came last.
  std::vector<bool> below(text.size() + 1, false);
  below[text.size()] = true;
  std::vector<std::size_t> begins;
  for (std::size_t p = 0; p < pattern.size(); p += pattern[p] == '\\' ? 2 : 1) begins.push_back(p);
  for (std::size_t i = begins.size(); i-- > 0;) {
    std::vector<bool> here(text.size() + 1, false);
    std::size_t p = begins[i];
    char literal = pattern[p] == '\\' && p + 1 < pattern.size() ? pattern[p + 1] : pattern[p];
    for (std::size_t t = text.size() + 1; t-- > 0;) {
      if (pattern[p] == '%')
        here[t] = below[t] || (t < text.size() && here[t + width(t)]);
      else if (pattern[p] == '_')
        here[t] = t < text.size() && below[t + width(t)];
      else
        here[t] = t < text.size() && text[t] == literal && below[t + 1];
    }
    below = std::move(here);
  }
  return below[0];
}

}  // namespace sluice::sql::reference

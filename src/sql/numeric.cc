#include "sql/numeric.h"

#include <algorithm>
#include <limits>

#include "sql/decimal.h"

namespace sluice::sql {
namespace {

using boost::multiprecision::cpp_int;
using Kind = Numeric::Kind;

constexpr int kDigitsOfABase = 4;  // numeric.c computes in base 10,000
constexpr int kSignificantDigitsMin = 16;
constexpr int kDisplayScaleMax = 1000;

cpp_int power_of_ten(unsigned exponent) {
  return boost::multiprecision::pow(cpp_int(10), exponent);
}

cpp_int at_scale(const Numeric& a, unsigned scale) {
  return a.unscaled * power_of_ten(scale - a.scale);
}

int sign_of(const Numeric& a) {
  if (a.kind == Kind::kInfinity) return 1;
  if (a.kind == Kind::kMinusInfinity) return -1;
  return a.unscaled.sign();
}

Numeric special(Kind kind) {
  return Numeric{.kind = kind};
}

Numeric infinity(int sign) {
  return special(sign > 0 ? Kind::kInfinity : Kind::kMinusInfinity);
}

bool any_nan(const Numeric& a, const Numeric& b) {
  return a.kind == Kind::kNan || b.kind == Kind::kNan;
}

// Where the first digit that is not zero stands, in base 10,000.
struct Leading {
  int weight = 0;
  int digit = 0;
};

Leading leading_of(const Numeric& a) {
  if (a.unscaled == 0) return {};
  std::string digits = cpp_int(abs(a.unscaled)).str();
  int exponent = static_cast<int>(digits.size()) - 1 - static_cast<int>(a.scale);
  int weight = exponent >= 0 ? exponent / kDigitsOfABase : -((-exponent + kDigitsOfABase - 1) / kDigitsOfABase);
  auto count = static_cast<std::size_t>(exponent - weight * kDigitsOfABase + 1);
  digits.resize(std::max(count, digits.size()), '0');
  return {weight, std::stoi(digits.substr(0, count))};
}

// select_div_scale()
unsigned quotient_scale(const Numeric& a, const Numeric& b) {
  Leading above = leading_of(a);
  Leading below = leading_of(b);
  int weight = above.weight - below.weight - (above.digit <= below.digit ? 1 : 0);
  int scale = kSignificantDigitsMin - weight * kDigitsOfABase;
  scale = std::max({scale, static_cast<int>(a.scale), static_cast<int>(b.scale), 0});
  return static_cast<unsigned>(std::min(scale, kDisplayScaleMax));
}

// Half away from zero.
cpp_int divided(const cpp_int& above, const cpp_int& below) {
  cpp_int out = (2 * abs(above) + abs(below)) / (2 * abs(below));
  return above.sign() * below.sign() < 0 ? cpp_int(-out) : out;
}

}  // namespace

std::optional<Numeric> Numeric::read(std::string_view text) {
  auto decimal = read_decimal(text);
  if (!decimal) return std::nullopt;
  if (decimal->kind != Decimal::Kind::kFinite) return special(static_cast<Kind>(decimal->kind));
  Numeric out;
  std::size_t point = text.find('.');
  if (point != std::string_view::npos) out.scale = static_cast<unsigned>(text.size() - point - 1);
  std::string digits(decimal->whole);
  digits += decimal->fraction;
  digits.append(out.scale - decimal->fraction.size(), '0');
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  if (!digits.empty()) out.unscaled = cpp_int(digits);
  if (decimal->negative) out.unscaled = -out.unscaled;
  return out;
}

Numeric Numeric::of(std::int64_t integer) {
  return Numeric{.unscaled = integer};
}

std::string Numeric::text() const {
  switch (kind) {
    case Kind::kNan: return "NaN";
    case Kind::kInfinity: return "Infinity";
    case Kind::kMinusInfinity: return "-Infinity";
    case Kind::kFinite: break;
  }
  std::string digits = cpp_int(abs(unscaled)).str();
  if (digits.size() <= scale) digits.insert(0, scale + 1 - digits.size(), '0');
  if (scale > 0) digits.insert(digits.size() - scale, 1, '.');
  return (unscaled.sign() < 0 ? "-" : "") + digits;
}

Numeric operator+(const Numeric& a, const Numeric& b) {
  if (any_nan(a, b)) return special(Kind::kNan);
  if (!a.finite() && !b.finite()) return a.kind == b.kind ? a : special(Kind::kNan);
  if (!a.finite()) return a;
  if (!b.finite()) return b;
  unsigned scale = std::max(a.scale, b.scale);
  return {.unscaled = at_scale(a, scale) + at_scale(b, scale), .scale = scale};
}

Numeric operator-(const Numeric& a) {
  if (a.kind == Kind::kNan) return a;
  if (!a.finite()) return infinity(-sign_of(a));
  return {.unscaled = -a.unscaled, .scale = a.scale};
}

Numeric operator-(const Numeric& a, const Numeric& b) {
  return a + -b;
}

Numeric operator*(const Numeric& a, const Numeric& b) {
  if (any_nan(a, b)) return special(Kind::kNan);
  if (!a.finite() || !b.finite()) {
    int sign = sign_of(a) * sign_of(b);
    return sign == 0 ? special(Kind::kNan) : infinity(sign);
  }
  return {.unscaled = a.unscaled * b.unscaled, .scale = a.scale + b.scale};
}

Numeric absolute(const Numeric& a) {
  return sign_of(a) < 0 ? -a : a;
}

std::optional<Numeric> quotient(const Numeric& a, const Numeric& b) {
  if (any_nan(a, b)) return special(Kind::kNan);
  if (!a.finite() && !b.finite()) return special(Kind::kNan);
  if (sign_of(b) == 0) return std::nullopt;
  if (!a.finite()) return infinity(sign_of(a) * sign_of(b));
  if (!b.finite()) return Numeric{};
  unsigned scale = quotient_scale(a, b);
  // a / b * 10^scale, of which a has a.scale and b has b.scale already.
  cpp_int above = a.unscaled * power_of_ten(scale + b.scale);
  return Numeric{.unscaled = divided(above, b.unscaled * power_of_ten(a.scale)), .scale = scale};
}

std::optional<Numeric> remainder(const Numeric& a, const Numeric& b) {
  if (any_nan(a, b)) return special(Kind::kNan);
  if (!a.finite()) return b.finite() && sign_of(b) == 0 ? std::nullopt : std::optional(special(Kind::kNan));
  if (!b.finite()) return a;
  if (sign_of(b) == 0) return std::nullopt;
  unsigned scale = std::max(a.scale, b.scale);
  return Numeric{.unscaled = at_scale(a, scale) % at_scale(b, scale), .scale = scale};
}

std::optional<std::int64_t> rounded(const Numeric& a) {
  if (!a.finite()) return std::nullopt;
  cpp_int whole = divided(a.unscaled, power_of_ten(a.scale));
  if (whole > std::numeric_limits<std::int64_t>::max() || whole < std::numeric_limits<std::int64_t>::min())
    return std::nullopt;
  return static_cast<std::int64_t>(whole);
}

std::string with_scale(std::string_view text, unsigned scale) {
  std::string out(text);
  if (!read_decimal(text) || read_decimal(text)->kind != Decimal::Kind::kFinite) return out;
  std::size_t point = out.find('.');
  std::size_t digits = point == std::string::npos ? 0 : out.size() - point - 1;
  if (digits >= scale) return out;
  if (point == std::string::npos) out += '.';
  return out.append(scale - digits, '0');
}

}  // namespace sluice::sql

#include "sql/real_math.h"

#include <bit>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <limits>

namespace sluice::sql {
namespace {

constexpr double kLargest = std::numeric_limits<double>::max();
constexpr double kLeast = std::numeric_limits<double>::denorm_min();
constexpr int kHalfOfTheExponents = 537;  // the least float8 is 2 to the power of -2 * 537

// An operation of float4 is that of float8, rounded: float8 has more than twice the digits, so that nothing is rounded
// twice.
std::optional<double> result(double value, Type type) {
  return type == Type::kFloat4 ? narrowed_real(value) : value;
}

bool underflows(double a, double b) {
  double least = std::ldexp(1.0, -kHalfOfTheExponents);
  if (a == 0 || b == 0 || !(std::fabs(a) < 1 && std::fabs(b) < 1)) return false;
  if (std::fabs(a) >= least && std::fabs(b) >= least) return false;
  return std::fabs(std::ldexp(a, kHalfOfTheExponents) * std::ldexp(b, kHalfOfTheExponents)) <= 0.5;
}

// The last float from `good` on, towards `bad`, for which `holds`; both are positive or zero.
template <typename Holds>
double last_good(double good, double bad, Holds holds) {
  if (holds(bad)) return bad;
  auto from = std::bit_cast<std::int64_t>(good);
  auto to = std::bit_cast<std::int64_t>(bad);
  while (from - to > 1 || to - from > 1) {
    std::int64_t middle = from + (to - from) / 2;
    (holds(std::bit_cast<double>(middle)) ? from : to) = middle;
  }
  return std::bit_cast<double>(from);
}

bool is_whole(double value) {
  return std::floor(value) == value;
}

std::optional<double> power_at_infinity(double base, double exponent) {
  if (std::isinf(exponent)) {
    double size = std::fabs(base);
    if (size == 1) return 1.0;
    return (size > 1) == (exponent > 0) ? std::numeric_limits<double>::infinity() : 0.0;
  }
  if (exponent == 0) return 1.0;
  bool odd = !is_whole(exponent / 2);
  double size = exponent > 0 ? std::numeric_limits<double>::infinity() : 0.0;
  return base < 0 && odd ? -size : size;
}

}  // namespace

std::optional<double> narrowed_real(double value) {
  auto narrow = static_cast<float>(value);
  if (std::isinf(narrow) && !std::isinf(value)) return std::nullopt;
  if (narrow == 0 && value != 0) return std::nullopt;
  return narrow;
}

std::optional<double> real_sum(double a, double b, Type type) {
  double sum = a + b;
  if (std::isinf(sum) && !std::isinf(a) && !std::isinf(b)) return std::nullopt;
  return result(sum, type);
}

std::optional<double> real_difference(double a, double b, Type type) {
  return real_sum(a, -b, type);
}

std::optional<double> real_product(double a, double b, Type type) {
  double product = a * b;
  if (std::isinf(product) && !std::isinf(a) && !std::isinf(b)) return std::nullopt;
  if (underflows(a, b)) return std::nullopt;
  return result(product, type);
}

std::optional<double> real_quotient(double a, double b, Type type) {
  if (b == 0) return std::isnan(a) ? std::optional(a) : std::nullopt;
  double quotient = a / b;
  if (std::isinf(quotient) && !std::isinf(a)) return std::nullopt;
  if (quotient == 0 && a != 0 && !std::isinf(b)) return std::nullopt;
  return std::isinf(b) ? std::optional(quotient) : result(quotient, type);
}

std::optional<double> real_power(double base, double exponent) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  if (std::isnan(base)) return exponent == 0 ? 1.0 : kNan;
  if (std::isnan(exponent)) return base == 1 ? 1.0 : kNan;
  if (base == 0 && exponent < 0) return std::nullopt;
  if (base < 0 && !is_whole(exponent)) return std::nullopt;
  if (std::isinf(base) || std::isinf(exponent)) return power_at_infinity(base, exponent);
  errno = 0;
  double power = std::pow(base, exponent);
  if (errno != 0 || std::isnan(power) || std::isinf(power) || (power == 0 && base != 0)) return std::nullopt;
  return power;
}

PowerRange bases_of(double exponent) {
  auto has = [&](double base) { return real_power(base, exponent).has_value(); };
  return {last_good(1, kLeast, has), last_good(1, kLargest, has)};
}

PowerRange exponents_of(double base) {
  auto has = [&](double exponent) { return real_power(base, exponent).has_value(); };
  auto has_negative = [&](double exponent) { return has(-exponent); };
  return {-last_good(0, kLargest, has_negative), last_good(0, kLargest, has)};
}

}  // namespace sluice::sql

// Arithmetic of Postgres's numeric: exact, and a quotient to as many digits as Postgres gives it.
//
// Source: numeric.c: the scale of a result is the larger of its operands' (+, -, %), their sum (*), or select_div_scale()'s.
// A Numeric keeps the digits after the point that it is written with, for the scale of a quotient and the text of a result
// depend on them. How many digits there may be is the caller's to bound (call.h).
#pragma once

#include <boost/multiprecision/cpp_int.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::sql {

struct Numeric {
  enum class Kind : signed char { kMinusInfinity, kFinite, kInfinity, kNan };
  Kind kind = Kind::kFinite;
  boost::multiprecision::cpp_int unscaled = 0;  // times 10 to the power of -scale
  unsigned scale = 0;

  // What Postgres prints; nullopt for anything else.
  static std::optional<Numeric> read(std::string_view text);
  static Numeric of(std::int64_t integer);
  std::string text() const;
  bool finite() const { return kind == Kind::kFinite; }
};

Numeric operator+(const Numeric& a, const Numeric& b);
Numeric operator-(const Numeric& a, const Numeric& b);
Numeric operator*(const Numeric& a, const Numeric& b);
Numeric operator-(const Numeric& a);
Numeric absolute(const Numeric& a);
// Nullopt: division by zero.
std::optional<Numeric> quotient(const Numeric& a, const Numeric& b);
std::optional<Numeric> remainder(const Numeric& a, const Numeric& b);
// Half away from zero. Nullopt where it is no number that an int8 holds.
std::optional<std::int64_t> rounded(const Numeric& a);

// "1.5" and 3: "1.500". A text with as many digits or more, or that is no number, is itself.
std::string with_scale(std::string_view text, unsigned scale);

}  // namespace sluice::sql

// Decimal numbers of any length, compared as text: Postgres's numeric without a numeric type.
//
// Nothing here allocates but canonical_decimal().
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::sql {

// Digits that a numeric constant may have once its exponent is written out. A row's numeric has no such limit.
inline constexpr std::size_t kDecimalDigitsMax = 1000;

// A number taken apart; views into the text it was read from. Equal numbers have equal parts.
struct Decimal {
  enum class Kind : signed char { kMinusInfinity, kFinite, kInfinity, kNan };  // in Postgres's order
  Kind kind = Kind::kFinite;
  bool negative = false;
  std::string_view whole = {};     // without leading zeros
  std::string_view fraction = {};  // without trailing zeros
};

// Reads what Postgres prints for numeric and the integers: [-]digits[.digits], NaN, Infinity, -Infinity.
std::optional<Decimal> read_decimal(std::string_view text);

// Less than, equal to, greater than 0. NaN equals NaN and is above everything, as in Postgres.
int compare(const Decimal& a, const Decimal& b);

// Reads what numeric_in accepts (white space around it, an exponent, "inf"), and writes it the one way that
// read_decimal() reads: no exponent, no needless zero. Nullopt for anything else and for more than kDecimalDigitsMax digits.
std::optional<std::string> canonical_decimal(std::string_view input);

}  // namespace sluice::sql

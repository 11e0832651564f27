// Decimal numbers as strings of digits, computed with as on paper, for the reference evaluator (reference.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::sql::reference {

struct Paper {
  enum class Kind { kMinusInfinity, kFinite, kInfinity, kNan };
  Kind kind = Kind::kFinite;
  bool negative = false;
  std::string digits = {};  // without leading zeros, the last `scale` of them after the point
  int scale = 0;

  static Paper read(std::string_view text);
  std::string text() const;
  int sign() const;  // -1, 0, 1; of NaN 0
};

int compare(const Paper& a, const Paper& b);
Paper add(const Paper& a, const Paper& b);
Paper negated(Paper a);
Paper multiply(const Paper& a, const Paper& b);
// As numeric divides, to its own scale. Nullopt: by zero.
std::optional<Paper> divide(const Paper& a, const Paper& b);
std::optional<Paper> modulo(const Paper& a, const Paper& b);
// The quotient of whole numbers, towards zero; b is not zero.
Paper divide_whole(const Paper& a, const Paper& b);
// Half away from zero.
Paper rounded(const Paper& a);

}  // namespace sluice::sql::reference

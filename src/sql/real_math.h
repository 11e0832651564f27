// Arithmetic of float4 and float8 as Postgres has it (float.h, float.c): nullopt where it raises an error, for a result that
// is beyond the type, for one that is no longer told from zero, and for a division by zero.
//
// + - * / and a square root are exactly rounded everywhere. A power is the C library's, here as there: see docs/where.md.
#pragma once

#include <optional>

#include "sql/value.h"

namespace sluice::sql {

std::optional<double> real_sum(double a, double b, Type type);
std::optional<double> real_difference(double a, double b, Type type);
// Of float8, one that may be the least float's half, or the next to that, is taken for an underflow: what is told to
// Postgres (call_print.h) cannot tell the two apart.
std::optional<double> real_product(double a, double b, Type type);
std::optional<double> real_quotient(double a, double b, Type type);
// dpow()
std::optional<double> real_power(double base, double exponent);
// A float8 as a float4.
std::optional<double> narrowed_real(double value);

// What has a power.
struct PowerRange {
  double first;
  double last;
};
// The positive finite numbers that can be raised to `exponent`, which is finite.
PowerRange bases_of(double exponent);
// The finite numbers that `base`, which is positive and finite, can be raised to.
PowerRange exponents_of(double base);

}  // namespace sluice::sql

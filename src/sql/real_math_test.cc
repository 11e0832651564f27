#include "sql/real_math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace sluice::sql {
namespace {

constexpr double kMax = std::numeric_limits<double>::max();
constexpr double kLeast = std::numeric_limits<double>::denorm_min();
constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(RealMath, HasNoResultWherePostgresRaisesAnError) {
  EXPECT_FALSE(real_sum(kMax, kMax, Type::kFloat8));
  EXPECT_EQ(real_sum(kMax, 1, Type::kFloat8), kMax);
  EXPECT_EQ(real_sum(kInf, kMax, Type::kFloat8), kInf);
  EXPECT_FALSE(real_product(kMax, 2, Type::kFloat8));
  EXPECT_FALSE(real_product(kLeast, 0.5, Type::kFloat8));
  EXPECT_EQ(real_product(kLeast, 0, Type::kFloat8), 0);
  EXPECT_FALSE(real_quotient(1, 0, Type::kFloat8));
  EXPECT_TRUE(std::isnan(*real_quotient(NAN, 0, Type::kFloat8)));
  EXPECT_FALSE(real_quotient(kLeast, 2, Type::kFloat8));
  EXPECT_EQ(real_quotient(1, kInf, Type::kFloat8), 0);
  EXPECT_EQ(real_quotient(1, kInf, Type::kFloat4), 0);
  EXPECT_FALSE(real_product(3e38, 3, Type::kFloat4));
  EXPECT_FALSE(real_quotient(1e-45, 3e5, Type::kFloat4));
}

TEST(RealMath, RaisesAsDpowDoes) {
  EXPECT_EQ(real_power(NAN, 0), 1);
  EXPECT_EQ(real_power(1, NAN), 1);
  EXPECT_FALSE(real_power(0, -1));
  EXPECT_FALSE(real_power(-8, 1.0 / 3));
  EXPECT_EQ(real_power(-8, 3), -512);
  EXPECT_EQ(real_power(-kInf, 3), -kInf);
  EXPECT_EQ(real_power(-kInf, -2), 0);
  EXPECT_EQ(real_power(-1, kInf), 1);
  EXPECT_EQ(real_power(0.5, -kInf), kInf);
  EXPECT_FALSE(real_power(10, 309));
  EXPECT_FALSE(real_power(10, -400));
}

TEST(RealMath, KnowsWhichNumbersHaveAPower) {
  for (double exponent : {2.0, -2.0, 0.5, 1e6, -1e6, 3.7, 0.0}) {
    PowerRange range = bases_of(exponent);
    EXPECT_TRUE(real_power(range.first, exponent) && real_power(range.last, exponent)) << exponent;
    EXPECT_TRUE(range.first == kLeast || !real_power(std::nextafter(range.first, 0), exponent)) << exponent;
    EXPECT_TRUE(range.last == kMax || !real_power(std::nextafter(range.last, kInf), exponent)) << exponent;
  }
  for (double base : {2.0, 0.5, 10.0, 1.0, 1.0000000001}) {
    PowerRange range = exponents_of(base);
    EXPECT_TRUE(real_power(base, range.first) && real_power(base, range.last)) << base;
    EXPECT_TRUE(range.first == -kMax || !real_power(base, std::nextafter(range.first, -kInf))) << base;
    EXPECT_TRUE(range.last == kMax || !real_power(base, std::nextafter(range.last, kInf))) << base;
  }
}

}  // namespace
}  // namespace sluice::sql

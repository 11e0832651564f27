#include "sql/call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sql/test_table.h"
#include "sql/where.h"

namespace sluice::sql {
namespace {

using testing::HasSubstr;

std::string error_of(std::string_view where) {
  auto out = WhereClause::compile(where, {}, test_table());
  return out ? "no error: " + out->canonical() : out.error().message;
}

bool matches(std::string_view where, const TestRow& row) {
  auto out = WhereClause::compile(where, {}, test_table());
  if (!out) ADD_FAILURE() << where << ": " << out.error().message;
  return out && out->matches(row.view());
}

std::string canonical(std::string_view where) {
  auto out = WhereClause::compile(where, {}, test_table());
  return out ? out->canonical() : out.error().message;
}

TEST(Call, ComputesWithIntegersOfTheWiderType) {
  TestRow row{{"i2", "7"}, {"i4", "-5"}, {"i8", "9000000000"}};
  EXPECT_TRUE(matches("i2 + i4 = 2 and i2 * i4 = -35 and i4 / 2 = -2 and i4 % 2 = -1", row));
  EXPECT_TRUE(matches("i8 - i4 = 9000000005 and -i4 = 5 and @ i4 = 5 and abs(i4) = 5", row));
  EXPECT_TRUE(matches("i2 & 3 = 3 and i2 | 8 = 15 and i2 # 2 = 5 and ~ i2 = -8 and i2 << 2 = 28 and i2 >> 1 = 3", row));
  EXPECT_TRUE(matches("i4 + i8 > 2147483648", row));
}

TEST(Call, IsNullWherePostgresRaisesAnError) {
  TestRow row{{"i2", "32767"}, {"i4", "2147483647"}, {"i8", "9223372036854775807"}, {"n", "0.0"}, {"f8", "NaN"}};
  for (const char* where : {"i2 + 1::int2", "i4 + 1", "i8 + 1", "i4 * 2", "1 / (i4 - i4)", "i4 % (i4 - i4)", "1 / n",
                            "1 % n", "i8::int4", "f8::int4", "|/ (i4 - i8)"}) {
    EXPECT_TRUE(matches("(" + std::string(where) + ") is null", row)) << where;
    EXPECT_FALSE(matches("(" + std::string(where) + ") > 0", row)) << where;
    EXPECT_FALSE(matches("not (" + std::string(where) + ") > 0", row)) << where;
  }
  EXPECT_TRUE(matches("i2 + 1 = 32768", row));
}

TEST(Call, RefusesWhatFailsForEveryRow) {
  EXPECT_EQ(error_of("i4 = 1 / 0"), "At location 7: division by zero, or a value is out of range");
  EXPECT_THAT(error_of("i4 = 2147483647 + 1"), HasSubstr("out of range"));
  EXPECT_THAT(error_of("CASE WHEN b THEN 1 % 0 ELSE 1 END = 1"), HasSubstr("division by zero"));
}

TEST(Call, ComputesConstantsAtOnce) {
  EXPECT_EQ(canonical("i4 = 2 + 3 * 4"), R"(("i4" = '14'::int4))");
  EXPECT_EQ(canonical("n = 1 / 3.0"), R"(("n" = '0.33333333333333333333'::numeric))");
  EXPECT_EQ(canonical("t = 'a' || 1 || true"), R"(("t" = 'a1true'::text))");
  EXPECT_EQ(canonical("ts > '2024-03-31'::timestamp - interval '1 month'"), R"(("ts" > '2024-02-29 00:00:00'::timestamp))");
}

// The scale of a quotient is that of the digits as they are written.
TEST(Call, DividesNumericsToAsManyDigitsAsPostgres) {
  EXPECT_TRUE(matches("n / 3 = 0.33333333333333333333", {{"n", "1"}}));
  EXPECT_TRUE(matches("n / 3.000000000000000000000000 = 0.333333333333333333333333", {{"n", "1"}}));
  EXPECT_TRUE(matches("(n / 3)::text = '3333.3333333333333333'", {{"n", "10000"}}));
  EXPECT_TRUE(matches("(n * 2)::text = '3.00' and (n + 1)::text = '2.50'", {{"n", "1.50"}}));
  EXPECT_TRUE(matches("n + 1 = 'NaN'", {{"n", "NaN"}}));
  EXPECT_TRUE(matches("(n + 1) is null", {{"n", "1" + std::string(kColumnDigitsMax, '0')}}));
}

TEST(Call, ChoosesAmongValues) {
  TestRow row{{"i4", "5"}, {"t", "x"}};
  EXPECT_TRUE(matches("coalesce(i8, i4, 9) = 5 and greatest(i4, i8, 3) = 5 and least(i4, 7, 3) = 3", row));
  EXPECT_TRUE(matches("nullif(i4, 5) is null and nullif(i4, 6) = 5", row));
  EXPECT_TRUE(matches("CASE WHEN i4 > 9 THEN 'big' WHEN i4 > 3 THEN t || 'y' END = 'xy'", row));
  EXPECT_TRUE(matches("CASE i4 WHEN 1 THEN 'a' WHEN 5 THEN 'b' ELSE 'c' END = 'b'", row));
  EXPECT_TRUE(matches("(CASE WHEN i4 > 9 THEN 1 END) is null", row));
}

TEST(Call, FoldsCaseAsFarAsAsciiGoes) {
  TestRow row{{"t", "ABc\xE2\x84\xAA"}, {"v", "Größe"}};
  EXPECT_TRUE(matches("lower(t) = 'abck' and lower(t) like '%ck' and upper(v) like 'GR_%E'", row));
  EXPECT_TRUE(matches("length(v) = 5", row));
  EXPECT_THAT(error_of("lower(t) = lower(v)"), HasSubstr("text of ASCII characters"));
  EXPECT_THAT(error_of("lower(t) = 'größe'"), HasSubstr("text of ASCII characters"));
  EXPECT_THAT(error_of("lower(t) || 'x' = 'ax'"), HasSubstr("text of ASCII characters"));
  EXPECT_THAT(error_of("lower(t) > 'a'"), HasSubstr("order of text"));
}

TEST(Call, MatchesPatternsOfRows) {
  EXPECT_TRUE(matches("t like v || '%'", {{"t", "abc"}, {"v", "ab"}}));
  EXPECT_FALSE(matches("t like v", {{"t", "abc"}, {"v", "ab\\"}}));
  EXPECT_TRUE(matches("(t like v) is null", {{"t", "abc"}, {"v", std::string(kLikePatternBytesMax + 1, '%')}}));
}

TEST(Call, MovesDatesAndTimes) {
  TestRow row{{"d", "2024-01-31"}, {"ts", "2024-01-31 10:00:00"}, {"tz", "2024-01-31 10:00:00+00"}};
  EXPECT_TRUE(matches("d + 1 = '2024-02-01' and 1 + d = '2024-02-01' and d - 31 = '2023-12-31'", row));
  EXPECT_TRUE(matches("d - date '2024-01-01' = 30 and d - '2024-01-01' = 30", row));
  EXPECT_TRUE(matches("ts + interval '1 month' = '2024-02-29 10:00' and ts - interval 'P1DT1H' = '2024-01-30 09:00'", row));
  EXPECT_TRUE(
      matches("ts - timestamp '2024-01-01' = interval 'P30DT10H' and ts - d = 'PT10H' and tz - '2024-02-01' < 'PT0S'", row));
  EXPECT_TRUE(matches("tz AT TIME ZONE 'UTC' = ts and d + interval '1 day' = '2024-02-01'", row));
  EXPECT_TRUE(matches("(ts + interval '1 hour') is null", {{"ts", "294276-12-31 23:59:59"}}));
  EXPECT_TRUE(matches("ts + interval '1 hour' = 'infinity'", {{"ts", "infinity"}}));
  EXPECT_TRUE(matches("ts + interval '1 month -1 day' = '2024-02-28 10:00' and d - interval '1 day -1 hour' < d", row));
  EXPECT_THAT(error_of("tz AT TIME ZONE 'Europe/Berlin' = ts"), HasSubstr("the time zone Europe/Berlin"));
  EXPECT_TRUE(matches("tz AT TIME ZONE '+02' = '2024-01-31 08:00' and tz AT TIME ZONE interval '2 hours' > ts", row));
  EXPECT_THAT(error_of("tz AT TIME ZONE interval '1 day' = ts"), HasSubstr("interval of whole seconds"));
}

TEST(Call, ComputesWithIntervals) {
  TestRow row{{"iv", "P1M-2DT3H"}, {"f8", "2.5"}, {"i4", "-2"}, {"ts", "2024-01-31 10:00:00"}};
  EXPECT_TRUE(matches("iv + iv = 'P2M-4DT6H' and iv - 'P1M' = 'P-2DT3H' and - iv = 'P-1M2DT-3H'", row));
  EXPECT_TRUE(matches("iv * i4 = 'P-2M4DT-6H' and i4 * iv < iv and 'P1M'::interval * f8 = 'P2M15D'", row));
  EXPECT_TRUE(matches("iv / f8 = interval 'P1M-2DT3H' / 2.5 and interval '1 month' / 4 = 'P7DT12H'", row));
  EXPECT_TRUE(matches("justify_hours(iv) = iv and justify_days('P65D') = 'P2M5D' and justify_interval(iv) = iv", row));
  EXPECT_TRUE(matches("ts + iv = '2024-02-27 13:00' and ts - iv = '2024-01-02 07:00' and iv + ts > ts", row));
  for (const char* where :
       {"iv / (i4 + 2)", "iv * '1e300'::float8", "iv * 'NaN'", "iv + interval 'P100000Y' * (f8 * 1000)"}) {
    EXPECT_TRUE(matches("(" + std::string(where) + ") is null", row)) << where;
  }
  EXPECT_TRUE(matches("(ts + iv) is null and (iv + iv) is null", {{"ts", "2024-01-31 10:00:00"}, {"iv", "P100000000Y"}}));
}

TEST(Call, ComputesWithFloats) {
  TestRow row{{"f8", "1.5"}, {"f4", "0.1"}, {"i4", "3"}, {"n", "0.5"}};
  EXPECT_TRUE(matches("f8 + 1 = 2.5 and 1 - f8 = -0.5 and f8 * f8 = 2.25 and f8 / i4 = 0.5 and f8 + n = 2", row));
  EXPECT_TRUE(matches("f4 + f4 = '0.2'::float4 and f4 * 3 > 0.3 and f4 + 0.2::float8 <> 0.3", row));
  EXPECT_TRUE(matches("f8 ^ 2 = 2.25 and i4 ^ 2 = 9 and 4 ^ f8 = 8 and |/ n < 0.8 and n::float8 = 0.5", row));
  for (const char* where :
       {"f8 * 1e308::float8 * 10", "f8 * 1e-308 * 1e-20", "f8 / (f8 - f8)", "(f8 - f8) ^ -1", "(- f8) ^ 0.5", "f8 ^ 1e6",
        "(f8 * 1e300)::float4", "f4 * '1e38'::float4 * '1e3'", "f8 + 1.7e308 + 1.7e308"}) {
    EXPECT_TRUE(matches("(" + std::string(where) + ") is null", row)) << where;
  }
  EXPECT_TRUE(matches("n > f8 is unknown and (n + 1)::float4 is null", {{"n", "1" + std::string(400, '0')}, {"f8", "1"}}));
  EXPECT_THAT(error_of("f8 ^ f8 > 1"), HasSubstr("one of the sides of ^ must be a constant"));
  EXPECT_THAT(error_of("n ^ 2 > 1"), HasSubstr("depend on the server's version"));
}

TEST(Call, ComparesWithEachElement) {
  EXPECT_TRUE(matches("i4 > ALL('{1,2}') and i4 <= ANY('{3,4}') and 2 < ANY(arr) and 0 < ALL(arr)",
                      {{"i4", "3"}, {"arr", "{1,3}"}}));
  EXPECT_TRUE(matches("3 < ANY(ARRAY[1, 3.5]) and i4 >= ALL(ARRAY[1, 2.5])", {{"i4", "3"}}));
  EXPECT_TRUE(matches("t like ANY('{a%,b%}') and t not like ALL('{c%,d%}')", {{"t", "abc"}}));
  EXPECT_TRUE(matches("i4 > ALL('{}') and 1 > ALL(arr)", {{"arr", "{}"}}));
}

TEST(Call, IsBounded) {
  std::string product = "n";
  for (int i = 0; i < 100; ++i) product += " * n";
  EXPECT_THAT(error_of(product + " > 0"), HasSubstr("too many digits"));
  std::string nested = "n";
  for (int i = 0; i < 60; ++i) nested = "(" + nested + " / n)";
  EXPECT_THAT(error_of(nested + " > 0"), HasSubstr("too "));
  std::string between = "(CASE WHEN b THEN 1 ELSE 2 END)";
  EXPECT_THAT(error_of(between + " BETWEEN 1 AND 2"), HasSubstr("a condition cannot be an operand"));
}

TEST(Call, PrintsItself) {
  for (const char* where : {"i4 + 1 = 2", "(n / 1.50) > 2", "coalesce(i4, i8) = 1", "CASE i4 WHEN 1 THEN 'a' END = 'b'",
                            "ts + interval '1 day' > ts", "lower(t) = 'a'", "i4::text like v", "|/ i4 > 2", "i4 << 3 = 8",
                            "nullif(b, b) IS DISTINCT FROM (t ILIKE NULL)"}) {
    std::string once = canonical(where);
    EXPECT_EQ(canonical(once), once);
  }
  auto plain = WhereClause::compile("i4 = 1 and t like 'a%'", {}, test_table());
  EXPECT_EQ(plain->sql(), plain->canonical());
}

}  // namespace
}  // namespace sluice::sql

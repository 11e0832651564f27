// Comparisons of whole arrays. That they are Postgres's is tests/array_differential_test.cc's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sql/test_table.h"
#include "sql/where.h"

namespace sluice::sql {
namespace {

using testing::HasSubstr;
using Params = std::vector<std::string>;

std::string error_of(std::string_view where, const Table& table = test_table()) {
  auto out = WhereClause::compile(where, {}, table);
  return out ? "no error: " + out->sql() : out.error().message;
}

std::string printed(std::string_view where, const Params& params = {}) {
  auto out = WhereClause::compile(where, params, test_table());
  if (!out) return out.error().message;
  auto again = WhereClause::compile(out->canonical(), {}, test_table());
  EXPECT_TRUE(again && again->canonical() == out->canonical()) << out->canonical();
  return out->canonical();
}

bool matches(std::string_view where, const TestRow& row, const Params& params = {}) {
  auto out = WhereClause::compile(where, params, test_table());
  if (!out) ADD_FAILURE() << where << ": " << out.error().message;
  return out && out->matches(row.view());
}

// The array, and those that come after it, each after those before.
void expect_order(const std::vector<std::string>& arrays) {
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    TestRow row{{"arr", arrays[i]}};
    for (std::size_t j = 0; j < arrays.size(); ++j) {
      EXPECT_EQ(matches("arr < $1", row, {arrays[j]}), i < j) << arrays[i] << " and " << arrays[j];
      EXPECT_EQ(matches("arr <= $1", row, {arrays[j]}), i <= j) << arrays[i] << " and " << arrays[j];
      EXPECT_EQ(matches("arr = $1", row, {arrays[j]}), i == j) << arrays[i] << " and " << arrays[j];
      EXPECT_EQ(matches("$1 > arr", row, {arrays[j]}), i < j) << arrays[i] << " and " << arrays[j];
    }
  }
}

TEST(ArrayComparison, GoesByElementsThenByLength) {
  expect_order({"{}", "{-2}", "{1}", "{1,0,9}", "{1,10}", "{1,NULL}", "{2}", "{NULL}", "{NULL,NULL}"});
}

TEST(ArrayComparison, GoesByDimensionsAmongTheSameElements) {
  expect_order({"[-5:-2]={1,2,3,4}", "{1,2,3,4}", "[2:5]={1,2,3,4}", "{{1,2,3,4}}", "{{1,2},{3,4}}",
                "[1:2][2:3]={{1,2},{3,4}}", "{{1},{2},{3},{4}}", "{{{1,2},{3,4}}}"});
}

TEST(ArrayComparison, IsNullWhereAnArrayIs) {
  TestRow none;
  EXPECT_TRUE(matches("(arr = '{1}') is null and (arr < arr) is null and (arr = NULL) is null", none));
  EXPECT_TRUE(matches("arr is distinct from '{}' and arr is not distinct from arr", none));
  EXPECT_TRUE(matches("arr is not distinct from '{1,NULL}' and arr = '{1,NULL}'", {{"arr", "{1,NULL}"}}));
  EXPECT_TRUE(matches("(arr || arr = '{1}') is null and arr || i4 = '{3}'", {{"i4", "3"}}));
}

TEST(ArrayComparison, TakesItsConstantsInEverySpelling) {
  TestRow row{{"arr", "{1,2}"}, {"ta", "{a,\"b c\"}"}, {"i4", "2"}};
  EXPECT_TRUE(matches("arr = '{ 1 , 2 }' and arr = ARRAY[1,2] and ARRAY[1,2] = arr and arr = $1", row, {"[1:2]={1,2}"}));
  EXPECT_TRUE(matches("ta = ARRAY['a','b c'] and ta = $1::text[] and ta <> '{a}'", row, {"{a,\"b c\"}"}));
  EXPECT_TRUE(matches("arr in ('{1}', ARRAY[1,2], NULL) and arr not in ('{1}', '{}')", row));
  EXPECT_TRUE(matches("arr between '{1}' and '{1,2}' and arr not between '{1,2,3}' and '{9}'", row));
  EXPECT_TRUE(matches("arr between symmetric '{9}' and '{1}'", row));
  EXPECT_TRUE(matches("array_append('{1}'::int4[], i4) = arr and arr || 3 > arr and '{0}' || arr = '{0,1,2}'", row));
  EXPECT_FALSE(matches("arr in ('{1}', NULL)", row));
  EXPECT_FALSE(matches("arr not in ('{1}', NULL)", row));
}

TEST(ArrayComparison, ComparesElementsAsTheirTypeDoes) {
  Table table;
  auto add = [&](std::string name, Oid type) {
    Column& column = table.columns.emplace_back();
    column.name = name;
    column.type = type;
    column.type_name = name;
    column.dimensions = 1;
    column.collation.orders_bytes = true;
  };
  add("numeric", oid::kNumericArray);
  add("float8", oid::kFloat8Array);
  add("bpchar", oid::kBpcharArray);
  add("interval", oid::kIntervalArray);
  auto holds = [&](std::string_view where, std::size_t column, std::string_view array) {
    std::vector<std::optional<std::string_view>> row(table.columns.size());
    row[column] = array;
    auto out = WhereClause::compile(where, {}, table);
    return out && out->matches(row);
  };
  EXPECT_TRUE(holds("\"numeric\" = '{1.0,10}' and \"numeric\" > '{1,9}'", 0, "{1.00,10.0}"));
  EXPECT_TRUE(holds("float8 = '{0,NaN}' and float8 < '{NaN}' and float8 > '{0,1e300}'", 1, "{-0,NaN}"));
  EXPECT_TRUE(holds("bpchar = '{a,\"b  \"}' and bpchar < '{b}'", 2, "{\"a   \",b}"));
  EXPECT_TRUE(holds("interval = '{P30D}' and interval < '{P31D}'", 3, "{P1M}"));
}

// Where they begin depends on how they are nested, which says nothing elsewhere.
TEST(ArrayComparison, TakesWhatIsPutTogetherOfOtherBoundsAsNull) {
  TestRow row{{"arr", "[0:1]={1,2}"}};
  EXPECT_TRUE(matches("arr = '[0:1]={1,2}' and arr || 3 @> '{3}' and (arr || 3 = '{1,2,3}') is null", row));
  auto clause = WhereClause::compile("arr || 3 = '{1,2,3}'", {}, test_table());
  EXPECT_THAT(clause->sql(), HasSubstr("coalesce(array_ndims(\"arr\") = 1 AND array_lower(\"arr\", 1) = 1, true)"));
}

TEST(ArrayComparison, HasOneSpelling) {
  EXPECT_EQ(printed("ARRAY[1,2] < arr"), R"(("arr" > '{"1","2"}'::int4[]))");
  EXPECT_EQ(printed("arr = '{{1,2},{3,null}}'"), R"(("arr" = '{{"1","2"},{"3",NULL}}'::int4[]))");
  EXPECT_EQ(printed("arr <> '[0:1]={1,2}'"), R"(("arr" <> '[0:1]={"1","2"}'::int4[]))");
  EXPECT_EQ(printed("arr is distinct from $1", {"{}"}), R"(("arr" IS DISTINCT FROM '{}'::int4[]))");
  EXPECT_EQ(printed("arr in ('{1}', NULL)"), R"((("arr" = '{"1"}'::int4[]) OR NULL::bool))");
  EXPECT_EQ(printed("arr between '{1}' and '{2}'"), R"((("arr" >= '{"1"}'::int4[]) AND ("arr" <= '{"2"}'::int4[])))");
  EXPECT_EQ(printed("arr || 1 = arr"), R"((array_cat("arr", '{"1"}'::int4[]) = "arr"))");
  EXPECT_EQ(printed("'{2}'::int4[] = ARRAY[2]"), R"(('{"2"}'::int4[] = '{"2"}'::int4[]))");
}

TEST(ArrayComparison, RefusesWhatPostgresRefusesOrIsNotKnown) {
  EXPECT_EQ(error_of("arr = ta"), "At location 6: cannot compare an array of int4 with one of text");
  EXPECT_THAT(error_of("arr = ARRAY[1::int8]"), HasSubstr("cannot compare an array of int4 with one of int8"));
  EXPECT_THAT(error_of("ta = ARRAY['a'::varchar]"), HasSubstr("with one of text or varchar"));
  EXPECT_EQ(error_of("ta < '{a}'"), "At location 0: the order of text depends on its collation");
  EXPECT_THAT(error_of("'{a}'::text[] < '{b}'"), HasSubstr("the order of text"));
  EXPECT_EQ(error_of("arr = 7"), "At location 6: an array is expected here: a column, a literal or ARRAY[…]");
  EXPECT_THAT(error_of("arr = i4"), HasSubstr("At location 6: an array is expected here"));
  EXPECT_THAT(error_of("arr in ('{1}', 7)"), HasSubstr("At location 15: an array is expected here"));
  EXPECT_EQ(error_of("arr = '{x}'"), "At location 6: invalid syntax for type int4: x");
  for (std::string_view text : {"{{1},{2,3}}", "{{1},2}", "{1,{2}}", "[0:2]={1,2}", "[2]={1,2}", "[0:1][0:0]={1,2}", "{{}}",
                                "{{1},{}}", "{{},{1}}", "[1:0]={}", "{{{{{{{1}}}}}}}", "[2147483647:2147483647]={1}"}) {
    EXPECT_EQ(error_of("arr = '" + std::string(text) + "'"), "At location 6: invalid syntax for an array") << text;
  }
  Table table = test_table();
  table.columns[*table.find("ta")].collation.deterministic = false;
  EXPECT_THAT(error_of("ta = '{a}'", table), HasSubstr("nondeterministic"));
  EXPECT_THAT(error_of("ta = ta || t", table), HasSubstr("nondeterministic"));
  table.columns[*table.find("ta")].collation = {.orders_bytes = true};
  EXPECT_THAT(error_of("ta <= '{a}'", table), HasSubstr("no error"));
  EXPECT_THAT(error_of("ta = ta || t", table), HasSubstr("texts of different collations meet"));
}

// Each bound is compared by itself.
TEST(ArrayComparison, IsNoComparisonOfTwoLiterals) {
  EXPECT_THAT(error_of("'{1}' between arr and '{2}'"), HasSubstr("the order of text"));
  EXPECT_TRUE(matches("'{1}' in (arr, '{1}')", {{"arr", "{2}"}}));
}

TEST(ArrayComparison, HasNoRoute) {
  auto clause = WhereClause::compile("arr = '{1}'", {}, test_table());
  EXPECT_TRUE(clause->routes().empty());
  EXPECT_EQ(clause->columns().size(), 1u);
}

TEST(ArrayComparison, TakesADamagedArrayAsNull) {
  for (std::string_view damaged : {"", "{1", "{x}", "{{1},{2,3}}", "[0:3]={1,2}", "[a:b]={1}", "[0:1]"}) {
    EXPECT_TRUE(matches("(arr = '{1}') is null and (arr < arr) is null", {{"arr", damaged}})) << damaged;
  }
}

}  // namespace
}  // namespace sluice::sql

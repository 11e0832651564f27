#include "sql/routes.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sql/test_table.h"

namespace sluice::sql {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// "i4=1|i4=2": a route a text; an element's column is in brackets.
std::vector<std::string> routes_of(std::string_view where) {
  auto clause = WhereClause::compile(where, {}, test_table());
  if (!clause) {
    ADD_FAILURE() << where << ": " << clause.error().message;
    return {};
  }
  std::vector<std::string> out;
  for (const auto& route : clause->routes()) {
    std::string text;
    for (const auto& key : route) {
      const std::string& name = test_table().columns[key.column].name;
      text += fmt::format("{}{}={}", text.empty() ? "" : "|", key.element ? "[" + name + "]" : name, key.value);
    }
    out.push_back(std::move(text));
  }
  return out;
}

TEST(Routes, AreEqualitiesWithConstants) {
  EXPECT_THAT(routes_of("i8 = '07'"), ElementsAre("i8=7"));
  EXPECT_THAT(routes_of("'x' = t"), ElementsAre("t=x"));
  EXPECT_THAT(routes_of("i2 = 99999"), ElementsAre("i2=99999"));
  EXPECT_THAT(routes_of("u = '{A0EEBC999C0B4EF8BB6D6BB9BD380A11}'"), ElementsAre("u=a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"));
  EXPECT_THAT(routes_of("tz = '2024-01-01T02:00+02'"), ElementsAre("tz=2024-01-01 00:00:00+00"));
  EXPECT_THAT(routes_of("e = 'sad'"), ElementsAre("e=sad"));
  EXPECT_THAT(routes_of("i4 is not distinct from 3"), ElementsAre("i4=3"));
}

TEST(Routes, AreBooleans) {
  EXPECT_THAT(routes_of("b"), ElementsAre("b=t"));
  EXPECT_THAT(routes_of("not b"), ElementsAre("b=f"));
  EXPECT_THAT(routes_of("b is false"), ElementsAre("b=f"));
  EXPECT_THAT(routes_of("b is not false"), IsEmpty());
  EXPECT_THAT(routes_of("b is unknown"), IsEmpty());
  EXPECT_THAT(routes_of("(i4 = 1) is true"), ElementsAre("i4=1"));
  EXPECT_THAT(routes_of("(i4 = 1) is false"), IsEmpty());
}

TEST(Routes, AreListsOfConstants) {
  EXPECT_THAT(routes_of("i4 in (3, 1, 3, null)"), ElementsAre("i4=1|i4=3"));
  EXPECT_THAT(routes_of("t = any('{b,a}')"), ElementsAre("t=a|t=b"));
  EXPECT_THAT(routes_of("i4 not in (1, 2)"), IsEmpty());
}

TEST(Routes, AreElementsOfArrays) {
  EXPECT_THAT(routes_of("3 = any(arr)"), ElementsAre("[arr]=3"));
  EXPECT_THAT(routes_of("ta @> '{b,a}'"), ElementsAre("[ta]=a", "[ta]=b"));
  EXPECT_THAT(routes_of("ta && '{b,a}'"), ElementsAre("[ta]=a|[ta]=b"));
  EXPECT_THAT(routes_of("ta <@ '{b,a}'"), IsEmpty());
  EXPECT_THAT(routes_of("ta @> '{}'"), IsEmpty());
}

TEST(Routes, AreEachOfAConjunctionsAndTheUnionOfADisjunctions) {
  EXPECT_THAT(routes_of("i4 = 1 and n > 5 and t in ('a', 'b')"), ElementsAre("i4=1", "t=a|t=b"));
  EXPECT_THAT(routes_of("i4 = 1 or t = 'a'"), ElementsAre("i4=1|t=a"));
  EXPECT_THAT(routes_of("(i4 in (1, 2) and t = 'a') or i4 = 7"), ElementsAre("i4=7|t=a"));
  EXPECT_THAT(routes_of("i4 = 1 or n > 5"), IsEmpty());
  EXPECT_THAT(routes_of("i4 = 1 and (i8 = 2 or n = 3)"), ElementsAre("i4=1"));
}

TEST(Routes, AreOfTypesWithOneSpellingOnly) {
  for (const char* where : {"n = 1", "f8 = 1", "f4 = 1", "c = 'x'", "i4 = 1.5", "i4 <> 1", "t is null", "i4 = i8"}) {
    EXPECT_THAT(routes_of(where), IsEmpty()) << where;
  }
}

TEST(Routes, AreBounded) {
  std::string list = "i4 in (0";
  for (std::size_t i = 1; i < kRouteKeysMax; ++i) list += fmt::format(",{}", i);
  EXPECT_EQ(routes_of(list + ")").size(), 1u);
  EXPECT_THAT(routes_of(list + ",-1)"), IsEmpty());
  EXPECT_THAT(routes_of(list + ") or i8 = 1"), IsEmpty());
  std::string all = "i4 = 1";
  for (std::size_t i = 0; i < 2 * kRoutesMax; ++i) all += " and i4 = 1";
  EXPECT_EQ(routes_of(all).size(), kRoutesMax);
}

}  // namespace
}  // namespace sluice::sql

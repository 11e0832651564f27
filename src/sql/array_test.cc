#include "sql/array.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::sql {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// The elements, a null as (null); (malformed) last where the text is no array.
std::vector<std::string> elements_of(std::string_view text) {
  std::vector<std::string> out;
  ArrayElements elements(text);
  while (elements.next()) out.emplace_back(elements.null() ? "(null)" : elements.text());
  if (elements.malformed()) out.emplace_back("(malformed)");
  return out;
}

bool malformed(std::string_view text) {
  auto out = elements_of(text);
  return !out.empty() && out.back() == "(malformed)";
}

TEST(ArrayElements, ReadsWhatPostgresPrints) {
  EXPECT_THAT(elements_of("{}"), IsEmpty());
  EXPECT_THAT(elements_of("{1,-2,NULL}"), ElementsAre("1", "-2", "(null)"));
  EXPECT_THAT(elements_of(R"({"a b","","NULL","{}","x,y"})"), ElementsAre("a b", "", "NULL", "{}", "x,y"));
  EXPECT_THAT(elements_of(R"({"a\"b","\\","a\\\\b"})"), ElementsAre("a\"b", "\\", "a\\\\b"));
  EXPECT_THAT(elements_of("{{1,2},{3,4}}"), ElementsAre("1", "2", "3", "4"));
  EXPECT_THAT(elements_of("[0:1]={7,8}"), ElementsAre("7", "8"));
  EXPECT_THAT(elements_of("[1:1][-2:-1]={{7,8}}"), ElementsAre("7", "8"));
}

TEST(ArrayElements, ReadsWhatPeopleWrite) {
  EXPECT_THAT(elements_of(" { 1 ,\t2 , null } "), ElementsAre("1", "2", "(null)"));
  EXPECT_THAT(elements_of("{a b, \"c\" }"), ElementsAre("a b", "c"));
  EXPECT_THAT(elements_of("{ }"), IsEmpty());
}

TEST(ArrayElements, TellsDimensions) {
  for (auto [text, dimensions] : {std::pair("{}", 1u), std::pair("{1}", 1u), std::pair("{{1},{2}}", 2u)}) {
    ArrayElements elements(text);
    while (elements.next()) continue;
    EXPECT_EQ(elements.dimensions(), dimensions) << text;
  }
}

TEST(ArrayElements, RefusesWhatIsNoArray) {
  for (std::string_view text : {"",         " ",        "1",
                                "{",        "}",        "{1",
                                "{1,",      "{1,}",     "{,}",
                                "{,1}",     "{1,,2}",   "{1}{2}",
                                "{1}}",     "{1}x",     "x{1}",
                                "{\"a}",    "{\"a\\",   "{\"a\"b}",
                                "{a\"b\"}", "{a\\b}",   "{{1}",
                                "{1{2}}",   "[0:1]",    "[0:1]=",
                                "{{},}",    "{1 {2}}",  "{1}{",
                                "{{1},2}",  "{1,{2}}",  "{{1},{2,3}}",
                                "{{1},{}}", "{{},{1}}", "{{{{{{{1}}}}}}}"}) {
    EXPECT_TRUE(malformed(text)) << text;
  }
}

TEST(ArrayElements, TellsBounds) {
  struct Case {
    std::string_view text;
    std::size_t dimensions;
    std::vector<std::int64_t> lengths;
    std::vector<std::int64_t> lowers;
  };
  for (const Case& one : {Case{"{}", 0, {}, {}}, Case{"{1,NULL,2}", 1, {3}, {1}}, Case{"[-1:0]={1,2}", 1, {2}, {-1}},
                          Case{"{{1,2,3},{4,5,6}}", 2, {2, 3}, {1, 1}}, Case{"[0:0][5:6]={{1,2}}", 2, {1, 2}, {0, 5}}}) {
    ArrayElements elements(one.text);
    std::vector<std::string> texts;
    while (elements.next()) texts.emplace_back(elements.null() ? "NULL" : elements.text());
    auto bounds = elements.bounds();
    ASSERT_TRUE(bounds) << one.text;
    EXPECT_EQ(bounds->dimensions, one.dimensions);
    for (std::size_t i = 0; i < one.dimensions; ++i) {
      EXPECT_EQ(bounds->lengths[i], one.lengths[i]) << one.text;
      EXPECT_EQ(bounds->lowers[i], one.lowers[i]) << one.text;
    }
    EXPECT_EQ(array_text(texts, *bounds), one.text);
  }
}

TEST(ArrayElements, TellsNoBoundsThatAreNotThoseOfItsElements) {
  for (std::string_view text :
       {"[0:2]={1,2}", "[2]={1,2}", "[0:1][0:1]={1,2}", "[0:1]{0}={1,2}", "[a:b]={1}", "[1:0]={}", "[0:99999999999]={1}"}) {
    ArrayElements elements(text);
    while (elements.next()) continue;
    EXPECT_FALSE(elements.bounds()) << text;
  }
}

TEST(ArrayElements, StaysAtItsEnd) {
  ArrayElements good("{1}");
  EXPECT_TRUE(good.next());
  EXPECT_FALSE(good.next());
  EXPECT_FALSE(good.next());
  EXPECT_FALSE(good.malformed());
  ArrayElements bad("{1");
  EXPECT_FALSE(bad.next());
  EXPECT_FALSE(bad.next());
  EXPECT_TRUE(bad.malformed());
}

TEST(ArrayElements, ReadsWhatIsQuoted) {
  for (std::string text : {"", "a", "\"", "\\", "a\"\\b", "{,}", "NULL", " ", "\n"}) {
    EXPECT_THAT(elements_of("{" + quoted_element(text) + "," + quoted_element(text) + "}"), ElementsAre(text, text));
  }
}

}  // namespace
}  // namespace sluice::sql

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
  for (std::string_view text : {"",         " ",      "1",      "{",      "}",     "{1",     "{1,",   "{1,}",    "{,}",
                                "{,1}",     "{1,,2}", "{1}{2}", "{1}}",   "{1}x",  "x{1}",   "{\"a}", "{\"a\\",  "{\"a\"b}",
                                "{a\"b\"}", "{a\\b}", "{{1}",   "{1{2}}", "[0:1]", "[0:1]=", "{{},}", "{1 {2}}", "{1}{"}) {
    EXPECT_TRUE(malformed(text)) << text;
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

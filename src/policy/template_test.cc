#include "policy/template.h"

#include <gtest/gtest.h>

#include "policy/test_principal.h"

namespace sluice::policy {
namespace {

std::expected<std::string, std::string> filled(std::string_view text, const std::string& claims) {
  const Principal principal = test_principal(claims);
  return Template::parse(text)->fill(&principal.claims());
}

TEST(Template, FillsTextsWholeNumbersAndBooleans) {
  EXPECT_EQ(filled("{claims.org}", R"("org":"o1")"), "o1");
  EXPECT_EQ(filled("{claims.org}", R"("org":7)"), "7");
  EXPECT_EQ(filled("{claims.org}", R"("org":18446744073709551615)"), "18446744073709551615");
  EXPECT_EQ(filled("{claims.org}", R"("org":true)"), "true");
  EXPECT_EQ(filled("team-{claims.team.id}-{claims.org}", R"("org":1,"team":{"id":"a"})"), "team-a-1");
}

TEST(Template, KeepsTheBytesOfAClaim) {
  EXPECT_EQ(filled("{claims.org}", R"("org":"1) OR (1=1 -- {claims.sub}")"), "1) OR (1=1 -- {claims.sub}");
}

TEST(Template, FillsNothingFromWhatHasNoOneText) {
  for (const char* claims : {"", R"("org":null)", R"("org":[1])", R"("org":{"id":1})", R"("org":1.5)", R"("Org":1)"})
    EXPECT_FALSE(filled("{claims.org}", claims).has_value()) << claims;
}

TEST(Template, DoubledBracesAreBraces) {
  EXPECT_EQ(Template::parse("{{a}}")->fill(nullptr), "{a}");
  EXPECT_TRUE(Template::parse("{{a}}")->constant());
  EXPECT_FALSE(Template::parse("{claims.a}")->constant());
  EXPECT_FALSE(Template::parse("{claims.a}")->fill(nullptr).has_value());
}

TEST(Template, RefusesWhatCannotBeFilled) {
  for (const char* text :
       {"{", "}", "{claims.a", "{claims.}", "{claims}", "{sub}", "{claims.a..b}", "{claims..a}", "{claims.a.}", "a}b"})
    EXPECT_FALSE(Template::parse(text).has_value()) << text;
}

}  // namespace
}  // namespace sluice::policy

#include "policy/template.h"

#include <gtest/gtest.h>

#include "policy/test_principal.h"

namespace sluice::policy {
namespace {

using Filled = std::expected<std::string, std::string>;

Filled filled(std::string_view text, const std::string& claims, const std::vector<std::string>& params = {}) {
  const Principal principal = test_principal(claims);
  return Template::parse(text)->fill({.principal = principal, .params = &params});
}

std::string missing(std::string_view text, const std::string& claims) {
  return filled(text, claims).error();
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

TEST(Template, FillsWhoTheCallerIs) {
  EXPECT_EQ(filled("{identity}/{iss}/{sub}", R"("iss":"https://a")"), "app/https://a/alice");
  EXPECT_FALSE(filled("{iss}", "").has_value());
}

TEST(Template, AnAnonymousCallerFillsNothing) {
  const Principal anonymous = Principal::anonymous();
  for (const char* text : {"{sub}", "{iss}", "{identity}", "{claims.a}"})
    EXPECT_FALSE(Template::parse(text)->fill({.principal = anonymous}).has_value()) << text;
  EXPECT_EQ(Template::parse("a{{b}}")->fill({.principal = anonymous}), "a{b}");
}

TEST(Template, NamespacedClaimsAreQuoted) {
  EXPECT_EQ(filled(R"({claims."https://a.com/org".id::int8})", R"("https://a.com/org":{"id":7})"), "7");
  EXPECT_EQ(filled(R"({claims."a}""::b"})", R"("a}\"::b":"x")"), "x");
}

TEST(Template, FillsParamsAndQueryParameters) {
  EXPECT_EQ(filled("{params.2}{params.1}", "", {"a", "b"}), "ba");
  EXPECT_FALSE(filled("{params.3}", "", {"a", "b"}).has_value());
  EXPECT_FALSE(filled("{query.project}", "").has_value());
  const std::map<std::string, std::string, std::less<>> query = {{"project", "7"}};
  const Principal principal = test_principal("");
  EXPECT_EQ(Template::parse("{query.project::int8}")->fill({.principal = principal, .query = &query}), "7");
  EXPECT_FALSE(Template::parse("{query.Project}")->fill({.principal = principal, .query = &query}).has_value());
}

TEST(Template, TypedPlacesTakeWhatPostgresReadsAsThatType) {
  EXPECT_EQ(filled("{claims.v::int8}", R"("v":7)"), "7");
  EXPECT_EQ(filled("{claims.v::int8}", R"("v":"7")"), "7");
  EXPECT_EQ(filled("{claims.v::numeric}", R"("v":1.5)"), "1.5");
  EXPECT_EQ(filled("{claims.v::bool}", R"("v":true)"), "true");
  EXPECT_EQ(filled("{claims.v::text}", R"("v":"x")"), "x");
  EXPECT_EQ(filled("{claims.v::date}", R"("v":"2026-11-23")"), "2026-11-23");
  EXPECT_EQ(filled("{claims.v::uuid}", R"("v":"6F9619FF-8B86-D011-B42D-00CF4FC964FF")"),
            "6F9619FF-8B86-D011-B42D-00CF4FC964FF");
  EXPECT_EQ(filled("{params.1::int8}", "", {"7"}), "7");
}

TEST(Template, TypedPlacesTakeNothingElse) {
  for (const char* claims : {R"("v":"7 OR true")", R"("v":"")", R"("v":1.5)", R"("v":9223372036854775808)", R"("v":true)",
                             R"("v":[7])", R"("v":null)", R"("v":"seven")"})
    EXPECT_FALSE(filled("{claims.v::int8}", claims).has_value()) << claims;
  EXPECT_FALSE(filled("{claims.v::int2}", R"("v":32768)").has_value());
  EXPECT_FALSE(filled("{claims.v::uuid}", R"("v":"6F9619FF")").has_value());
  EXPECT_FALSE(filled("{claims.v::timestamptz}", R"("v":1700000000)").has_value());
  EXPECT_FALSE(filled("{params.1::int8}", "", {"x"}).has_value());
}

TEST(Template, ErrorsNameThePlaceAndNeverTheValue) {
  EXPECT_EQ(missing("{claims.org.id}", R"("org":{"id":["canary"]})"),
            "claim 'org.id' is no string, whole number or boolean");
  EXPECT_EQ(missing("{claims.v::int8}", R"("v":"canary")"), "claim 'v' is not int8");
  EXPECT_EQ(missing("{claims.v}", ""), "claim 'v' is missing");
  EXPECT_EQ(missing("{params.1}", ""), "the shape's param 1 is missing");
}

TEST(Template, DoubledBracesAreBraces) {
  EXPECT_EQ(filled("{{a}}", ""), "{a}");
  EXPECT_TRUE(Template::parse("{{a}}")->constant());
  EXPECT_FALSE(Template::parse("{claims.a}")->constant());
}

TEST(Template, TellsWhatItUses) {
  const auto parsed = Template::parse("{query.a}{claims.b}{query.c}{params.4}");
  EXPECT_TRUE(parsed->uses(Template::Place::kClaim));
  EXPECT_FALSE(parsed->uses(Template::Place::kSubject));
  EXPECT_EQ(parsed->query_names(), (std::vector<std::string>{"a", "c"}));
  EXPECT_EQ(parsed->param_max(), 4u);
  EXPECT_EQ(parsed->open_param(), std::nullopt);
  EXPECT_EQ(Template::parse("{params.2}")->open_param(), 2u);
  EXPECT_EQ(Template::parse("{params.2::int8}")->open_param(), std::nullopt);
  EXPECT_EQ(Template::parse("a{params.2}")->open_param(), std::nullopt);
}

TEST(Template, RefusesWhatCannotBeFilled) {
  for (const char* text : {"{",
                           "}",
                           "{claims.a",
                           "{claims.}",
                           "{claims}",
                           "{subject}",
                           "{claims.a..b}",
                           "{claims..a}",
                           "{claims.a.}",
                           "a}b",
                           "{}",
                           "{claims.\"a}",
                           "{claims.\"\"}",
                           "{claims.\"a\"b}",
                           "{claims.a\"b\"}",
                           "{params.0}",
                           "{params.x}",
                           "{params.}",
                           "{query.}",
                           "{query.a b}",
                           "{claims.a::}",
                           "{claims.a::json}",
                           "{claims.a::int8[]}",
                           "{sub::float8}"})
    EXPECT_FALSE(Template::parse(text).has_value()) << text;
}

}  // namespace
}  // namespace sluice::policy

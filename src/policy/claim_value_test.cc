#include "policy/claim_value.h"

#include <gtest/gtest.h>

#include "policy/test_principal.h"

namespace sluice::policy {
namespace {

using Value = std::expected<std::optional<std::string>, std::string>;

Value value(const std::string& claims, sql::Oid type, bool list = false) {
  const Principal principal = test_principal(claims);
  return condition_value(principal.claims(), {.path = {"v"}, .type = type, .list = list});
}

bool is_null(const Value& read) {
  return read.has_value() && !read->has_value();
}

TEST(ClaimValue, ScalarsAreAsPostgresPrintsThem) {
  EXPECT_EQ(value(R"("v":"x")", sql::oid::kText), "x");
  EXPECT_EQ(value(R"("v":7)", sql::oid::kInt8), "7");
  EXPECT_EQ(value(R"("v":"007")", sql::oid::kInt4), "7");
  EXPECT_EQ(value(R"("v":7)", sql::oid::kNumeric), "7");
  EXPECT_EQ(value(R"("v":0.5)", sql::oid::kNumeric), "0.5");
  EXPECT_EQ(value(R"("v":true)", sql::oid::kBool), "t");
  EXPECT_EQ(value(R"("v":"false")", sql::oid::kBool), "f");
  EXPECT_EQ(value(R"("v":"6F9619FF8B86D011B42D00CF4FC964FF")", sql::oid::kUuid), "6f9619ff-8b86-d011-b42d-00cf4fc964ff");
}

TEST(ClaimValue, AbsentAndNullAreNull) {
  EXPECT_TRUE(is_null(value("", sql::oid::kText)));
  EXPECT_TRUE(is_null(value(R"("v":null)", sql::oid::kInt8)));
  EXPECT_TRUE(is_null(value(R"("v":null)", sql::oid::kText, true)));
  EXPECT_TRUE(is_null(condition_value(nullptr, {.path = {"v"}, .type = sql::oid::kText})));
}

TEST(ClaimValue, AnotherTypeIsAnErrorAndNotNull) {
  EXPECT_EQ(value(R"("v":7)", sql::oid::kText).error(), "claim 'v' is not text");
  for (const char* claims : {R"("v":true)", R"("v":["a"])", R"("v":{"a":1})", R"("v":[])"})
    EXPECT_FALSE(value(claims, sql::oid::kText).has_value()) << claims;
  for (const char* claims : {R"("v":1.5)", R"("v":2.0)", R"("v":true)", R"("v":"x")", R"("v":18446744073709551615)"})
    EXPECT_FALSE(value(claims, sql::oid::kInt8).has_value()) << claims;
  EXPECT_FALSE(value(R"("v":1)", sql::oid::kBool).has_value());
  EXPECT_FALSE(value(R"("v":20261123)", sql::oid::kDate).has_value());
}

TEST(ClaimValue, ListsAreArrayLiterals) {
  EXPECT_EQ(value(R"("v":["a","b,c","","NULL",null])", sql::oid::kText, true), R"({"a","b,c","","NULL",NULL})");
  EXPECT_EQ(value(R"("v":["a\"b\\c","{x}"])", sql::oid::kText, true), R"({"a\"b\\c","{x}"})");
  EXPECT_EQ(value(R"("v":[1,"2"])", sql::oid::kInt8, true), R"({"1","2"})");
  EXPECT_EQ(value(R"("v":[])", sql::oid::kInt8, true), "{}");
  EXPECT_EQ(value(R"("v":["a",1])", sql::oid::kText, true).error(), "claim 'v' is not a list of text");
  EXPECT_FALSE(value(R"("v":[["a"]])", sql::oid::kText, true).has_value());
  EXPECT_FALSE(value(R"("v":"a")", sql::oid::kText, true).has_value());
}

TEST(ClaimValue, PathsGoThroughObjects) {
  const Principal principal = test_principal(R"("org":{"plan":"pro","owner":null},"flat":"x","a.b":1)");
  const auto at = [&](ClaimPath path) {
    return condition_value(principal.claims(), {.path = std::move(path), .type = sql::oid::kText});
  };
  EXPECT_EQ(at({"org", "plan"}), "pro");
  EXPECT_TRUE(is_null(at({"org", "name"})));
  EXPECT_TRUE(is_null(at({"org", "owner", "name"})));
  EXPECT_TRUE(is_null(at({"none", "name"})));
  // It is there and leads nowhere.
  EXPECT_EQ(at({"flat", "name"}).error(), "claim 'flat.name' is not text");
  EXPECT_TRUE(is_null(at({"a", "b"})));
}

TEST(ClaimValue, ReadsPaths) {
  EXPECT_EQ(parse_claim_path("a.b"), (ClaimPath{"a", "b"}));
  EXPECT_EQ(parse_claim_path(R"("https://a.b/c".d)"), (ClaimPath{"https://a.b/c", "d"}));
  EXPECT_EQ(parse_claim_path(R"("a""b")"), (ClaimPath{R"(a"b)"}));
  for (const char* text : {"", ".", "a.", ".a", "a..b", "\"a", "\"\"", "a\"b\"", "\"a\"b"})
    EXPECT_FALSE(parse_claim_path(text).has_value()) << text;
}

}  // namespace
}  // namespace sluice::policy

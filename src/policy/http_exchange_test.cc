#include "policy/http_exchange.h"

#include <gtest/gtest.h>

#include "policy/test_authorizer.h"
#include "policy/test_principal.h"

namespace sluice::policy {
namespace {

using Kind = Decision::Kind;

const shape::Definition kItems = test_definition("items");

Decision answer(std::string_view body, const shape::Definition& asked = kItems) {
  return read_http_answer(body, asked);
}

TEST(HttpExchange, TheQuestionHasPrincipalAndShape) {
  const Principal principal = test_principal(R"("iss":"https://a","org":{"id":7})");
  const auto asked =
      test_definition("Items", "org_id = $1", {{1, "7"}}, "title,id", "full").with_log(shape::LogMode::kChangesOnly);
  EXPECT_EQ(write_http_question(principal, asked),
            R"({"principal":{"identity":"app","issuer":"https://a","subject":"alice",)"
            R"("claims":{"sub":"alice","exp":1800003600,"iss":"https://a","org":{"id":7}}},)"
            R"("shape":{"namespace":"public","table":"items","where":"org_id = $1","params":{"1":"7"},)"
            R"("columns":["id","title"],"replica":"full","log":"changes_only"}})");
}

TEST(HttpExchange, AnAnonymousPrincipalIsNull) {
  EXPECT_EQ(write_http_question(Principal::anonymous(), kItems),
            R"({"principal":null,"shape":{"namespace":"public","table":"items","log":"full"}})");
  EXPECT_NE(write_http_question(test_principal(""), kItems).find(R"("issuer":null)"), std::string::npos);
}

TEST(HttpExchange, SignsTimestampAndBody) {
  // printf '1800000000.{}' | openssl dgst -sha256 -hmac 'a secret of thirty-two bytes, or more'
  const auto secret = token::Key::hmac_sha256("a secret of thirty-two bytes, or more");
  EXPECT_EQ(http_signature(*secret, 1'800'000'000, "{}"),
            "v1=8aa0ead161d4cead763b9bb1d77e02dc9691d81af9513956826e7796653bb8ab");
}

TEST(HttpExchange, ReadsEachAnswer) {
  const Decision allowed = answer(R"({"allow":true})");
  EXPECT_EQ(allowed.kind, Kind::kAllow);
  EXPECT_EQ(allowed.granted->definition, kItems);
  EXPECT_EQ(answer(R"({"allow":false})").kind, Kind::kDeny);
  EXPECT_EQ(answer(R"( {"allow":false,"reason":"not a member"} )").reason, "not a member");
  EXPECT_EQ(answer(R"({"abstain":true})").kind, Kind::kAbstain);
}

TEST(HttpExchange, ANarrowerShapeIsGrantedWithItsLimits) {
  const Decision decision = answer(
      R"({"allow":true,"shape":{"table":"items","where":"org_id = $1","params":{"1":"7"},"log":"full","subset":{"limit_max":9}}})");
  ASSERT_EQ(decision.kind, Kind::kAllow) << decision.reason;
  EXPECT_EQ(decision.granted->definition, test_definition("items", "org_id = $1", {{1, "7"}}));
  EXPECT_EQ(decision.granted->log, shape::LogMode::kFull);
  EXPECT_EQ(decision.granted->subset.limit_max, 9u);
}

TEST(HttpExchange, E9_ColumnsThatAnAnswerLeavesOutAreHidden) {
  const Decision decision = answer(R"({"allow":true,"shape":{"table":"items","columns":["id","title"]}})");
  ASSERT_EQ(decision.kind, Kind::kAllow) << decision.reason;
  EXPECT_EQ(decision.granted->definition.queryable_columns(), (std::vector<std::string>{"id", "title"}));
}

TEST(HttpExchange, AWiderShapeHasFailed) {
  const auto own = test_definition("items", "org_id = $1", {{1, "7"}});
  for (const char* shape : {R"({"table":"secrets"})", R"({"table":"items"})", R"({"table":"items","replica":"full"})",
                            R"({"table":"items","where":"org_id = $1","params":{"1":"8"}})",
                            R"({"table":"items","where":"org_id = $1 OR true","params":{"1":"7"}})"}) {
    const Decision decision = answer(R"({"allow":true,"shape":)" + std::string(shape) + "}", own);
    EXPECT_EQ(decision.kind, Kind::kFailed) << shape;
    EXPECT_FALSE(decision.granted);
  }
}

TEST(HttpExchange, AnythingElseHasFailed) {
  for (const char* body : {"",
                           "null",
                           "true",
                           "[]",
                           "{}",
                           "yes",
                           R"({"allow":"true"})",
                           R"({"allow":1})",
                           R"({"allow":null})",
                           R"({"Allow":true})",
                           R"({"allow":true,"allow":false})",
                           R"({"allow":true}{})",
                           R"({"allow":true,"extra":1})",
                           R"({"abstain":false})",
                           R"({"allow":true,"abstain":true})",
                           R"({"allow":false,"abstain":true})",
                           R"({"allow":true,"abstain":false})",
                           R"({"allow":true,"reason":"x"})",
                           R"({"allow":false,"reason":1})",
                           R"({"abstain":true,"reason":"x"})",
                           R"({"allow":false,"shape":{"table":"items"}})",
                           R"({"allow":true,"shape":null})",
                           R"({"allow":true,"shape":"items"})",
                           R"({"allow":true,"shape":{}})",
                           R"({"allow":true,"shape":{"table":"items","unknown":1}})",
                           R"({"reason":"x"})"})
    EXPECT_EQ(answer(body).kind, Kind::kFailed) << body;
}

TEST(HttpExchange, ReasonsAreBoundedAndOneLine) {
  const auto reason = [](const std::string& text) { return answer(R"({"allow":false,"reason":")" + text + "\"}").reason; };
  EXPECT_EQ(reason("a\\nb\\u001bc"), "a b c");
  EXPECT_EQ(reason(std::string(1'000, 'x')), std::string(256, 'x'));
  EXPECT_EQ(reason("x" + std::string(255, 'y') + "z").size(), 256u);
  std::string umlauts = "x";
  for (int i = 0; i < 200; ++i) umlauts += "ü";
  EXPECT_EQ(reason(umlauts).size(), 255u);
  EXPECT_TRUE(simdjson::validate_utf8(reason(umlauts)));
}

}  // namespace
}  // namespace sluice::policy

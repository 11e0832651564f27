#include "gateway/explain.h"

#include "gateway/test_gateway.h"

namespace sluice::gateway {
namespace {

class ExplainTest : public GatewayTest {
 protected:
  Explanation ask(ExplainRequest request) {
    std::optional<Explanation> answer;
    boost::asio::co_spawn(context, explain(gateway.state(), revocations, std::move(request)),
                          [&](std::exception_ptr error, Explanation why) {
                            if (error) std::rethrow_exception(error);
                            answer = std::move(why);
                          });
    context.restart();
    context.run();
    return *answer;
  }
};

TEST_F(ExplainTest, AGrantIsHeldAgainstTheQuery) {
  const auto yes = ask({.token = api_grant(kItemsClaim), .query = "table=items&" + std::string(kWhere)});
  EXPECT_EQ(yes.decision, "allow");
  EXPECT_EQ(yes.status, 200);
  EXPECT_EQ(yes.by, "grant");
  EXPECT_EQ(yes.identity, "api");
  EXPECT_EQ(yes.shape, "offset=-1&params%5B1%5D=7&table=%22public%22.%22items%22&where=org_id%20%3D%20%241");
  const auto no = ask({.token = api_grant(kItemsClaim), .query = "table=items"});
  EXPECT_EQ(no.decision, "deny");
  EXPECT_EQ(no.status, 403);
  EXPECT_EQ(no.code, "shape_forbidden");
  EXPECT_FALSE(no.reason.empty());
  EXPECT_FALSE(no.shape);
  EXPECT_TRUE(origin.asked.empty());
}

TEST_F(ExplainTest, ClaimsAreAskedAboutAsTheGatekeeperWould) {
  const auto yes = ask({.claims = R"({"sub":"alice","org_id":7})", .identity = "app", .query = "table=items"});
  EXPECT_EQ(yes.decision, "allow") << yes.reason;
  EXPECT_EQ(yes.by, "gatekeeper");
  EXPECT_EQ(yes.authorizer, "rules");
  EXPECT_EQ(yes.line, 12);
  EXPECT_EQ(yes.subject, "alice");
  ASSERT_TRUE(yes.shape);
  EXPECT_NE(yes.shape->find("params%5B1%5D=7"), std::string::npos);

  const auto no = ask({.claims = R"({"sub":"alice"})", .identity = "app", .query = "table=items"});
  EXPECT_EQ(no.decision, "deny");
  EXPECT_EQ(no.status, 403);
  ASSERT_TRUE(no.nearest);
  EXPECT_EQ(no.nearest->rule, "own");
  EXPECT_EQ(no.nearest->line, 12);

  EXPECT_EQ(ask({.query = "table=items"}).status, 401) << "nobody";
  EXPECT_EQ(ask({.claims = R"({"exp":1})", .query = "table=items"}).status, 401) << "expired";
  EXPECT_EQ(ask({.claims = R"({"exp":"x"})", .query = "table=items"}).code, "token_invalid");
  EXPECT_EQ(ask({.claims = "[]", .query = "table=items"}).code, "token_invalid");
  EXPECT_EQ(ask({.claims = "{}", .query = "table=items&bogus=1"}).status, 400);
}

TEST_F(ExplainTest, TokensAreTriedAsWhatTheyCanBe) {
  EXPECT_EQ(ask({.token = identity_token(), .query = "table=items"}).by, "gatekeeper");
  const auto bad = ask({.token = "x.y.z", .query = "table=items"});
  EXPECT_EQ(bad.status, 401);
  EXPECT_NE(bad.reason.find("as a grant"), std::string::npos);
  const auto expired = ask({.token = api_grant(kItemsClaim, -120), .query = "table=items"});
  EXPECT_EQ(expired.code, "token_expired");
  revocations.add({.kind = gatekeeper::Revocation::Kind::kSubject,
                   .value = "alice",
                   .before_s = now_s() + 1,
                   .forget_at_s = now_s() + 600},
                  now_s());
  EXPECT_EQ(ask({.token = identity_token(), .query = "table=items"}).code, "token_revoked");
}

TEST_F(ExplainTest, NamedShapes) {
  const auto yes = ask({.claims = R"({"org_id":9})", .named = "titles"});
  EXPECT_EQ(yes.decision, "allow") << yes.reason;
  EXPECT_NE(yes.shape->find("queryable_columns"), std::string::npos) << *yes.shape;
  EXPECT_EQ(ask({.claims = "{}", .named = "items"}).status, 403);
  EXPECT_EQ(ask({.claims = "{}", .named = "nothing"}).status, 403);
  EXPECT_EQ(ask({.named = "items"}).status, 401);
  EXPECT_EQ(ask({.named = "orgs"}).status, 200);
  // A grant is no identity token.
  EXPECT_EQ(ask({.token = api_grant(kItemsClaim), .named = "items"}).status, 401);
}

TEST_F(ExplainTest, SaysItAsJson) {
  const std::string json = to_json(ask({.claims = R"({"sub":"a\"b"})", .query = "table=items"}));
  const auto parsed = Json::parse(json);
  ASSERT_TRUE(parsed) << json;
  std::string_view subject, missing;
  EXPECT_FALSE(parsed->root()["subject"].get(subject));
  EXPECT_EQ(subject, "a\"b");
  EXPECT_FALSE(parsed->root().at_pointer("/nearest/missing").get(missing));
  EXPECT_FALSE(missing.empty());
}

}  // namespace
}  // namespace sluice::gateway

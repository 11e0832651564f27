#include "gateway/test_gateway.h"

namespace sluice::gateway {
namespace {

TEST_F(GatewayTest, E8_NamedShapesTakeNoDefinitionFromTheClient) {
  for (const char* more : {"&where=1%3D1)%20OR%20(1%3D1", "&table=secrets", "&columns=id", "&params%5B1%5D=8",
                           "&replica=full", "&queryable_columns=id"}) {
    EXPECT_FALSE(get("/v1/shapes/items?offset=-1" + std::string(more), identity_token())) << more;
    EXPECT_EQ(response().status, 400) << more;
  }
  ASSERT_TRUE(get("/v1/shapes/items?offset=-1&log=changes_only", identity_token(9)));
  EXPECT_EQ(definition().params(), std::vector<std::string>{"9"});
  EXPECT_EQ(definition().log(), shape::LogMode::kChangesOnly);
}

TEST_F(GatewayTest, E14_ErrorsOfTheOriginDiscloseNothing) {
  origin.status = 400;
  origin.body = R"({"errors":{"table":["Table \"public\".\"items\" does not exist"]}})";
  get("/v1/shapes/items?offset=-1", identity_token());
  EXPECT_EQ(response().status, 400);
  EXPECT_EQ(text().find("items"), std::string::npos);
  EXPECT_FALSE(response().fields.get("electric-handle"));
}

TEST_F(GatewayTest, E14_AnUnknownNameIsAsForbiddenAsAForbiddenOne) {
  get("/v1/shapes/nothing?offset=-1", identity_token());
  const std::string unknown = text();
  EXPECT_EQ(response().status, 403);
  const std::string other = token::sign(key(kIdentitySecret), R"({"sub":"x","exp":)" + std::to_string(now_s() + 60) + "}");
  get("/v1/shapes/items?offset=-1", other);
  EXPECT_EQ(response().status, 403);
  EXPECT_EQ(text(), unknown);
}

TEST_F(GatewayTest, H63_AnswersArePrivateToTheClient) {
  get("/v1/shapes/items?offset=-1", identity_token());
  EXPECT_EQ(response().fields.get("cache-control"), "private, no-cache");
  EXPECT_EQ(response().fields.get("cdn-cache-control"), "no-store");
  EXPECT_FALSE(response().fields.get("surrogate-control"));
  EXPECT_EQ(response().fields.get("vary"), "Origin, Authorization");
  EXPECT_TRUE(send(http::Method::kGet, "/v1/shapes/orgs?offset=-1"));
  EXPECT_EQ(response().fields.get("cache-control"), "public, max-age=604800");
}

TEST_F(GatewayTest, H64_OnlyListedOriginsAreAllowed) {
  const std::string target = "/v1/shapes/orgs?offset=-1";
  send(http::Method::kGet, target, {{"origin", "https://app.example.com"}});
  EXPECT_EQ(response().fields.get("access-control-allow-origin"), "https://app.example.com");
  for (const char* other :
       {"https://evil.example.com", "null", "https://app.example.com.evil.com", "http://app.example.com"}) {
    send(http::Method::kGet, target, {{"origin", other}});
    EXPECT_FALSE(response().fields.get("access-control-allow-origin")) << other;
    EXPECT_EQ(response().fields.get("vary"), "Origin, Authorization");
  }
  send(http::Method::kGet, "/v1/shapes/items?offset=-1", {{"origin", "https://app.example.com"}});
  EXPECT_EQ(response().status, 401);
  EXPECT_EQ(response().fields.get("access-control-allow-origin"), "https://app.example.com");
}

class AuthorizedShapeTest : public GatewayTest {
 protected:
  AuthorizedShapeTest() {
    GatewayOptions options = test_options();
    policy::ShapeTemplateConfig issues;
    issues.table = "issues";
    issues.where = "project = $1";
    issues.params = {"{query.project::int8}"};
    options.shapes.emplace("issues", NamedShape{shape_template(issues), false, told});
    gateway.reload(std::move(options));
    told->decision.kind = policy::Decision::Kind::kAllow;
  }
  std::shared_ptr<ToldAuthorizer> told = std::make_shared<ToldAuthorizer>();
};

TEST_F(AuthorizedShapeTest, TheTemplateTakesItsQueryParameters) {
  ASSERT_TRUE(get("/v1/shapes/issues?offset=-1&project=7", identity_token())) << text();
  EXPECT_EQ(definition().params(), std::vector<std::string>{"7"});
  for (const char* query : {"offset=-1", "offset=-1&project=7&project=8", "offset=-1&project=7&table=secrets"}) {
    EXPECT_FALSE(get("/v1/shapes/issues?" + std::string(query), identity_token())) << query;
    EXPECT_EQ(response().status, 400) << query;
  }
  EXPECT_FALSE(get("/v1/shapes/issues?offset=-1&project=7%20OR%20true", identity_token()));
  EXPECT_EQ(response().status, 403);
}

TEST_F(AuthorizedShapeTest, TheAuthorizerIsAskedForEveryRequest) {
  const std::string target = "/v1/shapes/issues?offset=-1&project=7";
  EXPECT_TRUE(get(target, identity_token()));
  EXPECT_TRUE(get(target, identity_token()));
  EXPECT_EQ(told->definitions.size(), 2u);
  told->decision = policy::Decision::deny("no");
  EXPECT_FALSE(get(target, identity_token()));
  EXPECT_EQ(response().status, 403);
  told->decision = policy::Decision::failed("away");
  EXPECT_FALSE(get(target, identity_token()));
  EXPECT_EQ(response().status, 503);
}

TEST_F(AuthorizedShapeTest, ItsNarrowerAnswerIsWhatIsServed) {
  shape::DefinitionText narrow;
  narrow.table = "issues";
  narrow.where = "project = 7 AND open";
  narrow.columns = "id";
  told->narrower = shape::GrantedShape{.definition = *shape::Definition::make(narrow)};
  told->narrower->subset.allowed = false;
  ASSERT_TRUE(get("/v1/shapes/issues?offset=-1&project=7", identity_token())) << text();
  EXPECT_EQ(definition().where(), "project = 7 AND open");
  EXPECT_EQ(definition().queryable_columns(), std::vector<std::string>{"id"});
  EXPECT_FALSE(get("/v1/shapes/issues?offset=-1&project=7&subset__limit=1&subset__order_by=id", identity_token()));
  EXPECT_EQ(response().status, 403);
}

TEST_F(AuthorizedShapeTest, H62_OnlyPublicShapesAreForNobody) {
  EXPECT_FALSE(send(http::Method::kGet, "/v1/shapes/items?offset=-1"));
  EXPECT_EQ(code(), "token_missing");
  EXPECT_FALSE(send(http::Method::kGet, "/v1/shapes/nothing?offset=-1"));
  EXPECT_EQ(code(), "token_missing");
  told->decision = policy::Decision::deny("not for anonymous callers");
  EXPECT_FALSE(send(http::Method::kGet, "/v1/shapes/issues?offset=-1&project=7"));
  EXPECT_EQ(code(), "token_missing");
  EXPECT_TRUE(send(http::Method::kGet, "/v1/shapes/orgs?offset=-1"));

  // A template that is the same for everybody is not public for that.
  policy::ShapeTemplateConfig constant;
  constant.table = "plans";
  GatewayOptions options = test_options();
  options.shapes.emplace("plans", NamedShape{shape_template(constant)});
  gateway.reload(std::move(options));
  EXPECT_FALSE(send(http::Method::kGet, "/v1/shapes/plans?offset=-1"));
  EXPECT_EQ(code(), "token_missing");
  EXPECT_TRUE(get("/v1/shapes/plans?offset=-1", identity_token()));
}

}  // namespace
}  // namespace sluice::gateway

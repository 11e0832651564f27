#include "gateway/test_gateway.h"

namespace sluice::gateway {
namespace {

struct Refused {
  const char* why;
  std::string target;
  int status;
  const char* code;
};

TEST_F(GatewayTest, ServesAGrantedShape) {
  ASSERT_TRUE(get("/v1/shape?table=items&offset=-1&" + std::string(kWhere), api_grant(kItemsClaim)));
  EXPECT_EQ(response().status, 200);
  EXPECT_EQ(text(), "[]");
  EXPECT_EQ(definition().params(), std::vector<std::string>{"7"});
  EXPECT_TRUE(
      get("/proxy/v1/shape?table=public.items&offset=-1&where=ORG_ID%3D%241&params%5B1%5D=7", api_grant(kItemsClaim)));
}

TEST_F(GatewayTest, E2_E3_E57_OtherPathsGoNowhere) {
  for (const char* path : {"/v1/shape/", "/v1//shape", "//v1/shape", "/v1/shape/x", "/V1/shape", "/v1/shapes", "/v1/shapes/",
                           "/v1/shapes/items/", "/v1/shapes/items/x", "/proxy/v1/shape/", "/proxy/proxy/v1/shape",
                           "/gatekeepers", "/gatekeeper/", "/gatekeeper/a/b", "/", "/v1/health", "/metrics"}) {
    EXPECT_FALSE(get(std::string(path) + "?table=items&offset=-1&" + std::string(kWhere), api_grant(kItemsClaim))) << path;
    EXPECT_EQ(response().status, 404) << path;
  }
}

TEST_F(GatewayTest, E6_AGrantCoversItsDefinitionOnly) {
  const std::string base = "/v1/shape?offset=-1&";
  const std::vector<Refused> cases = {
      {"other table", base + "table=secrets&" + std::string(kWhere), 403, "shape_forbidden"},
      {"other schema", base + "table=private.items&" + std::string(kWhere), 403, "shape_forbidden"},
      {"other param", base + "table=items&where=org_id%20%3D%20%241&params%5B1%5D=8", 403, "shape_forbidden"},
      {"where dropped", base + "table=items", 403, "shape_forbidden"},
      {"where changed", base + "table=items&where=org_id%20%3C%3E%20%241&params%5B1%5D=7", 403, "shape_forbidden"},
      {"where widened", base + "table=items&where=org_id%20%3D%20%241%20OR%20true&params%5B1%5D=7", 403, "shape_forbidden"},
      {"replica added", base + "table=items&replica=full&" + std::string(kWhere), 403, "shape_forbidden"},
      {"params dropped", base + "table=items&where=org_id%20%3D%20%241", 400, "invalid_request"},
  };
  for (const Refused& refused : cases) {
    EXPECT_FALSE(get(refused.target, api_grant(kItemsClaim))) << refused.why;
    EXPECT_EQ(response().status, refused.status) << refused.why;
    EXPECT_EQ(code(), refused.code) << refused.why;
  }
}

TEST_F(GatewayTest, E6_DroppedColumnsAreRefused) {
  const std::string claim = R"({"table":"items","columns":["id","title"]})";
  EXPECT_FALSE(get("/v1/shape?table=items&offset=-1", api_grant(claim)));
  EXPECT_EQ(response().status, 403);
  EXPECT_TRUE(get("/v1/shape?table=items&offset=-1&columns=%22title%22,%22id%22", api_grant(claim)));
}

TEST_F(GatewayTest, E4_E5_E10_AliasesAndStrayKeysAreRefused) {
  const std::string base = "/v1/shape?offset=-1&table=items&" + std::string(kWhere);
  for (const char* more : {"&table=secrets",
                           "&%74able=secrets",
                           "&offset=-1",
                           "&where=true",
                           "&params%5B1%5D=8",
                           "&params[1]=7",
                           "&table[]=x",
                           "&table[x]=secrets",
                           "&subset[where]=true",
                           "&params[]=7",
                           "&params[01]=7",
                           "&secret=x",
                           "&api_secret=x",
                           "&source_id=x",
                           "&experimental_everything=1",
                           "&Table=secrets",
                           "&table%00=x",
                           "&x",
                           "&=",
                           "&a%zz=1",
                           "&%ff=1"}) {
    EXPECT_FALSE(get(base + more, api_grant(kItemsClaim))) << more;
    EXPECT_EQ(response().status, 400) << more;
    EXPECT_EQ(code(), "invalid_request") << more;
  }
}

TEST_F(GatewayTest, E1_E16_ABodyIsASubsetAndNothingElse) {
  const std::string target = "/v1/shape?table=items&offset=-1&" + std::string(kWhere);
  const std::vector<std::pair<std::string, std::string>> fields = {{"authorization", "Bearer " + api_grant(kItemsClaim)},
                                                                   {"content-type", "application/json"}};
  for (const char* body :
       {R"({"table":"secrets"})", R"({"subset":{"where":"true"},"table":"secrets"})", R"({"columns":"id"})",
        R"({"where":"a","where":"b"})", R"({"subset":{"table":"x"}})", R"([])", R"({"limit":1,"order_by":"id")"}) {
    EXPECT_FALSE(send(http::Method::kPost, target, fields, body)) << body;
    EXPECT_EQ(response().status, 400) << body;
  }
  EXPECT_TRUE(send(http::Method::kPost, target, fields, R"({"subset":{"where":"done","order_by":"id","limit":5}})"));
  EXPECT_EQ(origin.asked.back()->shape().subset->limit, 5u);

  for (const char* type : {"text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""}) {
    auto other = fields;
    other[1].second = type;
    EXPECT_FALSE(send(http::Method::kPost, target, other, R"({"where":"done"})")) << type;
    EXPECT_EQ(response().status, 415) << type;
  }
}

TEST_F(GatewayTest, E7_AClaimOfAnotherTypeMakesTheTokenInvalid) {
  for (const char* claim :
       {R"("items")", R"({})", R"({"table":null})", R"({"table":""})", R"({"table":7})", R"(null)",
        R"({"table":"items","where":7})", R"({"table":"items","namespace":["a"]})", R"({"table":"items","params":[1]})",
        R"({"table":"items","extra":1})", R"({"table":"items","columns":[]})"}) {
    EXPECT_FALSE(get("/v1/shape?table=items&offset=-1", api_grant(claim))) << claim;
    EXPECT_EQ(response().status, 401) << claim;
    EXPECT_EQ(code(), "token_invalid") << claim;
  }
  EXPECT_TRUE(get("/v1/shape?table=items&offset=-1",
                  api_grant(R"({"table":"items","namespace":null,"where":null,"columns":null,"params":null})")));
}

TEST_F(GatewayTest, E9_HiddenColumnsCannotBeQueried) {
  const std::vector<std::string> columns = {"id", "title"};
  ASSERT_TRUE(get("/v1/shapes/titles?offset=-1", identity_token()));
  EXPECT_EQ(definition().queryable_columns(), columns);
  ASSERT_TRUE(
      get("/v1/shape?table=items&offset=-1&columns=id,title", api_grant(R"({"table":"items","columns":"title,id"})")));
  EXPECT_EQ(definition().queryable_columns(), columns);
}

TEST_F(GatewayTest, E11_E17_OtherMethods) {
  const std::string target = "/v1/shape?table=items&offset=-1&" + std::string(kWhere);
  const std::vector<std::pair<std::string, std::string>> fields = {{"authorization", "Bearer " + api_grant(kItemsClaim)}};
  for (const http::Method method : {http::Method::kDelete, http::Method::kPut, http::Method::kPatch, http::Method::kOther}) {
    EXPECT_FALSE(send(method, target, fields));
    EXPECT_EQ(response().status, 405);
  }
  EXPECT_FALSE(send(http::Method::kOptions, target));
  EXPECT_EQ(response().status, 204);
  EXPECT_TRUE(send(http::Method::kHead, target, fields));
  EXPECT_FALSE(
      send(http::Method::kHead, "/v1/shape?table=items&offset=0_0&handle=h&live=true&" + std::string(kWhere), fields));
  EXPECT_EQ(response().status, 400);
}

TEST_F(GatewayTest, ExpiredTokensSaySo) {
  EXPECT_FALSE(get("/v1/shape?table=items&offset=-1&" + std::string(kWhere), api_grant(kItemsClaim, -120)));
  EXPECT_EQ(response().status, 401);
  EXPECT_EQ(code(), "token_expired");
}

TEST_F(GatewayTest, WhatIsRefusedIsCountedAndNeverAsked) {
  get("/v1/shape?table=items&offset=-1", "garbage");
  get("/v1/shape?table=secrets&offset=-1&" + std::string(kWhere), api_grant(kItemsClaim));
  EXPECT_NE(metrics.text().find("sluice_origin_requests_total 0"), std::string::npos);
  get("/v1/shapes/items?offset=-1", identity_token());
  EXPECT_NE(metrics.text().find("sluice_origin_requests_total 1"), std::string::npos);
  EXPECT_NE(metrics.text().find(R"(sluice_refusals_total{code="shape_forbidden"} 1)"), std::string::npos);
}

TEST_F(GatewayTest, E6_ANarrowerShapeIsCoveredAndAskedAsItIs) {
  const std::string grant = api_grant(kItemsClaim);
  ASSERT_TRUE(get("/v1/shape?table=items&offset=-1&where=org_id%20%3D%20%241%20AND%20done&params%5B1%5D=7", grant));
  EXPECT_EQ(definition().where(), "org_id = $1 AND done");
  ASSERT_TRUE(get(kItems + "&columns=id,title", grant));
  EXPECT_EQ(definition().columns(), (std::vector<std::string>{"id", "title"}));
  // Twice: the second time from memory.
  EXPECT_TRUE(get(kItems + "&columns=id,title", grant));
  EXPECT_FALSE(
      get("/v1/shape?table=items&offset=-1&where=org_id%20%3D%20%241%20AND%20(SELECT%20true)&params%5B1%5D=7", grant));
  EXPECT_EQ(response().status, 403);
}

TEST_F(GatewayTest, E9_ANarrowerShapeHidesWhatTheGrantHides) {
  const std::string grant =
      api_grant(R"({"table":"items","columns":["id","title","owner"],"queryable_columns":["id","title"]})");
  ASSERT_TRUE(get("/v1/shape?table=items&offset=-1&columns=id,title,owner", grant)) << text();
  EXPECT_EQ(definition().queryable_columns(), (std::vector<std::string>{"id", "title"}));
  ASSERT_TRUE(get("/v1/shape?table=items&offset=-1&columns=id,owner", grant)) << text();
  EXPECT_EQ(definition().queryable_columns(), std::vector<std::string>{"id"});
  EXPECT_FALSE(get("/v1/shape?table=items&offset=-1&columns=id,title&queryable_columns=id,owner", grant));
  EXPECT_EQ(response().status, 403);
}

TEST_F(GatewayTest, J41_WhatATokenMayReadIsLookedAtForEveryRequest) {
  const std::string grant = api_grant(kItemsClaim);
  EXPECT_TRUE(get(kItems, grant));
  EXPECT_FALSE(get("/v1/shape?table=secrets&offset=-1", grant));
  EXPECT_EQ(response().status, 403);
  EXPECT_TRUE(get(kItems, grant));
  EXPECT_NE(metrics.text().find(R"(sluice_tokens_remembered_total{tokens="grant"} 2)"), std::string::npos);
}

TEST_F(GatewayTest, AGrantForSeveralShapesCoversEach) {
  const std::string grant = token::sign(key(kApiSecret), R"({"exp":)" + std::to_string(now_s() + 600) +
                                                             R"(,"shapes":[{"table":"orgs"},)" + kItemsClaim + "]}");
  EXPECT_TRUE(get(kItems, grant));
  EXPECT_TRUE(get("/v1/shape?table=orgs&offset=-1", grant));
  EXPECT_FALSE(get("/v1/shape?table=secrets&offset=-1", grant));
  EXPECT_EQ(response().status, 403);
}

TEST_F(GatewayTest, AGrantNamesTheLogModeThatMayBeAskedFor) {
  const std::string grant = api_grant(R"({"table":"items","log":"changes_only"})");
  EXPECT_FALSE(get("/v1/shape?table=items&offset=-1&log=full", grant));
  EXPECT_EQ(response().status, 403);
  EXPECT_NE(text().find(R"("parameter":"log")"), std::string::npos);
  ASSERT_TRUE(get("/v1/shape?table=items&offset=-1&log=changes_only", grant));
  ASSERT_TRUE(get("/v1/shape?table=items&offset=-1", grant));
  EXPECT_EQ(definition().log(), shape::LogMode::kChangesOnly);
}

TEST_F(GatewayTest, E15_AGrantLimitsSubsets) {
  const FieldList json = {{"content-type", "application/json"}};
  const auto post = [&](const std::string& claim, std::string_view body) {
    FieldList fields = json;
    fields.emplace_back("authorization", "Bearer " + api_grant(claim));
    return send(http::Method::kPost, "/v1/shape?table=items&offset=-1", fields, body);
  };
  EXPECT_FALSE(post(R"({"table":"items","subset":false})", R"({"limit":1,"order_by":"id"})"));
  EXPECT_EQ(response().status, 403);
  const std::string limited = R"({"table":"items","subset":{"limit_max":10}})";
  EXPECT_FALSE(post(limited, R"({"limit":11,"order_by":"id"})"));
  EXPECT_EQ(response().status, 403);
  EXPECT_NE(text().find(R"("parameter":"subset__limit")"), std::string::npos) << text();
  EXPECT_TRUE(post(limited, R"({"limit":10,"order_by":"id"})"));
}

TEST_F(GatewayTest, E13_OneCallerMakesSoManyNewCacheKeysAndNoMore) {
  const std::string grant = api_grant(kItemsClaim, 600, R"(,"sub":"bob")");
  int let_through = 0;
  for (int i = 0; i < 100; ++i) let_through += get(kItems + "&cache-buster=" + std::to_string(i), grant) ? 1 : 0;
  EXPECT_EQ(let_through, 64);
  EXPECT_EQ(response().status, 429);
  EXPECT_TRUE(response().fields.get("retry-after"));
  EXPECT_TRUE(get(kItems, grant));
}

TEST_F(GatewayTest, SaysHowLongATokenLastsThatEndsSoon) {
  get(kItems, api_grant(kItemsClaim, 600));
  EXPECT_FALSE(response().fields.get("sluice-token-expires-in"));
  get(kItems, api_grant(kItemsClaim, 30));
  const auto left = response().fields.get("sluice-token-expires-in");
  ASSERT_TRUE(left);
  EXPECT_TRUE(*left == "30" || *left == "29") << *left;
}

TEST_F(GatewayTest, H67_AuditSaysWhoAndWhatAndNoToken) {
  const std::string grant =
      api_grant(kItemsClaim, 600, R"(,"iss":"api","sub":"bob","jti":"canary-jti","note":"canary-claim")");
  get(kItems, grant);
  get(kItems, grant);
  get("/v1/shape?table=secrets&offset=-1", grant);
  get(kItems, "canary.bad.token");
  const std::string lines = audited();
  const auto count = [&](std::string_view part) {
    std::size_t found = 0;
    for (std::size_t at = lines.find(part); at != std::string::npos; at = lines.find(part, at + 1)) ++found;
    return found;
  };
  EXPECT_EQ(count(R"("event":"allowed")"), 1u) << lines;
  EXPECT_EQ(count(R"("event":"denied")"), 2u) << lines;
  EXPECT_EQ(count(R"("subject":"bob")"), 2u) << lines;
  EXPECT_EQ(count("canary"), 0u) << lines;
  EXPECT_EQ(count(grant.substr(grant.size() - 20)), 0u);
  EXPECT_EQ(count(std::string(*response().fields.get("x-request-id"))), 1u);
}

TEST_F(GatewayTest, E10_AnOriginsSecretFromAClientIsRecorded) {
  EXPECT_FALSE(get(kItems + "&secret=canary", api_grant(kItemsClaim)));
  EXPECT_EQ(response().status, 400);
  const std::string lines = audited();
  EXPECT_NE(lines.find(R"("reason":"secret is not a client's to set")"), std::string::npos) << lines;
  EXPECT_EQ(lines.find("canary"), std::string::npos);
}

TEST_F(GatewayTest, E15_OneCallerHasSoManySubsetsRunning) {
  origin.manner = RecordingOrigin::Manner::kEvents;  // answers that are still being sent
  const std::string grant = api_grant(kItemsClaim, 600, R"(,"sub":"bob")");
  const auto ask = [&]() -> Call& {
    return start(gateway, http::Method::kPost, kItems,
                 {{"authorization", "Bearer " + grant}, {"content-type", "application/json"}},
                 R"({"limit":1,"order_by":"id"})");
  };
  std::vector<Call*> running;
  for (int i = 0; i < 8; ++i) {
    running.push_back(&ask());
    ASSERT_EQ(running.back()->response.status, 200);
  }
  Call& ninth = ask();
  EXPECT_EQ(ninth.response.status, 429);
  EXPECT_TRUE(ninth.response.fields.get("retry-after"));
  running.front()->response.stream.reset();
  EXPECT_EQ(ask().response.status, 200);
}

}  // namespace
}  // namespace sluice::gateway

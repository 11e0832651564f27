#include "gateway/test_gateway.h"

namespace sluice::gateway {
namespace {

TEST_F(GatewayTest, GatekeeperAnswersShapeStreamOptions) {
  send(http::Method::kPost, "/gatekeeper/items", {{"authorization", "Bearer " + identity_token()}});
  ASSERT_EQ(response().status, 200) << text();
  const auto json = Json::parse(text());
  ASSERT_TRUE(json.has_value());
  std::string_view url, authorization, table, where, param;
  EXPECT_FALSE(json->root()["url"].get(url));
  EXPECT_EQ(url, "https://sync.example.com/v1/shape");
  EXPECT_FALSE(json->root().at_pointer("/headers/Authorization").get(authorization));
  EXPECT_FALSE(json->root().at_pointer("/params/where").get(where));
  EXPECT_FALSE(json->root().at_pointer("/params/params/1").get(param));
  EXPECT_EQ(param, "7");
  EXPECT_FALSE(json->root()["table"].get(table));

  const std::string query = "/v1/shape?offset=-1&table=" + shape::percent_encode(table) +
                            "&where=" + shape::percent_encode(where) + "&params%5B1%5D=7";
  EXPECT_TRUE(send(http::Method::kGet, query, {{"authorization", std::string(authorization)}})) << text();
}

TEST_F(GatewayTest, GatekeeperRefusals) {
  const std::vector<std::pair<std::string, std::string>> alice = {{"authorization", "Bearer " + identity_token()},
                                                                  {"content-type", "application/json"}};
  send(http::Method::kPost, "/gatekeeper/items");
  EXPECT_EQ(response().status, 401);
  send(http::Method::kPost, "/gatekeeper/secrets", alice);
  EXPECT_EQ(response().status, 403);
  send(http::Method::kPost, "/gatekeeper/items", alice, R"({"where":"org_id = $1","params":["8"]})");
  EXPECT_EQ(response().status, 403);
  send(http::Method::kPost, "/gatekeeper/items", alice, R"({"where":"org_id = $1","params":["7"]})");
  EXPECT_EQ(response().status, 200) << text();
  send(http::Method::kPost, "/gatekeeper/items?where=org_id%20%3D%20", alice);
  EXPECT_NE(response().status, 200);
  send(http::Method::kPost, "/gatekeeper/items", alice, R"({"where":7})");
  EXPECT_EQ(response().status, 400);
  EXPECT_NE(text().find(R"("parameter":"where")"), std::string::npos);
  send(http::Method::kPost, "/gatekeeper/items", alice, R"({"table":"secrets"})");
  EXPECT_EQ(response().status, 400);
  send(http::Method::kGet, "/gatekeeper/items", alice);
  EXPECT_EQ(response().status, 404);
}

TEST_F(GatewayTest, OneTokenForSeveralShapesWhereAllAreAllowed) {
  const FieldList alice = {{"authorization", "Bearer " + identity_token()}};
  send(http::Method::kPost, "/gatekeeper", alice,
       R"({"shapes":[{"table":"items","columns":["id"]},{"table":"items","where":"org_id = $1","params":["7"]}]})");
  ASSERT_EQ(response().status, 200) << text();
  const auto json = Json::parse(text());
  std::string_view authorization;
  ASSERT_FALSE(json->root().at_pointer("/headers/Authorization").get(authorization));
  const std::string grant(authorization.substr(7));
  EXPECT_TRUE(get(kItems, grant));
  EXPECT_TRUE(get(kItems + "&columns=id", grant));

  send(http::Method::kPost, "/gatekeeper", alice, R"({"shapes":[{"table":"items"},{"table":"secrets"}]})");
  EXPECT_EQ(response().status, 403);
  EXPECT_EQ(text().find("Bearer"), std::string::npos);
  send(http::Method::kPost, "/gatekeeper", alice, R"({"shapes":[]})");
  EXPECT_EQ(response().status, 400);
  send(http::Method::kPost, "/gatekeeper?table=items", alice, R"({"shapes":[{"table":"items"}]})");
  EXPECT_EQ(response().status, 400);
}

TEST_F(GatewayTest, E14_UnknownAndForbiddenTablesAreAnsweredAlike) {
  auto told = std::make_shared<ToldAuthorizer>();
  GatewayOptions options = test_options();
  options.authorizer = told;
  gateway.reload(std::move(options));
  const auto answer = [&](policy::Decision decision, const std::string& table) {
    told->decision = std::move(decision);
    send(http::Method::kPost, "/gatekeeper/" + table, {{"authorization", "Bearer " + identity_token()}});
    std::string all = std::to_string(response().status) + text();
    for (std::size_t i = 0; i < response().fields.size(); ++i) {
      const auto field = response().fields.at(i);
      if (field.name != "x-request-id") all += "\n" + std::string(field.name) + ": " + std::string(field.value);
    }
    return all;
  };
  const std::string forbidden = answer(policy::Decision::deny("rule 'own': claim role is not as asked"), "items");
  EXPECT_TRUE(forbidden.starts_with("403"));
  EXPECT_EQ(forbidden, answer(policy::Decision::abstain("no rule is for this table"), "nothing"));
  EXPECT_EQ(forbidden.find("rule"), std::string::npos);
}

TEST_F(GatewayTest, ADecisionThatCannotBeMadeIsNoAllow) {
  auto told = std::make_shared<ToldAuthorizer>();
  told->decision = policy::Decision::failed("timed out");
  GatewayOptions options = test_options();
  options.authorizer = told;
  gateway.reload(std::move(options));
  send(http::Method::kPost, "/gatekeeper/items", {{"authorization", "Bearer " + identity_token()}});
  EXPECT_EQ(response().status, 503);
  EXPECT_EQ(code(), "authorizer_unavailable");
  EXPECT_TRUE(response().fields.get("retry-after"));
  EXPECT_EQ(text().find("timed out"), std::string::npos);
  EXPECT_NE(audited().find("timed out"), std::string::npos);
}

TEST_F(GatewayTest, NobodyIsAskedToAuthenticateWhereNobodyIsAllowed) {
  auto told = std::make_shared<ToldAuthorizer>();
  told->decision = policy::Decision::deny("no rule for anonymous callers");
  GatewayOptions options = test_options();
  options.authorizer = told;
  gateway.reload(std::move(options));
  send(http::Method::kPost, "/gatekeeper/items");
  EXPECT_EQ(code(), "token_missing");
  told->decision.kind = policy::Decision::Kind::kAllow;
  send(http::Method::kPost, "/gatekeeper/items");
  EXPECT_EQ(response().status, 200) << text();
}

TEST_F(GatewayTest, NothingIsGrantedWithoutAnAuthorizer) {
  GatewayOptions options = test_options();
  options.authorizer = nullptr;
  gateway.reload(std::move(options));
  send(http::Method::kPost, "/gatekeeper/items", {{"authorization", "Bearer " + identity_token()}});
  EXPECT_EQ(response().status, 403);
}

TEST_F(GatewayTest, WhatIsMintedIsRecorded) {
  send(http::Method::kPost, "/gatekeeper/items", {{"authorization", "Bearer " + identity_token()}});
  const std::string lines = audited();
  EXPECT_NE(lines.find(R"("event":"minted")"), std::string::npos) << lines;
  EXPECT_NE(lines.find(R"("subject":"alice")"), std::string::npos);
  send(http::Method::kPost, "/gatekeeper/secrets", {{"authorization", "Bearer " + identity_token()}});
  EXPECT_NE(audited().find(R"("authorizer":"rules")"), std::string::npos) << audited();
  EXPECT_NE(metrics.text().find(R"(sluice_decisions_total{authorizer="rules",decision="allow"} 1)"), std::string::npos)
      << metrics.text();
}

}  // namespace
}  // namespace sluice::gateway

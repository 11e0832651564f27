#include "gateway/test_gateway.h"

namespace sluice::gateway {
namespace {

TEST_F(GatewayTest, J37_IdentityTokensAndGrantsAreNeverTakenForEachOther) {
  const std::string target = "/v1/shape?table=items&offset=-1&" + std::string(kWhere);
  EXPECT_FALSE(get(target, identity_token()));
  EXPECT_EQ(response().status, 401);
  send(http::Method::kPost, "/gatekeeper/items", {{"authorization", "Bearer " + api_grant(kItemsClaim)}});
  EXPECT_EQ(response().status, 401);
  const std::string typed =
      token::sign(key(kIdentitySecret), R"({"org_id":7,"exp":)" + std::to_string(now_s() + 60) + "}", "shape+jwt");
  EXPECT_FALSE(get("/v1/shapes/items?offset=-1", typed));
  EXPECT_EQ(response().status, 401);
  const std::string untyped =
      token::sign(key(kGatekeeperSecret), R"({"iss":"https://sync.example.com","aud":"sluice:gate","exp":)" +
                                              std::to_string(now_s() + 60) + R"(,"shape":)" + kItemsClaim + "}");
  EXPECT_FALSE(get(target, untyped));
  EXPECT_EQ(response().status, 401);
}

TEST_F(GatewayTest, J38_J44_CredentialsAreOneAndGood) {
  const std::string target = "/v1/shapes/items?offset=-1";
  const std::string good = "Bearer " + identity_token();
  EXPECT_FALSE(send(http::Method::kGet, target));
  EXPECT_EQ(response().status, 401);
  EXPECT_EQ(code(), "token_missing");
  EXPECT_TRUE(response().fields.get("www-authenticate"));
  EXPECT_FALSE(send(http::Method::kGet, target, {{"authorization", good}, {"Authorization", good}}));
  EXPECT_EQ(response().status, 400);
  for (const std::string& value : std::vector<std::string>{"Bearer", "Basic " + good.substr(7), good.substr(7), "Bearer a b",
                                                           "xBearer " + good.substr(7), good + ", " + good}) {
    EXPECT_FALSE(send(http::Method::kGet, target, {{"authorization", value}})) << value;
    EXPECT_EQ(response().status, 401) << value;
    EXPECT_EQ(code(), "token_invalid") << value;
  }
  EXPECT_TRUE(send(http::Method::kGet, target, {{"authorization", "bearer " + good.substr(7)}}));
}

TEST_F(GatewayTest, J38_ABadCredentialIsNeverAnonymous) {
  auto open = std::make_shared<ToldAuthorizer>();
  open->decision.kind = policy::Decision::Kind::kAllow;
  GatewayOptions options = test_options();
  options.shapes.at("items").authorizer = open;
  policy::ShapeTemplateConfig all;
  all.table = "news";
  options.shapes.emplace("news", NamedShape{shape_template(all), false, open});
  gateway.reload(std::move(options));

  EXPECT_TRUE(send(http::Method::kGet, "/v1/shapes/news?offset=-1"));
  EXPECT_EQ(open->subjects.back(), "");
  const std::string foreign = identity_token(7, "", "another secret, thirty-two bytes or more");
  const std::string refused_type = token::sign(key(kIdentitySecret), R"({"exp":4000000000})", "shape+jwt");
  for (const std::string& bad : {std::string("x"), foreign, refused_type}) {
    EXPECT_FALSE(get("/v1/shapes/news?offset=-1", bad));
    EXPECT_EQ(response().status, 401);
  }
  for (const std::string& value : {"", "Basic YTpi", "Bearer"}) {
    EXPECT_FALSE(send(http::Method::kGet, "/v1/shapes/news?offset=-1", {{"authorization", value}})) << value;
    EXPECT_EQ(response().status, 401) << value;
  }
}

TEST_F(GatewayTest, A10_AStormOfOneBadTokenIsToldToStayAway) {
  const std::string bad = identity_token(7, "", "another secret, thirty-two bytes or more");
  int refused = 0, told = 0;
  for (int i = 0; i < 60; ++i) {
    get("/v1/shapes/items?offset=-1", bad);
    (response().status == 429 ? told : refused)++;
  }
  EXPECT_GE(refused, 15);
  EXPECT_GE(told, 30);
  EXPECT_EQ(code(), "too_many_requests");
  EXPECT_TRUE(response().fields.get("retry-after"));
  // Nobody else is told so.
  EXPECT_TRUE(get("/v1/shapes/items?offset=-1", identity_token()));
}

// Keys that are there only once they have been asked for.
class LateKeys final : public identity::KeySource {
 public:
  explicit LateKeys(std::vector<token::Key> keys) : keys_(std::move(keys)) {}
  std::shared_ptr<const identity::KeySet> keys() const override { return set_; }
  Task<void> look_again(std::string key_id) override {
    asked.push_back(key_id);
    if (set_->revision > 0) return {};
    return fetch();
  }
  bool ready() const override { return set_->revision > 0; }

  std::vector<std::string> asked;

 private:
  Task<void> fetch() {
    set_ = std::make_shared<identity::KeySet>(identity::KeySet{keys_, 1});
    co_return;
  }
  std::vector<token::Key> keys_;
  std::shared_ptr<const identity::KeySet> set_ = std::make_shared<identity::KeySet>();
};

TEST_F(GatewayTest, J27_AnUnknownKeyIsAskedForOnceAndTheRequestGoesOn) {
  const token::Key late_key = key(kIdentitySecret, "k2");
  auto keys = std::make_shared<LateKeys>(std::vector{late_key});
  GatewayOptions options = test_options();
  options.identities = authenticator({token::Verifier({.name = "late"}), keys});
  options.grant_issuers = {{token::Verifier({.name = "late"}), keys}};
  gateway.reload(std::move(options));
  EXPECT_FALSE(gateway.readiness().keys);

  const std::string claims = R"("org_id":7,"exp":)" + std::to_string(now_s() + 600);
  EXPECT_TRUE(get("/v1/shapes/items?offset=-1", token::sign(late_key, "{" + claims + "}")));
  EXPECT_EQ(keys->asked, std::vector<std::string>{"k2"});
  EXPECT_TRUE(get(kItems, token::sign(late_key, "{" + claims + R"(,"shape":)" + kItemsClaim + "}")));
  EXPECT_TRUE(gateway.readiness().keys);
  EXPECT_FALSE(get("/v1/shapes/items?offset=-1", token::sign(key(kIdentitySecret, "k3"), "{" + claims + "}")));
  EXPECT_EQ(response().status, 401);
}

class CookieTest : public GatewayTest {
 protected:
  CookieTest() : GatewayTest(with_cookie()) {}

  static GatewayOptions with_cookie() {
    GatewayOptions options = test_options();
    options.cookies.push_back({"session", authenticator(issuer("web", {key(kCookieSecret)}, {"shape+jwt"}))});
    return options;
  }
  FieldList with(const FieldList& more = {}) {
    FieldList fields = {{"cookie", "theme=dark; session=" + session}};
    fields.insert(fields.end(), more.begin(), more.end());
    return fields;
  }

  const std::string session = identity_token(7, "", kCookieSecret);
  const std::string target = "/v1/shapes/items?offset=-1";
};

TEST_F(CookieTest, ASessionCookieAuthenticates) {
  EXPECT_TRUE(send(http::Method::kGet, target, with()));
  EXPECT_EQ(definition().params(), std::vector<std::string>{"7"});
  EXPECT_EQ(response().fields.get("vary"), "Origin, Authorization, Cookie");
  EXPECT_FALSE(send(http::Method::kGet, target, {{"cookie", "session=x"}}));
  EXPECT_EQ(code(), "token_invalid");
  EXPECT_FALSE(send(http::Method::kGet, target, {{"cookie", "session="}}));
  EXPECT_EQ(code(), "token_invalid");
  EXPECT_FALSE(send(http::Method::kGet, target, {{"cookie", "Session=" + session}}));
  EXPECT_EQ(code(), "token_missing");
  // Its issuer's tokens are good there and nowhere else.
  EXPECT_FALSE(get(target, session));
  EXPECT_EQ(code(), "token_invalid");
  EXPECT_FALSE(send(http::Method::kGet, target, {{"cookie", "session=" + identity_token()}}));
  EXPECT_EQ(code(), "token_invalid");
}

TEST_F(CookieTest, J44_TwoCredentialsAreTooMany) {
  for (const FieldList& fields :
       {with({{"authorization", "Bearer " + identity_token()}}), with({{"authorization", "x"}}),
        with({{"cookie", "session=" + session}}), FieldList{{"cookie", "session=a; session=" + session}}}) {
    EXPECT_FALSE(send(http::Method::kGet, target, fields));
    EXPECT_EQ(response().status, 400);
  }
}

TEST_F(CookieTest, E16_ACookieCountsOnlyFromOurOwnPages) {
  for (const char* origin : {"https://sync.example.com", "https://app.example.com"}) {
    EXPECT_TRUE(send(http::Method::kGet, target, with({{"origin", origin}}))) << origin;
    EXPECT_TRUE(send(http::Method::kPost, target, with({{"origin", origin}}))) << origin;
  }
  for (const char* origin : {"https://evil.example.com", "null", "", "https://sync.example.com.evil.com"}) {
    EXPECT_FALSE(send(http::Method::kGet, target, with({{"origin", origin}}))) << origin;
    EXPECT_EQ(response().status, 403);
    EXPECT_EQ(code(), "origin_forbidden");
    EXPECT_FALSE(response().fields.get("access-control-allow-credentials"));
  }
  EXPECT_FALSE(send(http::Method::kPost, target, with()));
  EXPECT_EQ(code(), "origin_forbidden");
  EXPECT_FALSE(send(http::Method::kPost, "/gatekeeper/items", with()));
  EXPECT_EQ(code(), "origin_forbidden");
  EXPECT_FALSE(send(http::Method::kGet, target, with({{"sec-fetch-site", "cross-site"}})));
  EXPECT_EQ(code(), "origin_forbidden");
  EXPECT_TRUE(send(http::Method::kGet, target, with({{"sec-fetch-site", "same-origin"}})));
  // A bearer token is no browser's to send by itself.
  EXPECT_TRUE(send(http::Method::kPost, target,
                   {{"authorization", "Bearer " + identity_token()}, {"sec-fetch-site", "cross-site"}}));
}

TEST_F(CookieTest, A29_H64_ListedOriginsMaySendCookies) {
  send(http::Method::kGet, target, with({{"origin", "https://app.example.com"}}));
  EXPECT_EQ(response().fields.get("access-control-allow-origin"), "https://app.example.com");
  EXPECT_EQ(response().fields.get("access-control-allow-credentials"), "true");
  send(http::Method::kOptions, target, {{"origin", "https://app.example.com"}});
  EXPECT_EQ(response().fields.get("access-control-allow-credentials"), "true");

  GatewayOptions any = with_cookie();
  any.cors_origins = {"*"};
  gateway.reload(std::move(any));
  EXPECT_FALSE(send(http::Method::kGet, target, with({{"origin", "https://any.example.com"}})));
  EXPECT_EQ(code(), "origin_forbidden");
  EXPECT_EQ(response().fields.get("access-control-allow-origin"), "*");
  EXPECT_FALSE(response().fields.get("access-control-allow-credentials"));
}

}  // namespace
}  // namespace sluice::gateway

#include "gateway/gateway.h"

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <utility>

#include "base/json.h"
#include "policy/rules.h"
#include "shape/claim_codec.h"

namespace sluice::gateway {
namespace {

constexpr std::string_view kIdentitySecret = "identity secret, thirty-two bytes or more";
constexpr std::string_view kGatekeeperSecret = "gatekeeper secret, thirty-two bytes or more";
constexpr std::string_view kApiSecret = "the API's secret, thirty-two bytes or more";
constexpr std::string_view kWhere = "where=org_id%20%3D%20%241&params%5B1%5D=7";

std::int64_t now_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

token::Key key(std::string_view secret) {
  return *token::Key::hmac_sha256(secret);
}

// Says one thing, then nothing for ever.
class EndlessStream : public http::BodyStream {
 public:
  Task<std::expected<Buffer, http::BodyError>> next() override {
    if (!std::exchange(said_, true)) co_return Buffer::of_static("data: 1\n\n");
    co_await wait_for_ever();
    co_return Buffer();
  }

  static Task<void> wait_for_ever() {
    boost::asio::steady_timer never(co_await boost::asio::this_coro::executor, std::chrono::steady_clock::time_point::max());
    co_await never.async_wait(use_task);
  }

 private:
  bool said_ = false;
};

// Keeps what it was asked, answers as an origin does.
class RecordingOrigin : public origin::Origin {
 public:
  enum class Manner { kAtOnce, kNever, kEvents };

  Task<void> serve(std::shared_ptr<const origin::AuthorizedRequest> request, http::Response& response) override {
    asked.push_back(std::move(request));
    if (manner == Manner::kNever) return EndlessStream::wait_for_ever();
    if (manner == Manner::kEvents) {
      response.stream = std::make_unique<EndlessStream>();
      return {};
    }
    response.status = status;
    response.fields.add("content-type", "application/json");
    response.fields.add("cache-control", "public, max-age=604800");
    response.fields.add("surrogate-control", "max-age=9");
    response.fields.add("electric-handle", "h-1");
    response.buffers.push_back(Buffer::of_static(body));
    return {};
  }
  Health health() const override { return Health::kActive; }
  void drain() override {}

  std::vector<std::shared_ptr<const origin::AuthorizedRequest>> asked;
  Manner manner = Manner::kAtOnce;
  int status = 200;
  std::string_view body = "[]";
};

token::Verifier verifier(std::string name, std::string_view secret, std::vector<std::string> types_refused = {}) {
  token::VerifierOptions options;
  options.name = std::move(name);
  options.keys = {key(secret)};
  options.types_refused = std::move(types_refused);
  return token::Verifier(std::move(options));
}

policy::ShapeTemplate shape_template(std::optional<std::vector<std::string>> columns = {}) {
  policy::ShapeTemplateConfig config;
  config.table = "items";
  config.where = "org_id = $1";
  config.params = {"{claims.org_id}"};
  config.columns = std::move(columns);
  return *policy::ShapeTemplate::make(config);
}

GatewayOptions options() {
  GatewayOptions made;
  made.public_url = "https://sync.example.com";
  made.cors_origins = {"https://app.example.com"};
  made.identities.push_back(verifier("app", kIdentitySecret, {"shape+jwt"}));
  made.grants.push_back(verifier("api", kApiSecret));
  made.minter = gatekeeper::MinterOptions{key(kGatekeeperSecret), made.public_url};
  policy::RuleConfig rule;
  rule.name = "own";
  rule.shape.table = "items";
  rule.shape.where = "org_id = $1";
  rule.shape.params = {"{claims.org_id}"};
  made.authorizer = std::make_shared<policy::Rules>(*policy::Rules::make({rule}));
  made.shapes.emplace("items", NamedShape{shape_template()});
  made.shapes.emplace("titles", NamedShape{shape_template(std::vector<std::string>{"id", "title"})});
  policy::ShapeTemplateConfig orgs;
  orgs.table = "orgs";
  made.shapes.emplace("orgs", NamedShape{*policy::ShapeTemplate::make(orgs), true});
  return made;
}

std::string identity_token(int org_id = 7) {
  return token::sign(key(kIdentitySecret), R"({"sub":"alice","org_id":)" + std::to_string(org_id) + R"(,"exp":)" +
                                               std::to_string(now_s() + 600) + "}");
}

std::string api_grant(const std::string& shape, std::int64_t lifetime_s = 600) {
  return token::sign(key(kApiSecret), R"({"exp":)" + std::to_string(now_s() + lifetime_s) + R"(,"shape":)" + shape + "}");
}

const std::string kItemsClaim = R"({"table":"items","where":"org_id = $1","params":{"1":"7"}})";

class GatewayTest : public ::testing::Test {
 protected:
  // Sends a request and keeps the answer; true where the origin was asked.
  bool send(http::Method method, std::string_view target,
            const std::vector<std::pair<std::string, std::string>>& fields = {}, std::string_view body = {}) {
    http::Fields request_fields;
    for (const auto& [name, value] : fields) request_fields.add(name, value);
    http::Request request;
    request.method = method;
    const std::size_t mark = target.find('?');
    request.path = target.substr(0, mark);
    request.query = mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
    request.fields = &request_fields;
    request.body = body;
    const std::size_t before = origin.asked.size();
    response.clear();
    Task<void> task = gateway.handle(request, response);
    if (task.valid()) run(std::move(task));
    return origin.asked.size() > before;
  }
  void run(Task<void> task) {
    boost::asio::co_spawn(context, std::move(task), [](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
    context.restart();
    context.run();
  }
  Task<void> read_to_its_end() {
    while (true) {
      const auto piece = co_await response.stream->next();
      if (!piece || piece->empty()) co_return;
    }
  }
  bool get(std::string_view target, const std::string& token) {
    return send(http::Method::kGet, target, {{"authorization", "Bearer " + token}});
  }
  std::string text() const {
    std::string all;
    for (const Buffer& buffer : response.buffers) all += buffer.bytes();
    return all;
  }
  std::string code() const {
    const auto json = Json::parse(text());
    if (!json || !json->root().is_object()) return "not JSON: " + text();
    std::string_view value;
    return json->root()["error"].get(value) ? "none" : std::string(value);
  }
  const shape::Definition& definition() const { return origin.asked.back()->shape().definition; }

  boost::asio::io_context context;
  RecordingOrigin origin;
  Metrics metrics;
  Gateway gateway{options(), origin, metrics};
  http::Response response;
};

struct Refused {
  const char* why;
  std::string target;
  int status;
  const char* code;
};

TEST_F(GatewayTest, ServesAGrantedShape) {
  ASSERT_TRUE(get("/v1/shape?table=items&offset=-1&" + std::string(kWhere), api_grant(kItemsClaim)));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(text(), "[]");
  EXPECT_EQ(definition().params(), std::vector<std::string>{"7"});
  EXPECT_TRUE(
      get("/proxy/v1/shape?table=public.items&offset=-1&where=ORG_ID%3D%241&params%5B1%5D=7", api_grant(kItemsClaim)));
}

TEST_F(GatewayTest, E2_E3_E57_OtherPathsGoNowhere) {
  for (const char* path : {"/v1/shape/", "/v1//shape", "//v1/shape", "/v1/shape/x", "/V1/shape", "/v1/shapes", "/v1/shapes/",
                           "/v1/shapes/items/", "/v1/shapes/items/x", "/proxy/v1/shape/", "/proxy/proxy/v1/shape",
                           "/gatekeeper", "/gatekeeper/", "/gatekeeper/a/b", "/", "/v1/health", "/metrics"}) {
    EXPECT_FALSE(get(std::string(path) + "?table=items&offset=-1&" + std::string(kWhere), api_grant(kItemsClaim))) << path;
    EXPECT_EQ(response.status, 404) << path;
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
      {"columns added", base + "table=items&columns=id&" + std::string(kWhere), 403, "shape_forbidden"},
      {"replica added", base + "table=items&replica=full&" + std::string(kWhere), 403, "shape_forbidden"},
      {"queryable columns added", base + "table=items&queryable_columns=id&" + std::string(kWhere), 403, "shape_forbidden"},
      {"params dropped", base + "table=items&where=org_id%20%3D%20%241", 400, "invalid_request"},
  };
  for (const Refused& refused : cases) {
    EXPECT_FALSE(get(refused.target, api_grant(kItemsClaim))) << refused.why;
    EXPECT_EQ(response.status, refused.status) << refused.why;
    EXPECT_EQ(code(), refused.code) << refused.why;
  }
}

TEST_F(GatewayTest, E6_DroppedColumnsAreRefused) {
  const std::string claim = R"({"table":"items","columns":["id","title"]})";
  EXPECT_FALSE(get("/v1/shape?table=items&offset=-1", api_grant(claim)));
  EXPECT_EQ(response.status, 403);
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
    EXPECT_EQ(response.status, 400) << more;
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
    EXPECT_EQ(response.status, 400) << body;
  }
  EXPECT_TRUE(send(http::Method::kPost, target, fields, R"({"subset":{"where":"done","order_by":"id","limit":5}})"));
  EXPECT_EQ(origin.asked.back()->shape().subset->limit, 5u);

  for (const char* type : {"text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""}) {
    auto other = fields;
    other[1].second = type;
    EXPECT_FALSE(send(http::Method::kPost, target, other, R"({"where":"done"})")) << type;
    EXPECT_EQ(response.status, 415) << type;
  }
}

TEST_F(GatewayTest, E7_AClaimOfAnotherTypeMakesTheTokenInvalid) {
  for (const char* claim :
       {R"("items")", R"({})", R"({"table":null})", R"({"table":""})", R"({"table":7})", R"(null)",
        R"({"table":"items","where":7})", R"({"table":"items","namespace":["a"]})", R"({"table":"items","params":[1]})",
        R"({"table":"items","extra":1})", R"({"table":"items","columns":[]})"}) {
    EXPECT_FALSE(get("/v1/shape?table=items&offset=-1", api_grant(claim))) << claim;
    EXPECT_EQ(response.status, 401) << claim;
    EXPECT_EQ(code(), "token_invalid") << claim;
  }
  EXPECT_TRUE(get("/v1/shape?table=items&offset=-1",
                  api_grant(R"({"table":"items","namespace":null,"where":null,"columns":null,"params":null})")));
}

TEST_F(GatewayTest, E8_NamedShapesTakeNoDefinitionFromTheClient) {
  for (const char* more : {"&where=1%3D1)%20OR%20(1%3D1", "&table=secrets", "&columns=id", "&params%5B1%5D=8",
                           "&replica=full", "&queryable_columns=id"}) {
    EXPECT_FALSE(get("/v1/shapes/items?offset=-1" + std::string(more), identity_token())) << more;
    EXPECT_EQ(response.status, 400) << more;
  }
  ASSERT_TRUE(get("/v1/shapes/items?offset=-1&log=changes_only", identity_token(9)));
  EXPECT_EQ(definition().params(), std::vector<std::string>{"9"});
  EXPECT_EQ(definition().log(), shape::LogMode::kChangesOnly);
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
    EXPECT_EQ(response.status, 405);
  }
  EXPECT_FALSE(send(http::Method::kOptions, target));
  EXPECT_EQ(response.status, 204);
  EXPECT_TRUE(send(http::Method::kHead, target, fields));
  EXPECT_FALSE(
      send(http::Method::kHead, "/v1/shape?table=items&offset=0_0&handle=h&live=true&" + std::string(kWhere), fields));
  EXPECT_EQ(response.status, 400);
}

TEST_F(GatewayTest, E14_ErrorsOfTheOriginDiscloseNothing) {
  origin.status = 400;
  origin.body = R"({"errors":{"table":["Table \"public\".\"items\" does not exist"]}})";
  get("/v1/shapes/items?offset=-1", identity_token());
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(text().find("items"), std::string::npos);
  EXPECT_FALSE(response.fields.get("electric-handle"));
}

TEST_F(GatewayTest, E14_AnUnknownNameIsAsForbiddenAsAForbiddenOne) {
  get("/v1/shapes/nothing?offset=-1", identity_token());
  const std::string unknown = text();
  EXPECT_EQ(response.status, 403);
  const std::string other = token::sign(key(kIdentitySecret), R"({"sub":"x","exp":)" + std::to_string(now_s() + 60) + "}");
  get("/v1/shapes/items?offset=-1", other);
  EXPECT_EQ(response.status, 403);
  EXPECT_EQ(text(), unknown);
}

TEST_F(GatewayTest, J37_IdentityTokensAndGrantsAreNeverTakenForEachOther) {
  const std::string target = "/v1/shape?table=items&offset=-1&" + std::string(kWhere);
  EXPECT_FALSE(get(target, identity_token()));
  EXPECT_EQ(response.status, 401);
  send(http::Method::kPost, "/gatekeeper/items", {{"authorization", "Bearer " + api_grant(kItemsClaim)}});
  EXPECT_EQ(response.status, 401);
  const std::string typed =
      token::sign(key(kIdentitySecret), R"({"org_id":7,"exp":)" + std::to_string(now_s() + 60) + "}", "shape+jwt");
  EXPECT_FALSE(get("/v1/shapes/items?offset=-1", typed));
  EXPECT_EQ(response.status, 401);
  const std::string untyped =
      token::sign(key(kGatekeeperSecret), R"({"iss":"https://sync.example.com","aud":"sluice:gate","exp":)" +
                                              std::to_string(now_s() + 60) + R"(,"shape":)" + kItemsClaim + "}");
  EXPECT_FALSE(get(target, untyped));
  EXPECT_EQ(response.status, 401);
}

TEST_F(GatewayTest, J38_J44_CredentialsAreOneAndGood) {
  const std::string target = "/v1/shapes/items?offset=-1";
  const std::string good = "Bearer " + identity_token();
  EXPECT_FALSE(send(http::Method::kGet, target));
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(code(), "token_missing");
  EXPECT_TRUE(response.fields.get("www-authenticate"));
  EXPECT_FALSE(send(http::Method::kGet, target, {{"authorization", good}, {"Authorization", good}}));
  EXPECT_EQ(response.status, 400);
  for (const std::string& value : std::vector<std::string>{"Bearer", "Basic " + good.substr(7), good.substr(7), "Bearer a b",
                                                           "xBearer " + good.substr(7), good + ", " + good}) {
    EXPECT_FALSE(send(http::Method::kGet, target, {{"authorization", value}})) << value;
    EXPECT_EQ(response.status, 401) << value;
    EXPECT_EQ(code(), "token_invalid") << value;
  }
  EXPECT_TRUE(send(http::Method::kGet, target, {{"authorization", "bearer " + good.substr(7)}}));
}

TEST_F(GatewayTest, ExpiredTokensSaySo) {
  EXPECT_FALSE(get("/v1/shape?table=items&offset=-1&" + std::string(kWhere), api_grant(kItemsClaim, -120)));
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(code(), "token_expired");
}

const std::string kLive = "/v1/shape?table=items&offset=0_0&handle=h-1&live=true&" + std::string(kWhere);
constexpr std::int64_t kSoon_s = 2;

TEST_F(GatewayTest, AHeldPollIsRefusedWhenItsGrantEnds) {
  origin.manner = RecordingOrigin::Manner::kNever;
  EXPECT_TRUE(get(kLive, api_grant(kItemsClaim, kSoon_s)));
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(code(), "token_expired");
  EXPECT_EQ(response.fields.get("www-authenticate"), R"(Bearer error="invalid_token")");
  EXPECT_NE(metrics.text().find(R"(sluice_refusals_total{code="token_expired"} 1)"), std::string::npos);
}

TEST_F(GatewayTest, AnEventStreamThatBeganAtOnceEndsWithItsGrant) {
  origin.manner = RecordingOrigin::Manner::kEvents;
  EXPECT_TRUE(get(kLive + "&live_sse=true", api_grant(kItemsClaim, kSoon_s)));
  EXPECT_EQ(response.status, 200);
  ASSERT_NE(response.stream, nullptr);
  ASSERT_NE(metrics.text().find("sluice_held_requests 1"), std::string::npos);
  run(read_to_its_end());
  response.clear();
  EXPECT_NE(metrics.text().find("sluice_held_requests 0"), std::string::npos);
}

TEST_F(GatewayTest, NothingIsHeldForTheLeewayOfAGrant) {
  const std::string ended = api_grant(kItemsClaim, -1);
  EXPECT_TRUE(get("/v1/shape?table=items&offset=-1&" + std::string(kWhere), ended));
  origin.manner = RecordingOrigin::Manner::kEvents;
  EXPECT_FALSE(get(kLive + "&live_sse=true", ended));
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(code(), "token_expired");
}

TEST_F(GatewayTest, H63_AnswersArePrivateToTheClient) {
  get("/v1/shapes/items?offset=-1", identity_token());
  EXPECT_EQ(response.fields.get("cache-control"), "private, no-cache");
  EXPECT_EQ(response.fields.get("cdn-cache-control"), "no-store");
  EXPECT_FALSE(response.fields.get("surrogate-control"));
  EXPECT_EQ(response.fields.get("vary"), "Origin, Authorization");
  EXPECT_TRUE(send(http::Method::kGet, "/v1/shapes/orgs?offset=-1"));
  EXPECT_EQ(response.fields.get("cache-control"), "public, max-age=604800");
}

TEST_F(GatewayTest, H64_OnlyListedOriginsAreAllowed) {
  const std::string target = "/v1/shapes/orgs?offset=-1";
  send(http::Method::kGet, target, {{"origin", "https://app.example.com"}});
  EXPECT_EQ(response.fields.get("access-control-allow-origin"), "https://app.example.com");
  for (const char* other :
       {"https://evil.example.com", "null", "https://app.example.com.evil.com", "http://app.example.com"}) {
    send(http::Method::kGet, target, {{"origin", other}});
    EXPECT_FALSE(response.fields.get("access-control-allow-origin")) << other;
    EXPECT_EQ(response.fields.get("vary"), "Origin, Authorization");
  }
  send(http::Method::kGet, "/v1/shapes/items?offset=-1", {{"origin", "https://app.example.com"}});
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(response.fields.get("access-control-allow-origin"), "https://app.example.com");
}

TEST_F(GatewayTest, GatekeeperAnswersShapeStreamOptions) {
  send(http::Method::kPost, "/gatekeeper/items", {{"authorization", "Bearer " + identity_token()}});
  ASSERT_EQ(response.status, 200) << text();
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
  EXPECT_EQ(response.status, 401);
  send(http::Method::kPost, "/gatekeeper/secrets", alice);
  EXPECT_EQ(response.status, 403);
  send(http::Method::kPost, "/gatekeeper/items", alice, R"({"where":"org_id = $1","params":["8"]})");
  EXPECT_EQ(response.status, 403);
  send(http::Method::kPost, "/gatekeeper/items", alice, R"({"where":"org_id = $1","params":["7"]})");
  EXPECT_EQ(response.status, 200) << text();
  send(http::Method::kPost, "/gatekeeper/items?where=org_id%20%3D%20", alice);
  EXPECT_NE(response.status, 200);
  send(http::Method::kPost, "/gatekeeper/items", alice, R"({"where":7})");
  EXPECT_EQ(response.status, 400);
  EXPECT_NE(text().find(R"("parameter":"where")"), std::string::npos);
  send(http::Method::kPost, "/gatekeeper/items", alice, R"({"table":"secrets"})");
  EXPECT_EQ(response.status, 400);
  send(http::Method::kGet, "/gatekeeper/items", alice);
  EXPECT_EQ(response.status, 404);
}

TEST_F(GatewayTest, WhatIsRefusedIsCountedAndNeverAsked) {
  get("/v1/shape?table=items&offset=-1", "garbage");
  get("/v1/shape?table=secrets&offset=-1&" + std::string(kWhere), api_grant(kItemsClaim));
  EXPECT_NE(metrics.text().find("sluice_origin_requests_total 0"), std::string::npos);
  get("/v1/shapes/items?offset=-1", identity_token());
  EXPECT_NE(metrics.text().find("sluice_origin_requests_total 1"), std::string::npos);
  EXPECT_NE(metrics.text().find(R"(sluice_refusals_total{code="shape_forbidden"} 1)"), std::string::npos);
}

}  // namespace
}  // namespace sluice::gateway

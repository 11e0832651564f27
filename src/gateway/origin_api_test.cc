#include "gateway/origin_api.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace sluice::gateway {
namespace {

// Keeps what it was asked, and answers with nothing.
class AskedOrigin final : public origin::Origin {
 public:
  Task<void> serve(std::shared_ptr<const origin::AuthorizedRequest> request, http::Response&) override {
    asked = std::move(request);
    return {};
  }
  Health health() const override { return now; }
  void drain() override {}

  std::shared_ptr<const origin::AuthorizedRequest> asked;
  Health now = Health::kActive;
};

class OriginApiTest : public testing::Test {
 protected:
  OriginApiTest() {
    OriginApiOptions options;
    options.secret = "swordfish";
    api_ = std::make_unique<OriginApi>(options, origin_);
  }

  void ask(http::Method method, std::string_view path, std::string_view query = "", std::string_view body = "") {
    http::Request request;
    request.method = method;
    request.path = path;
    request.query = query;
    request.body = body;
    request.fields = &fields_;
    response_.clear();
    origin_.asked.reset();
    EXPECT_FALSE(api_->handle(request, response_).valid());
  }
  void get(std::string_view query) { ask(http::Method::kGet, "/v1/shape", query); }
  std::string body() const {
    std::string out;
    for (const Buffer& buffer : response_.buffers) out += buffer.bytes();
    return out;
  }

  AskedOrigin origin_;
  std::unique_ptr<OriginApi> api_;
  http::Fields fields_;
  http::Response response_;
};

TEST_F(OriginApiTest, RefusesToBeMadeWithoutASecretUnlessInsecure) {
  EXPECT_THROW(OriginApi({}, origin_), std::invalid_argument);
  OriginApiOptions insecure;
  insecure.insecure = true;
  EXPECT_NO_THROW(OriginApi(insecure, origin_));
}

TEST_F(OriginApiTest, AsksTheOriginOnlyWithTheSecret) {
  for (const char* query : {"", "secret=", "secret=swordfis", "secret=swordfishes", "secret=%zz", "api_secret=x",
                            "secret=swordfish&secret=swordfish"}) {
    get("table=t&offset=-1&" + std::string(query));
    EXPECT_EQ(response_.status, 401) << query;
    EXPECT_EQ(body(), R"({"message":"Unauthorized - Invalid API secret"})");
    EXPECT_EQ(response_.fields.get("access-control-allow-origin"), std::nullopt);
    EXPECT_EQ(origin_.asked, nullptr);
  }
  for (const char* query : {"secret=swordfish", "api_secret=swordfish"}) {
    get("table=t&offset=-1&" + std::string(query));
    EXPECT_NE(origin_.asked, nullptr) << query;
  }
}

TEST_F(OriginApiTest, WhoAsksInTheSameWordsSharesOneRequest) {
  const std::string query = "secret=swordfish&table=t&offset=7_0&handle=1-2&live=true";
  get(query);
  const auto first = origin_.asked;
  get(query);
  EXPECT_EQ(origin_.asked, first);
  EXPECT_EQ(response_.fields.get("access-control-allow-origin"), "*");
  get(query + "&cursor=1");
  EXPECT_NE(origin_.asked, first);
  EXPECT_EQ(origin_.asked->shape().position.cursor, "1");
  for (std::string_view wrong : {"secret=swordfisH&table=t&offset=7_0&handle=1-2&live=true", "table=t&offset=7_0"}) {
    get(wrong);
    EXPECT_EQ(response_.status, 401);
    EXPECT_EQ(origin_.asked, nullptr);
  }
}

TEST_F(OriginApiTest, SharesNoRequestOfAnotherMethodNorWhatIsConditional) {
  const std::string query = "secret=swordfish&table=t&offset=-1";
  get(query);
  const auto first = origin_.asked;
  ask(http::Method::kHead, "/v1/shape", query);
  EXPECT_EQ(origin_.asked->verb(), origin::Verb::kHead);
  ask(http::Method::kDelete, "/v1/shape", query);
  EXPECT_EQ(origin_.asked->verb(), origin::Verb::kDelete);
  fields_.add("if-none-match", "\"x\"");
  get(query);
  EXPECT_EQ(origin_.asked->if_none_match(), "\"x\"");
  fields_.clear();
  get(query);
  EXPECT_EQ(origin_.asked, first);
  EXPECT_EQ(origin_.asked->if_none_match(), std::nullopt);
}

TEST_F(OriginApiTest, HandsOnWhatWasParsed) {
  fields_.add("if-none-match", "\"x\"");
  get("secret=swordfish&table=Items&where=a%3D1&offset=7_0&handle=1-2&live=true");
  ASSERT_NE(origin_.asked, nullptr);
  EXPECT_EQ(origin_.asked->verb(), origin::Verb::kGet);
  EXPECT_EQ(origin_.asked->if_none_match(), "\"x\"");
  EXPECT_EQ(origin_.asked->shape().definition.table().name, "items");
  EXPECT_EQ(origin_.asked->shape().position.live, shape::Live::kLongPoll);
  EXPECT_EQ(origin_.asked->shape().position.offset.print(), "7_0");
}

TEST_F(OriginApiTest, NamesTheParameterAtFault) {
  struct Case {
    const char* query;
    const char* blamed;
  };
  for (const Case& it : {Case{"log=full", "offset"}, Case{"offset=-1", "table"}, Case{"table=t", "offset"},
                         Case{"table=t&offset=x", "offset"}, Case{"table=t&offset=0_0", "handle"},
                         Case{"table=t&offset=-1&live=true", "live"}, Case{"table=t&offset=-1&replica=x", "replica"},
                         Case{"table=t&offset=-1&where=%24x", "where"}}) {
    get("secret=swordfish&" + std::string(it.query));
    EXPECT_EQ(response_.status, 400) << it.query;
    EXPECT_TRUE(body().starts_with(std::string(R"({"message":"Invalid request","errors":{")") + it.blamed + "\":["))
        << body();
    EXPECT_EQ(response_.fields.get("cache-control"), "no-store");
    EXPECT_EQ(origin_.asked, nullptr);
  }
}

TEST_F(OriginApiTest, TakesASubsetFromTheBody) {
  ask(http::Method::kPost, "/v1/shape", "secret=swordfish&table=t&offset=-1",
      R"({"where":"a = $1","params":{"1":"x"},"order_by":"a","limit":3})");
  ASSERT_NE(origin_.asked, nullptr) << body();
  ASSERT_TRUE(origin_.asked->shape().subset);
  EXPECT_EQ(origin_.asked->shape().subset->where, "a = $1");
  EXPECT_EQ(origin_.asked->shape().subset->limit, 3u);
}

TEST_F(OriginApiTest, SaysWhatABodyIsNot) {
  constexpr std::string_view kQuery = "secret=swordfish&table=t&offset=-1";
  ask(http::Method::kPost, "/v1/shape", kQuery, "nope");
  EXPECT_EQ(response_.status, 400);
  EXPECT_EQ(body(), R"x({"error":"Invalid JSON in request body","details":"unexpected byte at position 0: 0x6E (\"n\")"})x");
  ask(http::Method::kPost, "/v1/shape", kQuery, "[1]");
  EXPECT_EQ(body(), R"({"error":"Request body must be a JSON object"})");
  ask(http::Method::kPost, "/v1/shape", kQuery, R"({"limit":0})");
  EXPECT_TRUE(body().starts_with(R"({"message":"Invalid request","errors":{"subset":{"limit":[)")) << body();
  EXPECT_EQ(response_.fields.get("cache-control"), "no-cache");
}

TEST_F(OriginApiTest, AnswersPreflightsAndOtherPathsWithoutASecret) {
  ask(http::Method::kOptions, "/v1/shape", "table=t");
  EXPECT_EQ(response_.status, 204);
  EXPECT_EQ(response_.fields.get("access-control-max-age"), "86400");
  ask(http::Method::kGet, "/");
  EXPECT_EQ(response_.status, 200);
  EXPECT_EQ(body(), "");
  ask(http::Method::kGet, "/v1/nothing");
  EXPECT_EQ(response_.status, 404);
  EXPECT_EQ(body(), "Not found");
  ask(http::Method::kPut, "/v1/shape");
  EXPECT_EQ(response_.status, 404);
}

TEST_F(OriginApiTest, TellsTheOriginsHealth) {
  ask(http::Method::kGet, "/v1/health");
  EXPECT_EQ(response_.status, 200);
  EXPECT_EQ(body(), R"({"status":"active"})");
  origin_.now = origin::Origin::Health::kStarting;
  ask(http::Method::kGet, "/v1/health");
  EXPECT_EQ(response_.status, 202);
  EXPECT_EQ(body(), R"({"status":"starting"})");
  EXPECT_EQ(response_.fields.get("cache-control"), "no-cache, no-store, must-revalidate");
}

TEST_F(OriginApiTest, EveryAnswerHasAnIdOfItsOwn) {
  get("");
  auto first = std::string(response_.fields.get("x-request-id").value());
  get("");
  EXPECT_EQ(first.size(), 32u);
  EXPECT_NE(response_.fields.get("x-request-id"), first);
  EXPECT_NE(response_.fields.get("electric-server"), std::nullopt);
}

}  // namespace
}  // namespace sluice::gateway

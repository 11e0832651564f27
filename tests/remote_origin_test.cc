// The gateway before a remote origin that misbehaves in the ways that a real one does not on request.
#include <gtest/gtest.h>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <functional>
#include <mutex>
#include <thread>

#include "gateway/gateway.h"
#include "http/client.h"
#include "http/server.h"
#include "origin/remote/remote_origin.h"

namespace sluice {
namespace {

// Keeps the last request's head, answers as told.
class Upstream : public http::Handler {
 public:
  using Answer = std::function<void(const http::Request&, http::Response&)>;

  Task<void> handle(const http::Request& request, http::Response& response) override {
    const std::lock_guard lock(mutex_);
    ++asked_;
    method_ = request.method;
    target_ = std::string(request.path) + "?" + std::string(request.query);
    body_ = std::string(request.body);
    fields_.clear();
    for (std::size_t i = 0; i < request.fields->size(); ++i)
      fields_ += std::string(request.fields->at(i).name) + ": " + std::string(request.fields->at(i).value) + "\n";
    if (answer) answer(request, response);
    return {};
  }
  std::string target() const { return locked(target_); }
  std::string body() const { return locked(body_); }
  std::string fields() const { return locked(fields_); }
  int asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

  Answer answer;  // set before the request is sent

 private:
  std::string locked(const std::string& text) const {
    const std::lock_guard lock(mutex_);
    return text;
  }
  mutable std::mutex mutex_;
  http::Method method_ = http::Method::kOther;
  std::string target_, body_, fields_;
  int asked_ = 0;
};

struct Answered {
  int status = 0;
  http::Fields fields;
  std::string body;
  bool cut = false;
};

Task<void> send(http::Client& client, http::ClientRequest request, Answered& answered) {
  auto response = co_await client.send(std::move(request));
  if (!response) co_return;
  answered.status = response->status;
  answered.fields = std::move(response->fields);
  while (true) {
    auto piece = co_await response->body->next();
    if (!piece) answered.cut = true;
    if (!piece || piece->empty()) co_return;
    answered.body += piece->bytes();
  }
}

gateway::GatewayOptions gateway_options() {
  gateway::GatewayOptions options;
  options.public_url = "http://sluice";
  policy::ShapeTemplateConfig items;
  items.table = "items";
  items.where = "a = $1";
  items.params = {"x y&secret=z"};
  options.shapes.emplace("items", gateway::NamedShape{*policy::ShapeTemplate::make(items), true});
  return options;
}

http::ClientOptions client_to(const std::string& address) {
  http::ClientOptions options;
  options.origin = *http::Url::parse("http://" + address);
  return options;
}

class RemoteOriginTest : public ::testing::Test {
 protected:
  RemoteOriginTest() {
    upstream_server.start();
    origin::RemoteOptions options;
    options.client = client_to(upstream_server.addresses().front());
    options.secret = "s3cret & more";
    origin.emplace(options);
    gateway.emplace(gateway_options(), gateway::GatewayParts{*origin, metrics, revocations, *store, audit});
    gateway_server.emplace(http::ServerOptions{{"127.0.0.1:0"}, 1, {}}, *gateway);
    gateway_server->start();
  }
  // Requests hold references to the origin until their server's threads have ended.
  ~RemoteOriginTest() override {
    gateway_server.reset();
    upstream_server.stop_now();
    upstream_server.join();
  }

  Answered ask(const std::string& target, http::Method method = http::Method::kGet, std::string body = {},
               std::vector<std::pair<std::string, std::string>> fields = {}) {
    boost::asio::io_context context;
    http::Client client(client_to(gateway_server->addresses().front()));
    http::ClientRequest request;
    request.method = method;
    request.target = target;
    request.body = std::move(body);
    for (const auto& [name, value] : fields) request.fields.add(name, value);
    Answered answered;
    boost::asio::co_spawn(context, send(client, std::move(request), answered), [](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
    context.run();
    return answered;
  }

  Upstream upstream;
  http::Server upstream_server{{{"127.0.0.1:0"}, 1, {}}, upstream};
  gateway::Metrics metrics;
  gatekeeper::Revocations revocations;
  std::unique_ptr<gatekeeper::RevocationStore> store = gatekeeper::memory_revocations(revocations);
  gateway::Audit audit{{.enabled = false}};
  std::optional<origin::RemoteOrigin> origin;
  std::optional<gateway::Gateway> gateway;
  std::optional<http::Server> gateway_server;
};

Upstream::Answer answer_with(int status, std::string_view body = "[]") {
  return [=](const http::Request&, http::Response& response) {
    response.status = status;
    response.fields.add("content-type", "application/json");
    response.fields.add("electric-handle", "h");
    response.fields.add("electric-offset", "0_0");
    response.fields.add("set-cookie", "a=b");
    response.fields.add("access-control-allow-origin", "*");
    response.fields.add("cache-control", "public, max-age=5");
    response.buffers.push_back(Buffer::of_static(body));
  };
}

TEST_F(RemoteOriginTest, AsksFromParsedValuesWithTheSecret) {
  upstream.answer = answer_with(200);
  const Answered answered =
      ask("/v1/shapes/items?offset=-1&cache-buster=1-a", http::Method::kGet, {},
          {{"cookie", "c=1"}, {"authorization", "Bearer x"}, {"x-forwarded-host", "evil"}, {"if-none-match", "\"e\""}});
  EXPECT_EQ(answered.status, 200);
  EXPECT_EQ(answered.body, "[]");
  EXPECT_EQ(
      upstream.target(),
      "/v1/"
      "shape?cache-buster=1-a&offset=-1&params%5B1%5D=x%20y%26secret%3Dz&table=%22public%22.%22items%22&where=a%20%3D%20%241"
      "&secret=s3cret%20%26%20more");
  const std::string fields = upstream.fields();
  EXPECT_EQ(fields.find("cookie"), std::string::npos) << fields;
  EXPECT_EQ(fields.find("uthorization"), std::string::npos) << fields;
  EXPECT_EQ(fields.find("evil"), std::string::npos) << fields;
  EXPECT_NE(fields.find("if-none-match: \"e\""), std::string::npos) << fields;
}

TEST_F(RemoteOriginTest, PassesTheProtocolsFieldsAndNoOthers) {
  upstream.answer = answer_with(200);
  const Answered answered = ask("/v1/shapes/items?offset=-1");
  EXPECT_TRUE(answered.fields.get("electric-handle").value_or("").starts_with("h.")) << "sealed";
  EXPECT_EQ(answered.fields.get("electric-offset"), "0_0");
  EXPECT_EQ(answered.fields.get("cache-control"), "public, max-age=5");
  EXPECT_FALSE(answered.fields.get("set-cookie"));
  EXPECT_FALSE(answered.fields.get("access-control-allow-origin"));
}

TEST_F(RemoteOriginTest, NotModifiedAndMustRefetchStayWhatTheyAre) {
  upstream.answer = answer_with(304, "");
  EXPECT_EQ(ask("/v1/shapes/items?offset=-1", http::Method::kGet, {}, {{"if-none-match", "\"e\""}}).status, 304);
  upstream.answer = answer_with(409, R"([{"headers":{"control":"must-refetch"}}])");
  const Answered answered = ask("/v1/shapes/items?offset=0_0&handle=g");
  EXPECT_EQ(answered.status, 409);
  EXPECT_TRUE(answered.fields.get("electric-handle").value_or("").starts_with("h.")) << "sealed";
  EXPECT_EQ(answered.body, R"([{"headers":{"control":"must-refetch"}}])");
}

TEST_F(RemoteOriginTest, OurWrongSecretIsNotTheUsersFault) {
  for (const int status : {401, 403}) {
    upstream.answer = answer_with(status, R"({"message":"Unauthorized - Invalid API secret"})");
    const Answered answered = ask("/v1/shapes/items?offset=-1");
    EXPECT_EQ(answered.status, 502);
    EXPECT_EQ(answered.body.find("secret"), std::string::npos);
  }
}

TEST_F(RemoteOriginTest, H65_RedirectsAreNotFollowedNorPassedOn) {
  for (const int status : {301, 302, 307, 308}) {
    upstream.answer = [=](const http::Request&, http::Response& response) {
      response.status = status;
      response.fields.add("location", "http://127.0.0.1:1/");
    };
    const int before = upstream.asked();
    const Answered answered = ask("/v1/shapes/items?offset=-1");
    EXPECT_EQ(answered.status, 502);
    EXPECT_FALSE(answered.fields.get("location"));
    EXPECT_EQ(upstream.asked(), before + 1);
  }
}

TEST_F(RemoteOriginTest, BusyOriginsSayWhenToComeBack) {
  upstream.answer = [](const http::Request&, http::Response& response) {
    response.status = 503;
    response.fields.add("retry-after", "7");
  };
  const Answered answered = ask("/v1/shapes/items?offset=-1");
  EXPECT_EQ(answered.status, 503);
  EXPECT_EQ(answered.fields.get("retry-after"), "7");
}

TEST_F(RemoteOriginTest, AnUnreachableOriginIs503) {
  upstream_server.stop_now();
  upstream_server.join();
  const Answered answered = ask("/v1/shapes/items?offset=-1");
  EXPECT_EQ(answered.status, 503);
  EXPECT_TRUE(answered.fields.get("retry-after"));
  EXPECT_EQ(origin->health(), origin::Origin::Health::kUnavailable);
}

TEST_F(RemoteOriginTest, E1_ASubsetIsSentAnewAndNothingElseOfTheBody) {
  upstream.answer = answer_with(200, R"({"data":[]})");
  const Answered answered = ask("/v1/shapes/items?offset=0_0&handle=h", http::Method::kPost,
                                R"({ "limit" : 5 , "order_by":"id","where":"b = $1","params":{"1":"q"} })",
                                {{"content-type", "application/json"}});
  EXPECT_EQ(answered.status, 200);
  EXPECT_EQ(upstream.body().find(R"({"subset":{)"), 0u) << upstream.body();
  EXPECT_EQ(upstream.target().find("subset"), std::string::npos);
}

TEST_F(RemoteOriginTest, ABodyThatBreaksOffIsSeenToBreakOff) {
  class Broken : public http::BodyStream {
   public:
    Task<std::expected<Buffer, http::BodyError>> next() override {
      if (count_++ == 0) co_return Buffer::of_static("[1,");
      co_return std::unexpected(http::BodyError::kUpstream);
    }

   private:
    int count_ = 0;
  };
  upstream.answer = [](const http::Request&, http::Response& response) { response.stream = std::make_unique<Broken>(); };
  const Answered answered = ask("/v1/shapes/items?offset=-1");
  EXPECT_TRUE(answered.cut);
}

// Says nothing for longer than any test lasts.
class Silent : public http::BodyStream {
 public:
  Task<std::expected<Buffer, http::BodyError>> next() override {
    using Clock = std::chrono::steady_clock;
    boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, Executor> timer(
        co_await boost::asio::this_coro::executor, std::chrono::seconds(60));
    co_await timer.async_wait(use_task);
    co_return Buffer();
  }
};

TEST_F(RemoteOriginTest, HeldRequestsAreCutWhenTheGatewayDrains) {
  upstream.answer = [](const http::Request&, http::Response& response) {
    response.fields.add("content-type", "text/event-stream");
    response.stream = std::make_unique<Silent>();
  };
  std::thread drainer([&] {
    while (metrics.text().find("sluice_held_requests 1") == std::string::npos) std::this_thread::yield();
    gateway->drain();
  });
  const Answered answered = ask("/v1/shapes/items?offset=0_0&handle=h&live=true&live_sse=true");
  drainer.join();
  EXPECT_TRUE(answered.status == 200 || answered.status == 503);
  EXPECT_FALSE(answered.cut);
  while (metrics.text().find("sluice_held_requests 0") == std::string::npos) std::this_thread::yield();
}

}  // namespace
}  // namespace sluice

#include "policy/http_authorizer.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mutex>
#include <thread>

#include "base/bytes.h"
#include "http/server.h"
#include "http/testing.h"
#include "policy/http_exchange.h"
#include "policy/test_authorizer.h"
#include "policy/test_principal.h"

namespace sluice::policy {
namespace {

using namespace std::chrono_literals;
using Kind = Decision::Kind;

constexpr char kSecret[] = "a secret of thirty-two bytes, or more";
const shape::Definition kItems = test_definition("items");

// What the API was sent.
struct Seen {
  std::string method, path, body, timestamp, signature, content_type;
};

// An API that answers as told.
class Api {
 public:
  explicit Api(int status = 200, std::string body = R"({"allow":true})")
      : status_(status),
        body_(std::move(body)),
        handler_([this](const http::Request& request, http::Response& response) { return answer(request, response); }),
        server_({.listen = {"127.0.0.1:0"}, .threads = 1, .limits = {}}, handler_) {
    server_.start();
  }

  std::string url() const { return "http://" + server_.addresses().front() + "/sluice/authorize"; }
  std::vector<Seen> seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  std::uint64_t connections() const { return server_.stats().connections_accepted; }

 private:
  Task<void> answer(const http::Request& request, http::Response& response) {
    const auto field = [&](const char* name) { return std::string(request.fields->get(name).value_or("")); };
    const std::lock_guard lock(mutex_);
    seen_.push_back({std::string(to_string(request.method)), std::string(request.path), std::string(request.body),
                     field("sluice-timestamp"), field("sluice-signature"), field("content-type")});
    response.status = status_;
    if (status_ == 307) response.fields.add("Location", "/elsewhere");
    response.buffers.push_back(Buffer::of(body_));
    return {};
  }

  const int status_;
  const std::string body_;
  std::mutex mutex_;
  std::vector<Seen> seen_;
  http::testing::FunctionHandler handler_;
  http::Server server_;
};

// Accepts connections in turn and does this with each: reads what comes, sends the text, closes.
class RawApi {
 public:
  explicit RawApi(std::vector<std::string> answers) : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t bytes = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), bytes), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &bytes);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this, script = std::move(answers)] { serve(script); });
  }
  ~RawApi() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }
  int accepted() const { return accepted_; }

 private:
  void serve(const std::vector<std::string>& script) {
    for (const std::string& answer : script) {
      const int socket = ::accept(listener_, nullptr, nullptr);
      if (socket < 0) return;
      ++accepted_;
      char bytes[64 * 1024];
      ::recv(socket, bytes, sizeof bytes, 0);
      ::send(socket, answer.data(), answer.size(), MSG_NOSIGNAL);
      ::shutdown(socket, SHUT_WR);
      while (::recv(socket, bytes, sizeof bytes, 0) > 0) continue;
      ::close(socket);
    }
  }

  int listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> accepted_{0};
  std::jthread thread_;
};

HttpAuthorizerConfig config_for(std::string url) {
  HttpAuthorizerConfig config;
  config.name = "api";
  config.line = 40;
  config.url = std::move(url);
  config.secret = kSecret;
  config.timeout = 20s;
  return config;
}

std::unique_ptr<HttpAuthorizer> make(const HttpAuthorizerConfig& config) {
  auto made = HttpAuthorizer::make(config);
  if (!made) throw std::runtime_error(made.error());
  return std::move(*made);
}

Decision ask(const HttpAuthorizerConfig& config, const Principal& principal = test_principal(""),
             const shape::Definition& asked = kItems) {
  return decide(*make(config), principal, asked);
}

std::string raw_answer(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST(HttpAuthorizer, AsksTheApi) {
  Api api;
  const Decision decision = ask(config_for(api.url()));
  EXPECT_EQ(decision.kind, Kind::kAllow) << decision.reason;
  EXPECT_EQ(decision.authorizer, "api");
  EXPECT_EQ(decision.line, 40);
  ASSERT_EQ(api.seen().size(), 1u);
  const Seen seen = api.seen().front();
  EXPECT_EQ(seen.method + " " + seen.path, "POST /sluice/authorize");
  EXPECT_EQ(seen.content_type, "application/json");
  EXPECT_EQ(seen.body, write_http_question(test_principal(""), kItems));
}

TEST(HttpAuthorizer, SignsWhatItAsks) {
  Api api;
  ask(config_for(api.url()));
  const Seen seen = api.seen().front();
  const std::int64_t timestamp_s = std::stoll(seen.timestamp);
  EXPECT_LE(std::abs(timestamp_s - std::time(nullptr)), 60);
  EXPECT_EQ(seen.signature, http_signature(*token::Key::hmac_sha256(kSecret), timestamp_s, seen.body));
}

TEST(HttpAuthorizer, DeniesAndAbstainsAsTheApiSays) {
  Api denies(200, R"({"allow":false,"reason":"not a member"})"), abstains(200, R"({"abstain":true})");
  EXPECT_EQ(ask(config_for(denies.url())).kind, Kind::kDeny);
  EXPECT_EQ(ask(config_for(denies.url())).reason, "not a member");
  EXPECT_EQ(ask(config_for(abstains.url())).kind, Kind::kAbstain);
}

TEST(HttpAuthorizer, GrantsANarrowerShape) {
  Api api(200, R"({"allow":true,"shape":{"table":"items","where":"org_id = 7"}})");
  const Decision decision = ask(config_for(api.url()));
  ASSERT_EQ(decision.kind, Kind::kAllow) << decision.reason;
  EXPECT_EQ(decision.granted->definition, test_definition("items", "org_id = 7"));
}

TEST(HttpAuthorizer, H61_OtherStatusesHaveFailed) {
  for (const int status : {201, 204, 307, 400, 401, 403, 404, 500, 503}) {
    Api api(status);
    EXPECT_EQ(ask(config_for(api.url())).kind, Kind::kFailed) << status;
    EXPECT_EQ(api.seen().size(), 1u) << status;  // neither asked again nor followed
  }
}

TEST(HttpAuthorizer, OtherBodiesHaveFailed) {
  for (const std::string& body :
       {std::string("allow"), std::string(), std::string(R"({"allow":true})") + std::string(65'536, ' ')}) {
    Api api(200, body);
    EXPECT_EQ(ask(config_for(api.url())).kind, Kind::kFailed) << body.size();
  }
}

TEST(HttpAuthorizer, ABodyThatBreaksOffHasFailed) {
  RawApi api({"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"allow\":true}"});
  EXPECT_EQ(ask(config_for(api.url())).kind, Kind::kFailed);
}

TEST(HttpAuthorizer, H61_WhatTakesTooLongHasFailed) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);  // connects, and never answers
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t bytes = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), bytes), 0);
  ASSERT_EQ(::listen(listener, 4), 0);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &bytes);
  auto config = config_for("http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/");
  config.timeout = 50ms;
  const Decision decision = ask(config);
  EXPECT_EQ(decision.kind, Kind::kFailed);
  EXPECT_EQ(decision.authorizer, "api");
  ::close(listener);
}

TEST(HttpAuthorizer, AsksOnceMoreWhereTheConnectionEnded) {
  RawApi api({"", raw_answer(R"({"allow":true})")});
  EXPECT_EQ(ask(config_for(api.url())).kind, Kind::kAllow);
  EXPECT_EQ(api.accepted(), 2);
}

TEST(HttpAuthorizer, AsksNoThirdTime) {
  RawApi api({"", "", raw_answer(R"({"allow":true})")});
  EXPECT_EQ(ask(config_for(api.url())).kind, Kind::kFailed);
  EXPECT_EQ(api.accepted(), 2);
}

TEST(HttpAuthorizer, NobodyThereHasFailed) {
  std::string url;
  {
    RawApi gone({});
    url = gone.url();
  }
  EXPECT_EQ(ask(config_for(url)).kind, Kind::kFailed);
}

TEST(HttpAuthorizer, KeepsItsConnection) {
  Api api;
  const auto authorizer = make(config_for(api.url()));
  boost::asio::io_context context{1};
  for (int i = 0; i < 5; ++i) {
    const Principal principal = test_principal("");
    Kind kind = Kind::kFailed;
    boost::asio::co_spawn(context, authorizer->authorize(principal, kItems),
                          [&](std::exception_ptr, const Decision& decision) { kind = decision.kind; });
    context.restart();
    context.run();
    EXPECT_EQ(kind, Kind::kAllow);
  }
  EXPECT_EQ(api.connections(), 1u);
}

TEST(HttpAuthorizer, IsAskedAboutItsTablesOnly) {
  Api api;
  auto config = config_for(api.url());
  config.tables = {"items", "other.notes"};
  EXPECT_EQ(ask(config).kind, Kind::kAllow);
  EXPECT_EQ(ask(config, test_principal(""), test_definition("other.notes")).kind, Kind::kAllow);
  EXPECT_EQ(ask(config, test_principal(""), test_definition("notes")).kind, Kind::kAbstain);
  EXPECT_EQ(api.seen().size(), 2u);
}

TEST(HttpAuthorizer, J38_IsAskedAboutAnonymousCallersOnlyWhereItSaysSo) {
  Api api;
  auto config = config_for(api.url());
  EXPECT_EQ(ask(config, Principal::anonymous()).kind, Kind::kAbstain);
  EXPECT_TRUE(api.seen().empty());
  config.anonymous = true;
  EXPECT_EQ(ask(config, Principal::anonymous()).kind, Kind::kAllow);
}

TEST(HttpAuthorizer, BadConfigurationNamesTheKeyAndNoSecret) {
  const auto error = [](const HttpAuthorizerConfig& config) { return HttpAuthorizer::make(config).error(); };
  auto config = config_for("ftp://a/");
  EXPECT_TRUE(error(config).starts_with("authorizer 'api': url: ")) << error(config);
  config = config_for("http://a/?b=c");
  EXPECT_TRUE(error(config).starts_with("authorizer 'api': url: ")) << error(config);
  config = config_for("http://a/");
  config.secret = "canary";
  EXPECT_TRUE(error(config).starts_with("authorizer 'api': secret: ")) << error(config);
  EXPECT_EQ(error(config).find("canary"), std::string::npos);
  config = config_for("http://a/");
  config.tables = {"a.b.c"};
  EXPECT_TRUE(error(config).starts_with("authorizer 'api': tables: ")) << error(config);
  config = config_for("http://a/");
  config.timeout = 0ms;
  EXPECT_TRUE(error(config).starts_with("authorizer 'api': timeout_ms: ")) << error(config);
}

}  // namespace
}  // namespace sluice::policy

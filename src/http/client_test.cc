#include "http/client.h"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <thread>

#include "http/deadlines.h"
#include "http/testing.h"

namespace sluice::http {
namespace {

using namespace std::chrono_literals;
using testing::eventually;
using testing::TestServer;

// What a caller sees of an exchange.
struct Seen {
  std::expected<int, ClientError> status = std::unexpected(ClientError::kCancelled);
  Fields fields;
  std::optional<std::uint64_t> body_bytes;
  std::string body;
  std::optional<BodyError> body_error;
};

Task<Seen> ask(Client& client, ClientRequest request) {
  Seen seen;
  auto answer = co_await client.send(std::move(request));
  if (!answer) {
    seen.status = std::unexpected(answer.error());
    co_return seen;
  }
  seen.status = answer->status;
  seen.fields = std::move(answer->fields);
  seen.body_bytes = answer->body_bytes;
  while (true) {
    auto piece = co_await answer->body->next();
    if (!piece) {
      seen.body_error = piece.error();
      co_return seen;
    }
    if (piece->empty()) co_return seen;
    seen.body += piece->bytes();
  }
}

Seen run(boost::asio::io_context& context, Client& client, ClientRequest request) {
  Seen seen;
  boost::asio::co_spawn(context, ask(client, std::move(request)), [&](std::exception_ptr error, Seen result) {
    EXPECT_FALSE(error);
    seen = std::move(result);
  });
  context.restart();
  context.run();  // returns although idle connections remain
  return seen;
}

ClientRequest get(std::string target) {
  ClientRequest request;
  request.target = std::move(target);
  return request;
}

ClientOptions options_for(std::uint16_t port, const std::string& host = "127.0.0.1") {
  ClientOptions options;
  options.origin = *Url::parse("http://" + host + ":" + std::to_string(port));
  return options;
}

// Answers each connection with a script: what it reads is counted, what it sends is given.
class ScriptedOrigin {
 public:
  // For each connection in turn: the answers to its requests. It is closed after the last, or held where `hold`.
  explicit ScriptedOrigin(std::vector<std::vector<std::string>> connections, bool hold = false)
      : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t bytes = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), bytes), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &bytes);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this, hold, script = std::move(connections)] { serve(script, hold); });
  }
  ~ScriptedOrigin() {
    ::shutdown(listener_, SHUT_RDWR);
    ::shutdown(connection_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }

  std::uint16_t port() const { return port_; }
  int requests() const { return requests_; }
  bool client_left() const { return client_left_; }

 private:
  void serve(const std::vector<std::vector<std::string>>& script, bool hold) {
    for (const auto& answers : script) {
      const int socket = ::accept(listener_, nullptr, nullptr);
      if (socket < 0) return;
      connection_ = socket;
      for (const std::string& answer : answers) {
        if (!read_request(socket)) break;
        ::send(socket, answer.data(), answer.size(), MSG_NOSIGNAL);
      }
      if (hold) {
        char byte = 0;
        client_left_ = ::recv(socket, &byte, 1, 0) <= 0;
      }
      connection_ = -1;
      ::close(socket);
    }
  }

  bool read_request(int socket) {
    char bytes[4096];
    std::string text;
    while (text.find("\r\n\r\n") == std::string::npos) {
      const ssize_t n = ::recv(socket, bytes, sizeof bytes, 0);
      if (n <= 0) return false;
      text.append(bytes, static_cast<std::size_t>(n));
    }
    ++requests_;
    return true;
  }

  int listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> connection_{-1};
  std::atomic<int> requests_{0};
  std::atomic<bool> client_left_{false};
  std::jthread thread_;
};

class HttpClient : public ::testing::Test {
 protected:
  Seen ask_script(std::string answer, ClientRequest request = get("/")) {
    ScriptedOrigin origin({{std::move(answer)}});
    Client client(options_for(origin.port()));
    return run(context_, client, std::move(request));
  }

  boost::asio::io_context context_{1};
};

TEST_F(HttpClient, SendsRequestsAndReadsAnswers) {
  TestServer server;
  Client client(options_for(server.port()));
  ClientRequest request;
  request.method = Method::kPost;
  request.target = "/a?b=c";
  request.fields.add("X-Y", "z");
  request.fields.add("host", "evil");
  request.fields.add("content-length", "99");
  request.fields.add("Connection", "close");
  request.body = "hello";
  const Seen seen = run(context_, client, request);
  EXPECT_EQ(seen.status, 200);
  EXPECT_EQ(seen.body, "POST path=/a query=b=c body=hello\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                           "\nX-Y: z\nContent-Length: 5\n");
  EXPECT_EQ(seen.body_bytes, seen.body.size());
}

TEST_F(HttpClient, KeepsConnections) {
  TestServer server;
  Client client(options_for(server.port(), "localhost"));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(run(context_, client, get("/")).status, 200);
  ClientRequest head = get("/");
  head.method = Method::kHead;
  EXPECT_EQ(run(context_, client, head).status, 200);
  EXPECT_EQ(run(context_, client, get("/")).status, 200);
  EXPECT_EQ(server.server().stats().connections_accepted, 1u);
}

TEST_F(HttpClient, AnswersFromAServersOwnThread) {
  TestServer origin;
  Client client(options_for(origin.port()));
  struct Forward {
    static Task<void> run(Client& to, const Request& request, Response& response) {
      ClientRequest forwarded;
      forwarded.target = std::string(request.path);
      auto answer = co_await to.send(std::move(forwarded));
      if (!answer) co_return;
      response.status = answer->status;
      response.stream = std::move(answer->body);
      response.stream_bytes = answer->body_bytes;
    }
  };
  TestServer server([&](const Request& request, Response& response) { return Forward::run(client, request, response); }, {},
                    2);
  for (int i = 0; i < 10; ++i) {
    testing::RawClient raw(server.port());
    for (int n = 0; n < 3; ++n) {
      raw.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
      EXPECT_NE(raw.read_response().find("\r\n\r\nGET path=/x "), std::string::npos);
    }
  }
  EXPECT_LE(origin.server().stats().connections_accepted, 2u);  // one for each thread
}

TEST_F(HttpClient, StreamsLargeBodies) {
  const std::string body(3'000'000, 'b');
  TestServer server([&](const Request& request, Response& response) -> Task<void> {
    struct Two final : BodyStream {
      explicit Two(const std::string& b) : body(b) {}
      Task<std::expected<Buffer, BodyError>> next() override { co_return sent++ < 2 ? Buffer::of_static(body) : Buffer(); }
      const std::string& body;
      int sent = 0;
    };
    response.stream = std::make_unique<Two>(body);
    if (request.path == "/length") response.stream_bytes = 2 * body.size();
    return {};
  });
  Client client(options_for(server.port()));
  for (const char* path : {"/chunked", "/length", "/chunked"}) {
    const Seen seen = run(context_, client, get(path));
    EXPECT_EQ(seen.body.size(), 2 * body.size());
    EXPECT_TRUE(seen.body == body + body);
    EXPECT_FALSE(seen.body_error);
  }
  EXPECT_EQ(server.server().stats().connections_accepted, 1u);
}

TEST_F(HttpClient, ReadsBodiesUntilClose) {
  const Seen seen = ask_script("HTTP/1.1 200 OK\r\n\r\nuntil the end");
  EXPECT_EQ(seen.status, 200);
  EXPECT_EQ(seen.body_bytes, std::nullopt);
  EXPECT_EQ(seen.body, "until the end");
}

TEST_F(HttpClient, ReadsNoBodyWhereNoneCanBe) {
  for (const char* answer : {"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
                             "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}) {
    const Seen seen = ask_script(answer);
    EXPECT_TRUE(seen.status) << answer;
    EXPECT_EQ(seen.body_bytes, 0u);
    EXPECT_EQ(seen.body, "");
    EXPECT_FALSE(seen.body_error);
  }
}

TEST_F(HttpClient, SkipsInterimAnswers) {
  const Seen seen = ask_script("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_EQ(seen.status, 200);
  EXPECT_EQ(seen.fields.get("Link"), std::nullopt);
  EXPECT_EQ(seen.body, "ok");
}

TEST_F(HttpClient, RemovesHopByHopFields) {
  const Seen seen = ask_script(
      "HTTP/1.1 200 OK\r\nConnection: close, X-Hop , content-length\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nX-End: 2\r\n"
      "Upgrade: h2c\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_EQ(seen.fields.size(), 2u);
  EXPECT_EQ(seen.fields.get("x-end"), "2");
  EXPECT_EQ(seen.fields.get("content-length"), "2");
}

TEST_F(HttpClient, DoesNotFollowRedirects) {
  const Seen seen = ask_script("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(seen.status, 302);
}

TEST_F(HttpClient, H50_RefusesAnswersThatAreNotPlain) {
  for (const char* answer :
       {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
        "HTTP/1.1 200 OK\nX: a\n\n", "HTTP/1.1 200 OK\r\nX : a\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 99 X\r\n\r\n",
        "HTTP/1.1 600 X\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n", "<html>", "\r\n\r\n"}) {
    EXPECT_EQ(ask_script(answer).status, std::unexpected(ClientError::kBadAnswer)) << answer;
  }
}

TEST_F(HttpClient, BoundsTheAnswersHead) {
  const std::string start = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: ";
  EXPECT_EQ(ask_script(start + std::string(64 * 1024, 'x') + "\r\n\r\nok").status, std::unexpected(ClientError::kBadAnswer));
  EXPECT_EQ(ask_script(start + std::string(60 * 1024, 'x') + "\r\n\r\nok").body, "ok");
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 201; ++i) many += "X: y\r\n";
  EXPECT_EQ(ask_script(many + "\r\n").status, std::unexpected(ClientError::kBadAnswer));
}

TEST_F(HttpClient, TellsWhereABodyIsCutOrBroken) {
  for (const char* answer :
       {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\nhel"}) {
    const Seen seen = ask_script(answer);
    EXPECT_EQ(seen.status, 200);
    EXPECT_EQ(seen.body_error, BodyError::kUpstream) << answer;
  }
}

constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST_F(HttpClient, RepeatsAGetOnceOnAConnectionThatWasLost) {
  // The first connection reads a second request and closes without a byte.
  ScriptedOrigin origin({{kOk, ""}, {kOk}});
  Client client(options_for(origin.port()));
  EXPECT_EQ(run(context_, client, get("/")).status, 200);
  EXPECT_EQ(run(context_, client, get("/")).status, 200);
  EXPECT_EQ(origin.requests(), 3);
}

TEST_F(HttpClient, DoesNotRepeatAPost) {
  ScriptedOrigin origin({{kOk, ""}, {kOk}});
  Client client(options_for(origin.port()));
  ClientRequest post = get("/");
  post.method = Method::kPost;
  EXPECT_EQ(run(context_, client, post).status, 200);
  EXPECT_EQ(run(context_, client, post).status, std::unexpected(ClientError::kReset));
  EXPECT_EQ(origin.requests(), 2);
}

TEST_F(HttpClient, DoesNotRepeatOnAFreshConnection) {
  ScriptedOrigin origin({{""}, {kOk}});
  Client client(options_for(origin.port()));
  EXPECT_EQ(run(context_, client, get("/")).status, std::unexpected(ClientError::kReset));
}

TEST_F(HttpClient, DoesNotRepeatOnceAByteWasAnswered) {
  ScriptedOrigin origin({{kOk, "HTTP"}, {kOk}});
  Client client(options_for(origin.port()));
  EXPECT_EQ(run(context_, client, get("/")).status, 200);
  EXPECT_EQ(run(context_, client, get("/")).status, std::unexpected(ClientError::kReset));
  EXPECT_EQ(origin.requests(), 2);
}

TEST_F(HttpClient, DoesNotReuseAConnectionWithUnaskedBytes) {
  ScriptedOrigin origin({{std::string(kOk) + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"}, {kOk}});
  Client client(options_for(origin.port()));
  EXPECT_EQ(run(context_, client, get("/")).body, "ok");
  EXPECT_EQ(run(context_, client, get("/")).body, "ok");
}

TEST_F(HttpClient, DoesNotReuseAConnectionThatTheOriginCloses) {
  ScriptedOrigin origin({{"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"},
                         {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"},
                         {kOk}});
  Client client(options_for(origin.port()));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(run(context_, client, get("/")).body, "ok");
}

TEST_F(HttpClient, TellsWhyItCannotConnect) {
  std::uint16_t unused = 0;
  { unused = ScriptedOrigin({}).port(); }
  Client refused(options_for(unused));
  EXPECT_EQ(run(context_, refused, get("/")).status, std::unexpected(ClientError::kConnect));
  Client unknown(options_for(80, "does-not-exist.invalid"));
  EXPECT_EQ(run(context_, unknown, get("/")).status, std::unexpected(ClientError::kResolve));
}

TEST_F(HttpClient, TimesOutWaitingForAnAnswer) {
  ScriptedOrigin origin({{""}}, true);
  ClientOptions options = options_for(origin.port());
  options.answer_timeout = 200ms;
  Client client(options);
  EXPECT_EQ(run(context_, client, get("/")).status, std::unexpected(ClientError::kTimeout));
  EXPECT_TRUE(eventually([&] { return origin.client_left(); }));
}

TEST_F(HttpClient, TimesOutWithinABody) {
  ScriptedOrigin origin({{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"}}, true);
  ClientOptions options = options_for(origin.port());
  options.read_timeout = 200ms;
  Client client(options);
  const Seen seen = run(context_, client, get("/"));
  EXPECT_EQ(seen.status, 200);
  EXPECT_EQ(seen.body_error, BodyError::kUpstream);
}

TEST_F(HttpClient, BoundsItsConnections) {
  ScriptedOrigin origin({{kOk}}, true);
  ClientOptions options = options_for(origin.port());
  options.connections_max = 1;
  Client client(options);
  std::vector<std::expected<int, ClientError>> statuses;
  for (int i = 0; i < 2; ++i) {
    boost::asio::co_spawn(context_, ask(client, get("/")),
                          [&](std::exception_ptr, Seen seen) { statuses.push_back(seen.status); });
  }
  context_.run();
  ASSERT_EQ(statuses.size(), 2u);
  EXPECT_EQ(statuses[0], std::unexpected(ClientError::kTooManyConnections));
  EXPECT_EQ(statuses[1], 200);
}

TEST_F(HttpClient, A35_CancellingTheTaskClosesTheConnection) {
  ScriptedOrigin origin({{""}}, true);
  Client client(options_for(origin.port()));
  boost::asio::cancellation_signal cancel;
  Seen seen;
  bool ended = false;
  boost::asio::co_spawn(context_, ask(client, get("/")),
                        boost::asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr, Seen s) {
                          seen = std::move(s);
                          ended = true;
                        }));
  while (origin.requests() == 0) context_.run_for(1ms);
  cancel.emit(boost::asio::cancellation_type::terminal);
  context_.run();
  EXPECT_TRUE(ended);
  EXPECT_EQ(seen.status, std::unexpected(ClientError::kCancelled));
  EXPECT_TRUE(eventually([&] { return origin.client_left(); }));
}

TEST_F(HttpClient, A35_DestroyingTheBodyClosesTheConnection) {
  ScriptedOrigin origin({{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"}}, true);
  Client client(options_for(origin.port()));
  struct Leave {
    static Task<void> run(Client& c) {
      auto answer = co_await c.send(get("/"));
      EXPECT_TRUE(answer);
    }
  };
  boost::asio::co_spawn(context_, Leave::run(client), [](std::exception_ptr) {});
  context_.run();
  EXPECT_TRUE(eventually([&] { return origin.client_left(); }));
}

TEST_F(HttpClient, DropsIdleConnectionsAfterTheirTime) {
  ScriptedOrigin origin({{kOk}}, true);
  ClientOptions options = options_for(origin.port());
  options.idle_timeout = 200ms;
  Client client(options);
  EXPECT_EQ(run(context_, client, get("/")).status, 200);
  // The idle connection does not keep the context running; another deadline does.
  struct Other final : Deadline {
    using Deadline::Deadline;
    void expired() override { set(100ms); }
  } other(context_);
  other.set(100ms);
  context_.restart();
  EXPECT_TRUE(eventually([&] {
    context_.run_for(10ms);
    return origin.client_left();
  }));
}

TEST_F(HttpClient, IdleConnectionsEndWithTheirContext) {
  ScriptedOrigin origin({{kOk}}, true);
  Client client(options_for(origin.port()));
  {
    boost::asio::io_context other(1);
    EXPECT_EQ(run(other, client, get("/")).status, 200);
    EXPECT_FALSE(origin.client_left());
  }
  EXPECT_TRUE(eventually([&] { return origin.client_left(); }));
}

TEST(HttpUrl, ParsesPlainUrls) {
  const auto url = Url::parse("http://example.com");
  ASSERT_TRUE(url);
  EXPECT_FALSE(url->tls);
  EXPECT_EQ(url->host, "example.com");
  EXPECT_EQ(url->port, 80);
  EXPECT_EQ(url->path, "/");
  EXPECT_EQ(url->authority(), "example.com");
  EXPECT_EQ(Url::parse("https://a:8443/b/c")->authority(), "a:8443");
  EXPECT_EQ(Url::parse("https://a:8443/b/c")->path, "/b/c");
  EXPECT_TRUE(Url::parse("https://a")->tls);
  EXPECT_EQ(Url::parse("https://a:443")->authority(), "a");
  EXPECT_EQ(Url::parse("http://[::1]:3000/")->host, "::1");
  EXPECT_EQ(Url::parse("http://[::1]:3000/")->authority(), "[::1]:3000");
  EXPECT_EQ(Url::parse("http://[::1]")->authority(), "[::1]");
}

TEST(HttpUrl, RefusesOthers) {
  for (const char* text : {"",
                           "a",
                           "ftp://a",
                           "HTTP://a",
                           "http://",
                           "http://:80",
                           "http://a:",
                           "http://a:0",
                           "http://a:65536",
                           "http://u@a",
                           "http://u:p@a",
                           "http://a?b",
                           "http://a/?b",
                           "http://a/#c",
                           "http://a b",
                           "http://[::1",
                           "http://[zz]",
                           "http://a/%2e",
                           "http://a/../b",
                           "http://a//b",
                           "http://a\\b"}) {
    EXPECT_FALSE(Url::parse(text)) << text;
  }
}

}  // namespace
}  // namespace sluice::http

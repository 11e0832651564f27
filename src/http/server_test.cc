#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <cstdlib>
#include <thread>

#include "http/testing.h"

namespace sluice::http {
namespace {

using namespace std::chrono_literals;
using testing::echo;
using testing::eventually;
using testing::exchange;
using testing::fill_echo;
using testing::RawClient;
using testing::status_of;
using testing::TestServer;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

std::string body_of(const std::string& response) {
  return response.substr(response.find("\r\n\r\n") + 4);
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

// Pieces of a body, each ready at once or after a turn of the event loop.
class Pieces final : public BodyStream {
 public:
  Pieces(std::vector<std::string> pieces, bool at_once, std::atomic<int>* destroyed = nullptr)
      : pieces_(std::move(pieces)), at_once_(at_once), destroyed_(destroyed) {}
  ~Pieces() override {
    if (destroyed_ != nullptr) ++*destroyed_;
  }

  Task<std::expected<Buffer, BodyError>> next() override {
    if (!at_once_) {
      Timer timer(co_await boost::asio::this_coro::executor, 1ms);
      co_await timer.async_wait(use_task);
    }
    if (next_ == pieces_.size()) co_return Buffer();
    if (pieces_[next_] == "fail") co_return std::unexpected(BodyError::kUpstream);
    co_return Buffer::of(pieces_[next_++]);
  }

 private:
  std::vector<std::string> pieces_;
  std::size_t next_ = 0;
  const bool at_once_;
  std::atomic<int>* destroyed_;
};

TEST(HttpServer, AnswersKeptAliveRequests) {
  TestServer server;
  RawClient client(server.port());
  for (int i = 0; i < 3; ++i) {
    client.send("GET /a?b=c HTTP/1.1\r\nHost: a\r\nX-Y: z\r\n\r\n");
    const std::string response = client.read_response();
    EXPECT_TRUE(response.starts_with("HTTP/1.1 200 OK\r\nContent-Length: "));
    EXPECT_TRUE(has(response, "\r\nDate: "));
    EXPECT_EQ(body_of(response), "GET path=/a query=b=c body=\nHost: a\nX-Y: z\n");
  }
  EXPECT_EQ(server.server().stats().connections_accepted, 1u);
  EXPECT_EQ(server.server().stats().requests, 3u);
}

TEST(HttpServer, ReadsBodiesByLengthAndByChunks) {
  TestServer server;
  RawClient client(server.port());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_TRUE(has(client.read_response(), "body=hello\n"));
  client.send(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=\"y\"\r\nhel\r\n002\r\nlo\r\n0\r\nX: y\r\n\r\n");
  EXPECT_TRUE(has(client.read_response(), "body=hello\n"));
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n");
  EXPECT_TRUE(has(client.read_response(), "body=0123456789\n"));
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(has(client.read_response(), "body=\n"));
}

TEST(HttpServer, ReadsRequestsHoweverTheyAreCut) {
  TestServer server;
  const std::string requests =
      "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none"
      "POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n"
      "GET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  for (std::size_t cut = 1; cut < 40; ++cut) {
    RawClient client(server.port());
    for (std::size_t at = 0; at < requests.size(); at += cut) client.send(std::string_view(requests).substr(at, cut));
    EXPECT_TRUE(has(client.read_response(), "path=/1 query= body=one\n"));
    EXPECT_TRUE(has(client.read_response(), "path=/2 query= body=two\n"));
    EXPECT_TRUE(has(client.read_response(), "path=/3 "));
    EXPECT_EQ(client.read_to_end(), "");
  }
}

TEST(HttpServer, ReadsLargeHeadsAndBodies) {
  TestServer server;
  RawClient client(server.port());
  const std::string value(30'000, 'v');
  const std::string body(900'000, 'b');
  for (int i = 0; i < 2; ++i) {
    client.send("POST / HTTP/1.1\r\nHost: a\r\nX: " + value + "\r\nContent-Length: 900000\r\n\r\n" + body);
    const std::string response = client.read_response();
    EXPECT_TRUE(has(response, "X: " + value + "\n"));
    EXPECT_TRUE(has(response, "body=" + body + "\n"));
  }
}

TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
  std::atomic<int> n{0};
  TestServer server([&n](const Request& request, Response& response) -> Task<void> {
    if (n++ % 2 == 0) return echo(request, response);
    // Every other one takes a while.
    struct Later {
      static Task<void> run(const Request& r, Response& out) {
        Timer timer(co_await boost::asio::this_coro::executor, 1ms);
        co_await timer.async_wait(use_task);
        fill_echo(r, out);
      }
    };
    return Later::run(request, response);
  });
  RawClient client(server.port());
  std::string requests;
  for (int i = 0; i < 200; ++i) requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  client.send(requests);
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(has(client.read_response(), "path=/" + std::to_string(i) + " ")) << i;
  }
}

TEST(HttpServer, TellsThePeersAddress) {
  TestServer server([](const Request& request, Response& response) -> Task<void> {
    response.buffers.push_back(Buffer::of(std::string(request.peer)));
    return {};
  });
  EXPECT_EQ(body_of(exchange(server.port(), "GET / HTTP/1.0\r\n\r\n")), "127.0.0.1");
}

TEST(HttpServer, AnswersHeadWithoutABody) {
  TestServer server;
  RawClient client(server.port());
  client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string head = client.read_until("\r\n\r\n");
  EXPECT_TRUE(has(head, "Content-Length: 33\r\n")) << head;
  EXPECT_TRUE(client.read_response().starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST(HttpServer, Answers204And304WithoutBodyOrLength) {
  for (int status : {204, 304}) {
    TestServer server([status](const Request&, Response& response) -> Task<void> {
      response.status = status;
      response.fields.add("ETag", "\"x\"");
      response.buffers.push_back(Buffer::of_static("never sent"));
      return {};
    });
    RawClient client(server.port());
    for (int i = 0; i < 2; ++i) {
      client.send(kGet);
      const std::string response = client.read_until("\r\n\r\n");
      EXPECT_EQ(status_of(response), status);
      EXPECT_FALSE(has(response, "Content-Length"));
      EXPECT_FALSE(has(response, "Transfer-Encoding"));
    }
  }
}

TEST(HttpServer, ClosesWhereTheClientOrTheHandlerSaysSo) {
  TestServer server([](const Request& request, Response& response) -> Task<void> {
    response.close = request.path == "/close";
    return {};
  });
  for (const char* request : {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                              "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
                              "GET /close HTTP/1.1\r\nHost: a\r\n\r\n"}) {
    const std::string response = exchange(server.port(), request);
    EXPECT_EQ(status_of(response), 200);
    EXPECT_TRUE(has(response, "\r\nConnection: close\r\n"));
  }
}

TEST(HttpServer, KeepsHttp10ConnectionsThatAskForIt) {
  TestServer server;
  RawClient client(server.port());
  for (int i = 0; i < 2; ++i) {
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_TRUE(has(client.read_response(), "\r\nConnection: keep-alive\r\n"));
  }
}

TEST(HttpServer, KeepsItsOwnFieldsFromTheHandler) {
  TestServer server([](const Request&, Response& response) -> Task<void> {
    response.fields.add("content-length", "99");
    response.fields.add("Transfer-Encoding", "chunked");
    response.fields.add("connection", "close");
    response.buffers.push_back(Buffer::of_static("body"));
    return {};
  });
  RawClient client(server.port());
  for (int i = 0; i < 2; ++i) {
    client.send(kGet);
    const std::string response = client.read_response();
    EXPECT_TRUE(has(response, "Content-Length: 4\r\n"));
    EXPECT_FALSE(has(response, "99"));
    EXPECT_FALSE(has(response, "chunked"));
    EXPECT_FALSE(has(response, "onnection"));
  }
}

TEST(HttpServer, InvitesTheBodyThatWaitsFor100Continue) {
  TestServer server;
  RawClient client(server.port());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hello");
  EXPECT_TRUE(has(client.read_response(), "body=hello\n"));
}

TEST(HttpServer, RefusesATooLargeBodyInsteadOfInvitingIt) {
  TestServer server;
  const std::string response =
      exchange(server.port(), "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1048577\r\n\r\n");
  EXPECT_EQ(status_of(response), 413);
}

TEST(HttpServer, RefusesOtherExpectations) {
  TestServer server;
  EXPECT_EQ(status_of(exchange(server.port(), "GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n")), 417);
}

TEST(HttpServer, AnswersAnExceptionWith500) {
  TestServer server([](const Request&, Response& response) -> Task<void> {
    response.fields.add("X-Half", "done");
    throw std::runtime_error("secret");
  });
  RawClient client(server.port());
  for (int i = 0; i < 2; ++i) {
    client.send(kGet);
    const std::string response = client.read_response();
    EXPECT_EQ(status_of(response), 500);
    EXPECT_TRUE(has(response, "{\"error\":\"internal\""));
    EXPECT_FALSE(has(response, "X-Half"));
    EXPECT_FALSE(has(response, "secret"));
  }
}

// Files.

class TestFile {
 public:
  TestFile() {
    char name[] = "/tmp/server_test.XXXXXX";
    descriptor_ = ::mkstemp(name);
    ::unlink(name);
    for (int i = 0; contents_.size() < 8'000'000; ++i) contents_ += std::to_string(i) + ",";
    EXPECT_EQ(::write(descriptor_, contents_.data(), contents_.size()), static_cast<ssize_t>(contents_.size()));
  }
  ~TestFile() { ::close(descriptor_); }

  const std::string& contents() const { return contents_; }
  void fill(Response& response, std::uint64_t from, std::uint64_t size) const {
    response.buffers.push_back(Buffer::of_static("["));
    response.file = std::make_unique<FilePart>(FileBytes(nullptr, descriptor_, from, size));
    response.file->behind.push_back(Buffer::of_static("]"));
  }

 private:
  int descriptor_ = -1;
  std::string contents_;
};

TEST(HttpServer, SendsAPartOfAFile) {
  const TestFile file;
  TestServer server([&](const Request&, Response& response) -> Task<void> {
    file.fill(response, 5, 7'000'000);
    return {};
  });
  RawClient client(server.port());
  for (int i = 0; i < 3; ++i) {
    client.send(kGet);
    const std::string response = client.read_response();
    EXPECT_TRUE(has(response, "\r\nContent-Length: 7000002\r\n"));
    EXPECT_TRUE(body_of(response) == "[" + file.contents().substr(5, 7'000'000) + "]");
  }
  client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(has(client.read_until("\r\n\r\n"), "\r\nContent-Length: 7000002\r\n"));
  EXPECT_EQ(body_of(client.read_response()).size(), 7'000'002u);
}

TEST(HttpServer, CutsTheConnectionWhereAFileIsShorterThanItWas) {
  const TestFile file;
  TestServer server([&](const Request&, Response& response) -> Task<void> {
    file.fill(response, file.contents().size() - 10, 20);
    return {};
  });
  RawClient client(server.port());
  client.send(kGet);
  const std::string response = client.read_to_end();
  EXPECT_TRUE(has(response, "\r\nContent-Length: 22\r\n"));
  EXPECT_EQ(body_of(response), "[" + file.contents().substr(file.contents().size() - 10));
}

// Streams.

testing::FunctionHandler::Function stream_of(std::vector<std::string> pieces, bool at_once,
                                             std::optional<std::uint64_t> bytes = std::nullopt) {
  return [=](const Request&, Response& response) -> Task<void> {
    response.stream = std::make_unique<Pieces>(pieces, at_once);
    response.stream_bytes = bytes;
    return {};
  };
}

TEST(HttpServer, SendsStreamsOfUnknownLengthChunked) {
  for (bool at_once : {false, true}) {
    TestServer server(stream_of({"hello ", "world, this is the second piece"}, at_once));
    RawClient client(server.port());
    for (int i = 0; i < 2; ++i) {
      client.send(kGet);
      EXPECT_TRUE(has(client.read_until("\r\n\r\n"), "\r\nTransfer-Encoding: chunked\r\n"));
      EXPECT_EQ(client.read_until("\r\n0\r\n\r\n"), "6\r\nhello \r\n1f\r\nworld, this is the second piece\r\n0\r\n\r\n");
    }
  }
}

TEST(HttpServer, SendsStreamsOfKnownLengthAsTheyAre) {
  TestServer server(stream_of({"hello ", "world"}, false, 11));
  RawClient client(server.port());
  for (int i = 0; i < 2; ++i) {
    client.send(kGet);
    const std::string response = client.read_response();
    EXPECT_TRUE(has(response, "Content-Length: 11\r\n"));
    EXPECT_EQ(body_of(response), "hello world");
  }
}

TEST(HttpServer, SendsStreamsToHttp10UntilClose) {
  TestServer server(stream_of({"hello ", "world"}, false));
  const std::string response = exchange(server.port(), "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_FALSE(has(response, "Transfer-Encoding"));
  EXPECT_TRUE(has(response, "Connection: close\r\n"));
  EXPECT_EQ(body_of(response), "hello world");
}

TEST(HttpServer, CutsTheConnectionWhereAStreamFails) {
  TestServer chunked(stream_of({"hello", "fail"}, false));
  EXPECT_TRUE(exchange(chunked.port(), kGet).ends_with("5\r\nhello\r\n"));
  TestServer too_short(stream_of({"hello"}, false, 11));
  EXPECT_TRUE(exchange(too_short.port(), kGet).ends_with("\r\n\r\nhello"));
  TestServer too_long(stream_of({"hello", "world"}, false, 6));
  EXPECT_TRUE(exchange(too_long.port(), kGet).ends_with("\r\n\r\nhello"));
}

TEST(HttpServer, SendsTheHeadBeforeAPieceThatIsLate) {
  class Never final : public BodyStream {
   public:
    Task<std::expected<Buffer, BodyError>> next() override {
      Timer timer(co_await boost::asio::this_coro::executor, 1h);
      co_await timer.async_wait(use_task);
      co_return Buffer();
    }
  };
  TestServer server([](const Request&, Response& response) -> Task<void> {
    response.buffers.push_back(Buffer::of_static("first"));
    response.stream = std::make_unique<Never>();
    return {};
  });
  RawClient client(server.port());
  client.send(kGet);
  EXPECT_TRUE(has(client.read_until("\r\n5\r\nfirst\r\n"), "HTTP/1.1 200 OK\r\n"));
}

TEST(HttpServer, AnswersHeadOfAStreamWithoutAskingIt) {
  std::atomic<int> destroyed{0};
  TestServer server([&](const Request&, Response& response) -> Task<void> {
    response.stream = std::make_unique<Pieces>(std::vector<std::string>{"fail"}, true, &destroyed);
    return {};
  });
  RawClient client(server.port());
  for (int i = 0; i < 2; ++i) {
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(has(client.read_until("\r\n\r\n"), "Transfer-Encoding: chunked\r\n"));
  }
  EXPECT_EQ(destroyed, 2);
}

// Starting.

TEST(HttpServer, CanBeDestroyedWithoutHavingStarted) {
  testing::FunctionHandler handler(echo);
  ServerOptions options;
  options.listen = {"127.0.0.1:0", "127.0.0.1:0"};
  options.threads = 2;
  const Server server(options, handler);
  EXPECT_EQ(server.addresses().size(), 2u);
  EXPECT_NE(server.addresses()[0], server.addresses()[1]);
}

TEST(HttpServer, NamesTheAddressItCannotBind) {
  testing::FunctionHandler handler(echo);
  for (const char* address : {"localhost:80", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999", "::1:80", "192.0.2.1:80", ""}) {
    ServerOptions options;
    options.listen = {address};
    try {
      Server server(options, handler);
      ADD_FAILURE() << address;
    } catch (const std::system_error& error) {
      EXPECT_TRUE(has(error.what(), address)) << error.what();
    }
  }
}

TEST(HttpServer, DoesNotShareAnAddressWithAnotherServer) {
  TestServer first;
  testing::FunctionHandler handler(echo);
  ServerOptions options;
  options.listen = first.server().addresses();
  EXPECT_THROW(Server(options, handler), std::system_error);
}

TEST(HttpServer, ServesBothFamiliesOnOnePort) {
  testing::FunctionHandler handler(echo);
  std::string port;
  {
    const TestServer any;
    port = std::to_string(any.port());
  }
  ServerOptions options;
  options.listen = {"0.0.0.0:" + port, "[::]:" + port};
  options.threads = 2;
  const Server server(options, handler);
  EXPECT_EQ(server.addresses(), options.listen);
}

TEST(HttpServer, ServesOnSeveralThreads) {
  TestServer server(echo, {}, 3);
  EXPECT_EQ(server.server().contexts().size(), 3u);
  std::vector<std::jthread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      for (int n = 0; n < 20; ++n) {
        EXPECT_EQ(status_of(exchange(server.port(), "GET / HTTP/1.0\r\n\r\n")), 200);
      }
    });
  }
  clients.clear();
  EXPECT_EQ(server.server().stats().requests, 160u);
}

}  // namespace
}  // namespace sluice::http

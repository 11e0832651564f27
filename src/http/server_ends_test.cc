// How connections end: slow clients, limits, clients that leave, and the server's own stop.
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
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
using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// A request that is held until the client leaves, and tells that it was cancelled.
struct Held {
  std::atomic<int> begun{0};
  std::atomic<int> cancelled{0};

  Task<void> handle() {
    ++begun;
    Timer timer(co_await boost::asio::this_coro::executor, 1h);
    try {
      co_await timer.async_wait(use_task);
    } catch (const boost::system::system_error& error) {
      if (error.code() == boost::asio::error::operation_aborted) ++cancelled;
      throw;
    }
  }
};

TEST(HttpServer, H66_AsksASlowReadersStreamForOnePieceAtATime) {
  struct Endless final : BodyStream {
    explicit Endless(std::atomic<int>& a) : asked(a) {}
    Task<std::expected<Buffer, BodyError>> next() override {
      ++asked;
      co_return Buffer::of(std::string(64 * 1024, 'x'));
    }
    std::atomic<int>& asked;
  };
  std::atomic<int> asked{0};
  ServerLimits limits;
  limits.write_timeout = 300ms;
  TestServer server(
      [&](const Request&, Response& response) -> Task<void> {
        response.stream = std::make_unique<Endless>(asked);
        return {};
      },
      limits);
  RawClient client(server.port(), 4096);
  client.send(kGet);
  // It reads nothing: the stream stops being asked when the kernel's buffers are full, and the connection is cut.
  EXPECT_TRUE(eventually([&] { return asked > 0 && server.server().stats().connections_open == 0; }));
  EXPECT_LT(asked, 200);
}

TEST(HttpServer, H66_ClosesSlowHeadsAndBodiesWith408) {
  ServerLimits limits;
  limits.header_timeout = limits.body_timeout = 200ms;
  TestServer server(echo, limits);
  EXPECT_EQ(status_of(exchange(server.port(), "GET / HTTP/1.1\r\nHost: a")), 408);
  EXPECT_EQ(status_of(exchange(server.port(), "G")), 408);
  EXPECT_EQ(status_of(exchange(server.port(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel")), 408);
  EXPECT_EQ(status_of(exchange(server.port(), "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel")),
            408);
  EXPECT_EQ(server.server().stats().requests, 0u);
}

TEST(HttpServer, H66_HeaderTimeoutIsNotMovedByEveryByte) {
  ServerLimits limits;
  limits.header_timeout = 500ms;
  TestServer server(echo, limits);
  RawClient client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\nX: ");
  std::jthread dripping([&](std::stop_token stop) {
    while (!stop.stop_requested()) {
      client.send("x");
      std::this_thread::sleep_for(20ms);
    }
  });
  EXPECT_EQ(status_of(client.read_to_end()), 408);
}

TEST(HttpServer, H66_ClosesIdleConnectionsWithoutAWord) {
  ServerLimits limits;
  limits.idle_timeout = 200ms;
  TestServer server(echo, limits);
  EXPECT_EQ(exchange(server.port(), ""), "");
  RawClient client(server.port());
  client.send(kGet);
  EXPECT_EQ(status_of(client.read_response()), 200);
  EXPECT_EQ(client.read_to_end(), "");
}

TEST(HttpServer, H66_BoundsHeads) {
  ServerLimits limits;
  TestServer server(echo, limits);
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\n";
  std::string many = start;
  for (int i = 0; i < 100; ++i) many += "X: y\r\n";
  EXPECT_EQ(status_of(exchange(server.port(), many + "\r\n")), 431);
  EXPECT_EQ(status_of(exchange(server.port(), start + "X: " + std::string(48 * 1024, 'x') + "\r\n\r\n")), 431);
  EXPECT_EQ(status_of(exchange(server.port(), start + "X: " + std::string(100 * 1024, 'x'))), 431);
  const std::string path(32 * 1024, 'x');
  EXPECT_EQ(status_of(exchange(server.port(), "GET /" + path + " HTTP/1.1\r\nHost: a\r\n\r\n")), 414);
  EXPECT_EQ(status_of(exchange(server.port(), "GET /" + path + path)), 414);
  EXPECT_EQ(status_of(exchange(server.port(), std::string(64 * 1024, 'G'))), 414);

  std::string most = start;
  for (int i = 0; i < 98; ++i) most += "X_: y\r\n";
  EXPECT_EQ(status_of(exchange(server.port(), most + "Connection: close\r\n\r\n")), 200);
  EXPECT_EQ(status_of(exchange(server.port(), "GET /" + path.substr(1) + " HTTP/1.0\r\n\r\n")), 200);
}

TEST(HttpServer, H66_BoundsBodies) {
  ServerLimits limits;
  limits.body_bytes_max = 1000;
  TestServer server(echo, limits);
  const std::string start = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
  const std::string body(1000, 'b');
  EXPECT_EQ(status_of(exchange(server.port(), start + "Content-Length: 1001\r\n\r\n" + body + "b")), 413);
  EXPECT_EQ(status_of(exchange(server.port(), start + "Content-Length: 1000\r\n\r\n" + body)), 200);
  const std::string chunked = start + "Transfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(status_of(exchange(server.port(), chunked + "3e8\r\n" + body + "\r\n0\r\n\r\n")), 200);
  EXPECT_EQ(status_of(exchange(server.port(), chunked + "3e8\r\n" + body + "\r\n1\r\nb\r\n0\r\n\r\n")), 413);
  EXPECT_EQ(status_of(exchange(server.port(), chunked + "7fffffffffffffff\r\n")), 413);
  EXPECT_EQ(status_of(exchange(server.port(), chunked + "ffffffffffffffff\r\n")), 413);
}

TEST(HttpServer, H66_RefusesConnectionsBeyondTheLimit) {
  ServerLimits limits;
  limits.connections_max = 2;
  TestServer server(echo, limits);
  RawClient first(server.port());
  first.send(kGet);
  EXPECT_EQ(status_of(first.read_response()), 200);
  {
    RawClient second(server.port());
    second.send(kGet);
    EXPECT_EQ(status_of(second.read_response()), 200);
    EXPECT_EQ(status_of(exchange(server.port(), kGet)), 503);
    EXPECT_EQ(server.server().stats().connections_refused, 1u);
    first.send(kGet);
    EXPECT_EQ(status_of(first.read_response()), 200);
  }
  ASSERT_TRUE(eventually([&] { return server.server().stats().connections_open == 1; }));
  RawClient third(server.port());
  third.send(kGet);
  EXPECT_EQ(status_of(third.read_response()), 200);
}

class Leaving : public ::testing::Test {
 protected:
  bool cancelled() {
    return eventually([&] { return held_.cancelled == 1 && server_.server().stats().connections_open == 0; });
  }

  Held held_;
  TestServer server_{[this](const Request&, Response&) { return held_.handle(); }};
};

TEST_F(Leaving, CancelsAHeldRequestWhenTheClientCloses) {
  {
    RawClient client(server_.port());
    client.send(kGet);
    ASSERT_TRUE(eventually([&] { return held_.begun == 1; }));
  }
  EXPECT_TRUE(cancelled());
}

TEST_F(Leaving, CancelsAHeldRequestWhenTheClientResets) {
  RawClient client(server_.port());
  client.send(kGet);
  ASSERT_TRUE(eventually([&] { return held_.begun == 1; }));
  client.reset();
  EXPECT_TRUE(cancelled());
}

TEST_F(Leaving, CancelsAHeldRequestBehindPipelinedOnes) {
  {
    RawClient client(server_.port());
    client.send(std::string(kGet) + std::string(kGet) + "GET / HTTP/1.1");
    ASSERT_TRUE(eventually([&] { return held_.begun == 1; }));
    client.send("\r\nHost: a\r\n\r\n");
  }
  EXPECT_TRUE(cancelled());
}

TEST_F(Leaving, SeesAResetBehindMorePipelinedBytesThanItReads) {
  RawClient client(server_.port());
  client.send(kGet);
  client.send(std::string(200 * 1024, 'x'));
  ASSERT_TRUE(eventually([&] { return held_.begun == 1; }));
  client.reset();
  EXPECT_TRUE(cancelled());
}

TEST(HttpServer, PipelinedBytesDoNotCancelAHeldRequest) {
  TestServer server([&](const Request& request, Response& response) -> Task<void> {
    struct Slow {
      static Task<void> run(const Request& r, Response& out) {
        Timer timer(co_await boost::asio::this_coro::executor, 900ms);  // longer than the watch takes to begin
        co_await timer.async_wait(use_task);
        fill_echo(r, out);
      }
    };
    if (request.path == "/slow") return Slow::run(request, response);
    return echo(request, response);
  });
  RawClient client(server.port());
  client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HT");
  EXPECT_TRUE(has(client.read_response(), "path=/slow "));
  client.send("TP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(has(client.read_response(), "path=/1 "));
  EXPECT_TRUE(has(client.read_response(), "path=/2 "));
}

TEST(HttpServer, DestroysTheStreamOfAClientThatLeaves) {
  struct Waiting final : BodyStream {
    explicit Waiting(std::atomic<int>& d) : destroyed(d) {}
    ~Waiting() override { ++destroyed; }
    Task<std::expected<Buffer, BodyError>> next() override {
      Timer timer(co_await boost::asio::this_coro::executor, 1h);
      co_await timer.async_wait(use_task);
      co_return Buffer();
    }
    std::atomic<int>& destroyed;
  };
  std::atomic<int> destroyed{0};
  TestServer server([&](const Request&, Response& response) -> Task<void> {
    response.stream = std::make_unique<Waiting>(destroyed);
    return {};
  });
  {
    RawClient client(server.port());
    client.send(kGet);
    client.read_until("\r\n\r\n");
  }
  EXPECT_TRUE(eventually([&] { return destroyed == 1; }));
}

// Stopping.

TEST(HttpServer, StopClosesIdleConnectionsAndAnswersTheOthers) {
  struct Gate {
    std::atomic<bool> begun{false};
    std::atomic<bool> open{false};
    Task<void> handle(const Request& request, Response& response) {
      begun = true;
      Timer timer(co_await boost::asio::this_coro::executor);
      while (!open) {
        timer.expires_after(1ms);
        co_await timer.async_wait(use_task);
      }
      fill_echo(request, response);
    }
  } gate;
  TestServer server([&](const Request& request, Response& response) -> Task<void> {
    return request.path == "/held" ? gate.handle(request, response) : echo(request, response);
  });
  RawClient idle(server.port());
  idle.send(kGet);
  idle.read_response();
  RawClient fresh(server.port());
  RawClient busy(server.port());
  busy.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return gate.begun.load(); }));

  server.server().stop();
  EXPECT_EQ(idle.read_to_end(), "");
  EXPECT_EQ(fresh.read_to_end(), "");
  gate.open = true;
  const std::string response = busy.read_to_end();
  EXPECT_EQ(status_of(response), 200);
  EXPECT_TRUE(has(response, "\r\nConnection: close\r\n"));
  server.server().join();
  EXPECT_EQ(server.server().stats().connections_open, 0u);
}

TEST(HttpServer, StopCutsWhatIsHeldBeyondTheDrainTimeout) {
  Held held;
  ServerLimits limits;
  limits.drain_timeout = 200ms;
  TestServer server([&](const Request&, Response&) { return held.handle(); }, limits);
  RawClient client(server.port());
  client.send(kGet);
  ASSERT_TRUE(eventually([&] { return held.begun == 1; }));
  server.server().stop();
  server.server().join();
  EXPECT_EQ(held.cancelled, 1);
  EXPECT_EQ(client.read_to_end(), "");
}

TEST(HttpServer, StopNowCancelsAtOnce) {
  Held held;
  TestServer server([&](const Request&, Response&) { return held.handle(); });
  RawClient client(server.port());
  client.send(kGet);
  ASSERT_TRUE(eventually([&] { return held.begun == 1; }));
  server.server().stop_now();
  server.server().join();
  EXPECT_EQ(held.cancelled, 1);
}

}  // namespace
}  // namespace sluice::http

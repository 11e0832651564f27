// Counts what the whole process takes from the heap, by malloc() and its kin, while kept-alive requests are answered.
#include <gtest/gtest.h>

#include <cstdint>

#include "base/test_allocations.h"
#include "http/testing.h"

namespace sluice::http {
namespace {

using testing::RawClient;
using testing::TestServer;

// A response is short enough here that one read returns it whole, into memory that exists already.
std::uint64_t allocations_of(std::uint16_t port, std::string_view request, int times) {
  RawClient client(port);
  char response[4096];
  const auto once = [&] {
    client.send(request);
    return client.read_into(response, sizeof response) > 0;
  };
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(once());  // buffers grow to their size
  bool answered = true;
  const auto taken = allocations_while([&] {
    for (int i = 0; i < times; ++i) answered = answered && once();
  });
  EXPECT_TRUE(answered);
  return taken;
}

Task<void> hello(const Request& request, Response& response) {
  response.status = request.path == "/healthz" ? 200 : 404;
  response.fields.add("Content-Type", "application/json");
  response.fields.add("Cache-Control", "no-store");
  response.buffers.push_back(Buffer::of_static("{\"status\":\"ok\"}"));
  return {};
}

constexpr std::string_view kGet =
    "GET /healthz?a=b HTTP/1.1\r\nHost: 127.0.0.1:4000\r\nUser-Agent: test\r\nAccept: */*\r\nAccept-Encoding: gzip, br\r\n"
    "Authorization: Bearer 0123456789012345678901234567890123456789012345678901234567890123456789\r\n\r\n";

// The counter itself works.
TEST(HttpServerAllocations, SeesThoseOfAHandler) {
  TestServer server([](const Request&, Response& response) -> Task<void> {
    response.buffers.push_back(Buffer::of("made for each request"));
    return {};
  });
  EXPECT_GE(allocations_of(server.port(), kGet, 1000), 1000u);
}

TEST(HttpServerAllocations, NoneForAKeptAliveRequestAnsweredAtOnce) {
  TestServer server(hello);
  EXPECT_EQ(allocations_of(server.port(), kGet, 1000), 0u);
  EXPECT_EQ(server.server().stats().requests, 1020u);
}

TEST(HttpServerAllocations, NoneForARequestWithABody) {
  TestServer server(hello);
  EXPECT_EQ(
      allocations_of(
          server.port(),
          "POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n0123456789012345678901234567890123456789", 1000),
      0u);
}

}  // namespace
}  // namespace sluice::http

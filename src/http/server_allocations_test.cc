// Counts what the whole process takes from the heap, by malloc() and its kin, while kept-alive requests are answered.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>

#include "http/testing.h"

namespace {

std::atomic<bool> counting{false};
std::atomic<std::uint64_t> allocations{0};

void count() {
  if (counting.load(std::memory_order_relaxed)) allocations.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)

extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void*, std::size_t),
                                                         void (*free_hook)(const volatile void*));

namespace {
const int installed = __sanitizer_install_malloc_and_free_hooks([](const volatile void*, std::size_t) { count(); },
                                                                [](const volatile void*) {});
}  // namespace

#else

extern "C" {

void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t bytes) {
  count();
  return __libc_malloc(bytes);
}
void* calloc(std::size_t n, std::size_t bytes) {
  count();
  return __libc_calloc(n, bytes);
}
void* realloc(void* memory, std::size_t bytes) {
  count();
  return __libc_realloc(memory, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  count();
  return __libc_memalign(alignment, bytes);
}
}

#endif

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
  allocations = 0;
  counting = true;
  bool answered = true;
  for (int i = 0; i < times; ++i) answered = answered && once();
  counting = false;
  EXPECT_TRUE(answered);
  return allocations;
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

// Counts what this thread takes from the heap while a token is answered from memory.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>

#include "identity/authenticator.h"

namespace {

thread_local bool counting = false;
thread_local std::uint64_t allocations = 0;

void count() {
  if (counting) ++allocations;
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

void* malloc(std::size_t bytes) {
  count();
  return __libc_malloc(bytes);
}
void* calloc(std::size_t n, std::size_t bytes) {
  count();
  return __libc_calloc(n, bytes);
}
}

#endif

namespace sluice::identity {
namespace {

std::uint64_t allocations_of(Authenticator& authenticator, const std::string& token) {
  constexpr std::int64_t kNow = 1'700'000'000;
  for (int i = 0; i < 2; ++i) (void)authenticator.verify(token, kNow);
  allocations = 0;
  counting = true;
  for (int i = 0; i < 100; ++i) (void)authenticator.verify(token, kNow);
  counting = false;
  return allocations;
}

TEST(Authenticator, AllocatesNothingForATokenItRemembers) {
  const auto key = token::Key::hmac_sha256("a secret for this test, thirty-two bytes").value();
  AuthenticatorOptions options;
  options.issuers.push_back({token::Verifier({.name = "api"}), std::make_shared<FixedKeys>(std::vector{key})});
  Authenticator authenticator(std::move(options));
  const std::string token = token::sign(key, R"({"sub":"u1","exp":1700000600})");
  ASSERT_TRUE(authenticator.verify(token, 1'700'000'000));
  EXPECT_EQ(allocations_of(authenticator, token), 0u);
  EXPECT_EQ(allocations_of(authenticator, token + "A"), 0u) << "refused";

  const std::string unseen = token + "B";
  counting = true;
  (void)authenticator.verify(unseen, 1'700'000'000);
  counting = false;
  EXPECT_GT(allocations, 0u) << "what is taken is counted";
}

}  // namespace
}  // namespace sluice::identity

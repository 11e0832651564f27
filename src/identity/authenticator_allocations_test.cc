// Counts what is taken from the heap while a token is answered from memory.
#include <gtest/gtest.h>

#include <cstdint>

#include "base/test_allocations.h"
#include "identity/authenticator.h"

namespace sluice::identity {
namespace {

std::uint64_t allocations_of(Authenticator& authenticator, const std::string& token) {
  constexpr std::int64_t kNow = 1'700'000'000;
  for (int i = 0; i < 2; ++i) (void)authenticator.verify(token, kNow);
  return allocations_while([&] {
    for (int i = 0; i < 100; ++i) (void)authenticator.verify(token, kNow);
  });
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
  EXPECT_GT(allocations_while([&] { (void)authenticator.verify(unseen, 1'700'000'000); }), 0u) << "what is taken is counted";
}

}  // namespace
}  // namespace sluice::identity

#include "gatekeeper/revocations.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "gatekeeper/test_tokens.h"

namespace sluice::gatekeeper {
namespace {

using Kind = Revocation::Kind;
using Added = Revocations::Added;

constexpr std::int64_t kNow_s = 1000;
constexpr std::int64_t kForget_s = 5000;

// A grant, or a login where `sub_iss` is left out, with the rest of its claims as JSON members.
std::shared_ptr<const token::VerifiedToken> token_with(const std::string& members) {
  return test_token(R"({"exp":5000,)" + members + "}");
}

bool revoked(const Revocations& revocations, const std::string& members) {
  return revocations.revoked(token_with(members)->claims());
}

TEST(Revocations, NothingIsRevokedAtFirst) {
  const Revocations revocations;
  EXPECT_FALSE(revoked(revocations, R"("iss":"a","sub":"s","jti":"1","iat":1)"));
  EXPECT_EQ(revocations.size(), 0u);
}

TEST(Revocations, J42_ATokenIdEndsThatTokenAlone) {
  Revocations revocations;
  EXPECT_EQ(revocations.add({.value = "1", .forget_at_s = kForget_s}, kNow_s), Added::kNew);
  EXPECT_TRUE(revoked(revocations, R"("iss":"a","sub":"s","jti":"1","iat":999)"));
  EXPECT_TRUE(revoked(revocations, R"("jti":"1")"));
  EXPECT_FALSE(revoked(revocations, R"("iss":"a","sub":"s","jti":"2","iat":999)"));
  EXPECT_FALSE(revoked(revocations, R"("iss":"1","sub":"1","iat":999)"));
}

TEST(Revocations, ATokenIdOfAnIssuerIsNoOtherIssuers) {
  Revocations revocations;
  revocations.add({.value = "1", .issuer = "a", .forget_at_s = kForget_s}, kNow_s);
  EXPECT_TRUE(revoked(revocations, R"("iss":"a","jti":"1")"));
  EXPECT_FALSE(revoked(revocations, R"("iss":"b","jti":"1")"));
  EXPECT_FALSE(revoked(revocations, R"("jti":"1")"));
}

TEST(Revocations, J42_ASubjectsLoginsAndGrantsEnd) {
  Revocations revocations;
  revocations.add({.kind = Kind::kSubject, .value = "s", .issuer = "a", .before_s = 900, .forget_at_s = kForget_s}, kNow_s);
  EXPECT_TRUE(revoked(revocations, R"("iss":"a","sub":"s","iat":899)"));
  EXPECT_TRUE(revoked(revocations, R"("iss":"gatekeeper","sub":"s","sub_iss":"a","iat":899)"));
  EXPECT_FALSE(revoked(revocations, R"("iss":"gatekeeper","sub":"s","sub_iss":"b","iat":899)"));
  EXPECT_FALSE(revoked(revocations, R"("iss":"gatekeeper","sub":"s","sub_iss":["a"],"iat":899)"));
  EXPECT_FALSE(revoked(revocations, R"("iss":"b","sub":"s","iat":899)"));
  EXPECT_FALSE(revoked(revocations, R"("iss":"a","sub":"t","iat":899)"));
  EXPECT_FALSE(revoked(revocations, R"("iss":"a","iat":899)"));
}

TEST(Revocations, ASubjectOfNoIssuerIsThatOfAny) {
  Revocations revocations;
  revocations.add({.kind = Kind::kSubject, .value = "s", .before_s = 900, .forget_at_s = kForget_s}, kNow_s);
  EXPECT_TRUE(revoked(revocations, R"("iss":"a","sub":"s","iat":899)"));
  EXPECT_TRUE(revoked(revocations, R"("iss":"b","sub":"s","iat":899)"));
  EXPECT_TRUE(revoked(revocations, R"("sub":"s","iat":899)"));
}

TEST(Revocations, TokensIssuedFromThatTimeOnAreGood) {
  Revocations revocations;
  revocations.add({.kind = Kind::kSubject, .value = "s", .before_s = 900, .forget_at_s = kForget_s}, kNow_s);
  EXPECT_TRUE(revoked(revocations, R"("sub":"s","iat":899)"));
  EXPECT_FALSE(revoked(revocations, R"("sub":"s","iat":900)"));
  EXPECT_TRUE(revoked(revocations, R"("sub":"s")")) << "without iat nothing shows that it is newer";
}

TEST(Revocations, AnIssuersTokensEndAndTheGrantsGivenForThem) {
  Revocations revocations;
  revocations.add({.kind = Kind::kIssuer, .value = "a", .before_s = 900, .forget_at_s = kForget_s}, kNow_s);
  EXPECT_TRUE(revoked(revocations, R"("iss":"a","iat":899)"));
  EXPECT_TRUE(revoked(revocations, R"("iss":"gatekeeper","sub_iss":"a","iat":899)"));
  EXPECT_FALSE(revoked(revocations, R"("iss":"a","iat":900)"));
  EXPECT_FALSE(revoked(revocations, R"("iss":"b","sub":"a","jti":"a","iat":899)"));
}

TEST(Revocations, EverythingBeforeATime) {
  Revocations revocations;
  EXPECT_EQ(revocations.add({.kind = Kind::kAll, .before_s = 900, .forget_at_s = kForget_s}, kNow_s), Added::kNew);
  EXPECT_TRUE(revoked(revocations, R"("iat":899)"));
  EXPECT_TRUE(revoked(revocations, R"("jti":"1")"));
  EXPECT_FALSE(revoked(revocations, R"("iat":900)"));
}

TEST(Revocations, TheLatestTimeCounts) {
  Revocations revocations;
  const auto add = [&](std::int64_t before_s) {
    return revocations.add({.kind = Kind::kSubject, .value = "s", .before_s = before_s, .forget_at_s = kForget_s}, kNow_s);
  };
  EXPECT_EQ(add(900), Added::kNew);
  EXPECT_EQ(add(900), Added::kKnown);
  EXPECT_EQ(add(800), Added::kKnown);
  EXPECT_TRUE(revoked(revocations, R"("sub":"s","iat":899)"));
  EXPECT_EQ(add(950), Added::kNew);
  EXPECT_TRUE(revoked(revocations, R"("sub":"s","iat":949)"));
  EXPECT_EQ(revocations.size(), 1u);
}

TEST(Revocations, ForgetsWhatNamesNothingAnyMore) {
  Revocations revocations;
  revocations.add({.value = "1", .forget_at_s = 1100}, kNow_s);
  revocations.add({.kind = Kind::kAll, .before_s = 900, .forget_at_s = 1100}, kNow_s);
  EXPECT_EQ(revocations.size(), 2u);
  EXPECT_EQ(revocations.add({.value = "2", .forget_at_s = 1100}, 1100), Added::kKnown) << "forgotten already";
  EXPECT_EQ(revocations.size(), 0u);
  EXPECT_FALSE(revoked(revocations, R"("jti":"1")"));
  revocations.add({.value = "3", .forget_at_s = kForget_s}, 1200);
  EXPECT_EQ(revocations.size(), 1u);
  EXPECT_FALSE(revoked(revocations, R"("jti":"1")"));
  EXPECT_TRUE(revoked(revocations, R"("jti":"3")"));
}

TEST(Revocations, AnAddedOneIsRememberedForTheLongest) {
  Revocations revocations;
  revocations.add({.value = "1", .forget_at_s = 3000}, kNow_s);
  EXPECT_EQ(revocations.add({.value = "1", .forget_at_s = 2000}, kNow_s), Added::kKnown);
  revocations.add({.value = "2", .forget_at_s = kForget_s}, 2500);
  EXPECT_TRUE(revoked(revocations, R"("jti":"1")"));
}

TEST(Revocations, ListensToNewOnesOnly) {
  Revocations revocations;
  int heard = 0;
  revocations.on_new([&] { ++heard; });
  revocations.add({.value = "1", .forget_at_s = kForget_s}, kNow_s);
  revocations.add({.value = "1", .forget_at_s = kForget_s}, kNow_s);
  revocations.add({.value = "2", .forget_at_s = kNow_s}, kNow_s);
  EXPECT_EQ(heard, 1);
}

// Each is found, none beside them is; no more are taken; the forgotten make room.
TEST(Revocations, HoldsAsManyAsItMayAndNoMore) {
  constexpr std::size_t kMax = 20'000;
  Revocations revocations(kMax);
  for (std::size_t i = 0; i < kMax; ++i)
    ASSERT_EQ(revocations.add({.value = std::to_string(i), .forget_at_s = i < 10 ? 2000 : kForget_s}, kNow_s), Added::kNew);
  for (std::size_t i = 0; i < kMax; i += 97) {
    EXPECT_TRUE(revoked(revocations, R"("jti":")" + std::to_string(i) + '"'));
    EXPECT_FALSE(revoked(revocations, R"("jti":"x)" + std::to_string(i) + '"'));
  }
  EXPECT_EQ(revocations.add({.value = "more", .forget_at_s = kForget_s}, kNow_s), Added::kFull);
  EXPECT_FALSE(revoked(revocations, R"("jti":"more")"));
  EXPECT_EQ(revocations.add({.kind = Kind::kAll, .before_s = 1, .forget_at_s = kForget_s}, kNow_s), Added::kNew);
  EXPECT_EQ(revocations.add({.value = "more", .forget_at_s = kForget_s}, 2000), Added::kNew);
  EXPECT_TRUE(revoked(revocations, R"("jti":"more")"));
  EXPECT_EQ(revocations.size(), kMax - 10 + 2);
}

TEST(Revocations, ReadersSeeWhatWasAddedBeforeTheyLooked) {
  Revocations revocations;
  constexpr int kCount = 2000;
  std::vector<std::shared_ptr<const token::VerifiedToken>> tokens;
  for (int i = 0; i < kCount; ++i) tokens.push_back(token_with(R"("jti":")" + std::to_string(i) + '"'));
  std::atomic<int> added = 0;
  std::atomic<int> missed = 0;
  const auto read = [&] {
    for (int seen = 0; seen < kCount; seen = added.load(std::memory_order_acquire))
      if (seen > 0 && !revocations.revoked(tokens[static_cast<std::size_t>(seen - 1)]->claims())) ++missed;
  };
  std::thread one(read), two(read);
  for (int i = 0; i < kCount; ++i) {
    // Some are forgotten at once by the next: the table is swept while it is read.
    revocations.add({.value = "brief " + std::to_string(i), .forget_at_s = kNow_s + i + 1}, kNow_s + i);
    revocations.add({.value = std::to_string(i), .forget_at_s = kForget_s + kCount}, kNow_s + i);
    added.store(i + 1, std::memory_order_release);
  }
  one.join(), two.join();
  EXPECT_EQ(missed, 0);
  EXPECT_LE(revocations.size(), kCount + kCount / 4u);
}

}  // namespace
}  // namespace sluice::gatekeeper

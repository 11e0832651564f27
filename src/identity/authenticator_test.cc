#include "identity/authenticator.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <utility>

#include "base/bytes.h"
#include "base/sha256.h"

namespace sluice::identity {
namespace {

using token::TokenError;

constexpr std::int64_t kNow = 1'700'000'000;
constexpr std::string_view kSecret = "a secret of the first issuer, thirty-two bytes";
constexpr std::string_view kOtherSecret = "a secret of the second issuer, thirty-two bytes";

token::Key key(std::string_view secret, std::string key_id = "") {
  return token::Key::hmac_sha256(secret, std::move(key_id)).value();
}

std::string token_of(const token::Key& signer, std::string_view subject = "u1", std::int64_t expires_in_s = 600,
                     std::string_view more = "") {
  std::string claims = R"({"iss":"https://idp.example","aud":"sluice","sub":")";
  claims.append(subject).append(R"(","iat":)").append(std::to_string(kNow)).append(R"(,"exp":)");
  claims.append(std::to_string(kNow + expires_in_s)).append(more).append("}");
  return token::sign(signer, claims);
}

// Keys that a test changes.
class ChangingKeys final : public KeySource {
 public:
  explicit ChangingKeys(std::vector<token::Key> keys) { set(std::move(keys)); }

  void set(std::vector<token::Key> keys) { set_ = std::make_shared<const KeySet>(KeySet{std::move(keys), ++revision_}); }

  std::shared_ptr<const KeySet> keys() const override { return set_; }
  Task<void> look_again(std::string key_id) override {
    asked.push_back(std::move(key_id));
    return {};
  }
  bool ready() const override { return !set_->keys.empty(); }

  std::vector<std::string> asked;

 private:
  std::shared_ptr<const KeySet> set_;
  std::uint64_t revision_ = 0;
};

token::Verifier verifier(std::string name = "api", std::int64_t leeway_s = 0) {
  token::VerifierOptions options;
  options.name = std::move(name);
  options.issuer = "https://idp.example";
  options.audience = "sluice";
  options.leeway_s = leeway_s;
  return token::Verifier(std::move(options));
}

AuthenticatorOptions of_one(std::shared_ptr<KeySource> keys, std::int64_t leeway_s = 0) {
  AuthenticatorOptions options;
  options.issuers.push_back({verifier("api", leeway_s), std::move(keys)});
  return options;
}

std::shared_ptr<FixedKeys> fixed(std::string_view secret) {
  return std::make_shared<FixedKeys>(std::vector{key(secret)});
}

// The error, or nothing where it is good.
std::optional<TokenError> error_of(Authenticator& authenticator, std::string_view token, std::int64_t now_s = kNow) {
  const auto known = authenticator.verify(token, now_s);
  return known ? std::nullopt : std::optional(known.error().error);
}

// The same signature's bytes, one bit off.
std::string spoilt(std::string token) {
  char& c = token[token.rfind('.') + 1];
  c = c == 'A' ? 'B' : 'A';
  return token;
}

TEST(Authenticator, VerifiesAndRemembers) {
  Authenticator authenticator(of_one(fixed(kSecret)));
  const std::string token = token_of(key(kSecret));
  const auto first = authenticator.verify(token, kNow);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->token->claims().subject(), "u1");
  EXPECT_EQ(first->token->verified_by(), "api");
  const auto second = authenticator.verify(token, kNow + 1);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->token, first->token);
  const auto counts = authenticator.counts();
  EXPECT_EQ(counts.misses, 1u);
  EXPECT_EQ(counts.hits, 1u);
  EXPECT_EQ(counts.refused, 0u);
  EXPECT_EQ(counts.entries, 1u);
}

TEST(Authenticator, TriesItsIssuersInOrder) {
  AuthenticatorOptions options;
  options.issuers.push_back({verifier("first"), fixed(kSecret)});
  options.issuers.push_back({verifier("second"), fixed(kOtherSecret)});
  Authenticator authenticator(std::move(options));
  EXPECT_EQ(authenticator.verify(token_of(key(kSecret)), kNow)->token->verified_by(), "first");
  EXPECT_EQ(authenticator.verify(token_of(key(kOtherSecret)), kNow)->token->verified_by(), "second");
}

TEST(Authenticator, SaysTheErrorThatSaysMost) {
  for (const bool good_signature_first : {true, false}) {
    AuthenticatorOptions options;
    options.issuers.push_back({verifier("first"), fixed(good_signature_first ? kSecret : kOtherSecret)});
    options.issuers.push_back({verifier("second"), fixed(good_signature_first ? kOtherSecret : kSecret)});
    Authenticator authenticator(std::move(options));
    EXPECT_EQ(error_of(authenticator, token_of(key(kSecret), "u1", -600)), TokenError::kExpired);
    EXPECT_EQ(error_of(authenticator, spoilt(token_of(key(kSecret)))), TokenError::kBadSignature);
  }
}

TEST(Authenticator, ReadsContentOnce) {
  struct Shapes : Content {};
  int reads = 0;
  AuthenticatorOptions options = of_one(fixed(kSecret));
  options.read_content = [&](const token::Claims& claims) -> std::expected<std::shared_ptr<const Content>, std::string> {
    ++reads;
    if (claims.subject() == "u1") return std::make_shared<const Shapes>();
    return std::unexpected(std::string(1'000, 'x'));
  };
  Authenticator authenticator(std::move(options));
  const std::string good = token_of(key(kSecret));
  const auto content = authenticator.verify(good, kNow)->content;
  EXPECT_NE(content, nullptr);
  EXPECT_EQ(authenticator.verify(good, kNow)->content, content);
  EXPECT_EQ(reads, 1);

  const std::string bad = token_of(key(kSecret), "u2");
  for (int i = 0; i < 2; ++i) {
    const auto refused = authenticator.verify(bad, kNow);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().error, TokenError::kBadClaims);
    EXPECT_FALSE(refused.error().may_change);
    EXPECT_EQ(refused.error().reason, std::string(160, 'x'));
  }
  EXPECT_EQ(reads, 2);
}

TEST(Authenticator, IsReadyOnceEveryIssuerHasKeys) {
  AuthenticatorOptions options = of_one(fixed(kSecret));
  const auto empty = std::make_shared<ChangingKeys>(std::vector<token::Key>{});
  options.issuers.push_back({verifier("second"), empty});
  Authenticator authenticator(std::move(options));
  EXPECT_FALSE(authenticator.ready());
  empty->set({key(kSecret)});
  EXPECT_TRUE(authenticator.ready());
}

TEST(Authenticator, RefusesOptionsThatMeanNothing) {
  EXPECT_THROW(Authenticator(of_one(nullptr)), std::invalid_argument);
  AuthenticatorOptions options = of_one(fixed(kSecret));
  options.storm_count = 0;
  EXPECT_THROW(Authenticator{std::move(options)}, std::invalid_argument);
}

// A credential of somebody else's issuer is a bad credential, never none.
TEST(Authenticator, J38_AWrongIssuerIsRefusedAndNotMissing) {
  Authenticator authenticator(of_one(fixed(kSecret)));
  const std::string claims =
      R"({"iss":"https://other.example","aud":"sluice","sub":"u1","exp":)" + std::to_string(kNow + 60) + "}";
  EXPECT_EQ(error_of(authenticator, token::sign(key(kSecret), claims)), TokenError::kWrongIssuer);
  EXPECT_EQ(error_of(authenticator, token_of(key(kOtherSecret))), TokenError::kBadSignature);
  EXPECT_EQ(error_of(authenticator, ""), TokenError::kNotCompact);
}

TEST(Authenticator, J41_TokensAreToldApartBySha256) {
  // FIPS 180-2, appendix B.1.
  const Sha256 digest = sha256("abc");
  EXPECT_EQ(hex_encode({reinterpret_cast<const char*>(digest.data()), digest.size()}),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Authenticator, J41_TokensThatShareAllButTheirEndAreDifferent) {
  Authenticator authenticator(of_one(fixed(kSecret)));
  const std::string token = token_of(key(kSecret));
  ASSERT_EQ(error_of(authenticator, token), std::nullopt);
  for (std::size_t cut = 1; cut < 48; ++cut) {
    EXPECT_NE(error_of(authenticator, token.substr(0, token.size() - cut)), std::nullopt);
    EXPECT_NE(error_of(authenticator, token.substr(cut)), std::nullopt);
  }
  EXPECT_NE(error_of(authenticator, token + "A"), std::nullopt);
  EXPECT_NE(error_of(authenticator, token + "="), std::nullopt);
  EXPECT_NE(error_of(authenticator, spoilt(token)), std::nullopt);
  EXPECT_EQ(error_of(authenticator, token), std::nullopt);
}

TEST(Authenticator, J41_WhatOneAuthenticatorRemembersIsNotAnothers) {
  Authenticator mine(of_one(fixed(kSecret)));
  Authenticator others(of_one(fixed(kOtherSecret)));
  const std::string token = token_of(key(kSecret));
  EXPECT_EQ(error_of(mine, token), std::nullopt);
  EXPECT_EQ(error_of(others, token), TokenError::kBadSignature);
  EXPECT_EQ(error_of(mine, token), std::nullopt);
}

TEST(Authenticator, J41_AnEntryEndsWithItsToken) {
  Authenticator authenticator(of_one(fixed(kSecret)));
  const std::string token = token_of(key(kSecret), "u1", 100);
  EXPECT_EQ(error_of(authenticator, token, kNow), std::nullopt);
  EXPECT_EQ(error_of(authenticator, token, kNow + 99), std::nullopt);
  EXPECT_EQ(authenticator.counts().hits, 1u);
  EXPECT_EQ(error_of(authenticator, token, kNow + 100), TokenError::kExpired);
  EXPECT_EQ(authenticator.counts().entries, 0u);
}

// The leeway is verify()'s to give: what is good only by it is verified each time, and not a second longer.
TEST(Authenticator, J41_MemoryDoesNotAddToTheLeeway) {
  Authenticator authenticator(of_one(fixed(kSecret), 30));
  const std::string token = token_of(key(kSecret), "u1", 100);
  EXPECT_EQ(error_of(authenticator, token, kNow + 99), std::nullopt);
  EXPECT_EQ(error_of(authenticator, token, kNow + 100), std::nullopt);
  EXPECT_EQ(error_of(authenticator, token, kNow + 129), std::nullopt);
  EXPECT_EQ(authenticator.counts().hits, 0u);
  EXPECT_EQ(error_of(authenticator, token, kNow + 130), TokenError::kExpired);
}

TEST(Authenticator, J41_AnEntryEndsAfterItsTimeToLive) {
  AuthenticatorOptions options = of_one(fixed(kSecret));
  options.cache_ttl_s = 50;
  Authenticator authenticator(std::move(options));
  const std::string token = token_of(key(kSecret));
  for (const std::int64_t after_s : {0, 49, 50, 99}) EXPECT_EQ(error_of(authenticator, token, kNow + after_s), std::nullopt);
  EXPECT_EQ(authenticator.counts().misses, 2u);
}

TEST(Authenticator, J41_AnEntryIsNotOlderThanTheClock) {
  Authenticator authenticator(of_one(fixed(kSecret)));
  const std::string token = token_of(key(kSecret), "u1", 600, R"(,"nbf":1700000010)");
  EXPECT_EQ(error_of(authenticator, token, kNow + 10), std::nullopt);
  EXPECT_EQ(error_of(authenticator, token, kNow + 9), TokenError::kNotYetValid);
}

TEST(Authenticator, J41_AnEntryEndsWhenItsKeyIsWithdrawn) {
  const auto keys = std::make_shared<ChangingKeys>(std::vector{key(kSecret, "a"), key(kOtherSecret, "b")});
  Authenticator authenticator(of_one(keys));
  const std::string a = token_of(key(kSecret, "a"));
  const std::string b = token_of(key(kOtherSecret, "b"));
  EXPECT_EQ(error_of(authenticator, a), std::nullopt);
  EXPECT_EQ(error_of(authenticator, b), std::nullopt);
  keys->set({key(kOtherSecret, "b")});
  EXPECT_EQ(error_of(authenticator, a), TokenError::kUnknownKey);
  EXPECT_EQ(error_of(authenticator, b), std::nullopt);
  EXPECT_EQ(authenticator.counts().hits, 0u);
  EXPECT_EQ(error_of(authenticator, b), std::nullopt);
  EXPECT_EQ(authenticator.counts().hits, 1u);
}

TEST(Authenticator, RemembersRefusalsUntilKeysChange) {
  const auto keys = std::make_shared<ChangingKeys>(std::vector{key(kSecret, "a")});
  Authenticator authenticator(of_one(keys));
  const std::string token = token_of(key(kOtherSecret, "b"));
  for (int i = 0; i < 3; ++i) {
    const auto refused = authenticator.verify(token, kNow);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().error, TokenError::kUnknownKey);
    EXPECT_TRUE(refused.error().may_change);
    EXPECT_EQ(refused.error().retry_after_s, 0);
  }
  EXPECT_EQ(authenticator.counts().misses, 1u);
  EXPECT_EQ(authenticator.counts().refused_from_memory, 2u);
  keys->set({key(kSecret, "a"), key(kOtherSecret, "b")});
  EXPECT_EQ(error_of(authenticator, token), std::nullopt);
}

TEST(Authenticator, DoesNotRememberWhatTimeMayMakeGood) {
  Authenticator authenticator(of_one(fixed(kSecret)));
  const std::string token = token_of(key(kSecret), "u1", 600, R"(,"nbf":1700000010)");
  EXPECT_EQ(error_of(authenticator, token, kNow), TokenError::kNotYetValid);
  EXPECT_EQ(error_of(authenticator, token, kNow + 9), TokenError::kNotYetValid);
  EXPECT_EQ(error_of(authenticator, token, kNow + 10), std::nullopt);
}

// A clock that was ahead, and has been set right.
TEST(Authenticator, ForgetsExpiryWhenTheClockGoesBack) {
  Authenticator authenticator(of_one(fixed(kSecret)));
  const std::string token = token_of(key(kSecret));
  EXPECT_EQ(error_of(authenticator, token, kNow + 1'000'000), TokenError::kExpired);
  EXPECT_EQ(error_of(authenticator, token, kNow), std::nullopt);
}

TEST(Authenticator, AStormOfOneBadTokenIsToldToStayAway) {
  Authenticator authenticator(of_one(fixed(kSecret)));
  const std::string token = spoilt(token_of(key(kSecret)));
  const auto wait_s = [&](std::int64_t now_s) { return authenticator.verify(token, now_s).error().retry_after_s; };
  for (int i = 0; i < 19; ++i) EXPECT_EQ(wait_s(kNow + i / 2), 0);
  EXPECT_EQ(wait_s(kNow + 9), 10);
  EXPECT_EQ(wait_s(kNow + 12), 7);
  EXPECT_EQ(wait_s(kNow + 18), 1);
  EXPECT_EQ(wait_s(kNow + 19), 0);
  EXPECT_EQ(authenticator.counts().storms, 1u);
  EXPECT_EQ(authenticator.counts().misses, 1u);
  EXPECT_EQ(authenticator.counts().refused, 23u);
  EXPECT_EQ(error_of(authenticator, token_of(key(kSecret)), kNow + 12), std::nullopt) << "only the bad token";
}

TEST(Authenticator, SlowRepetitionIsNoStorm) {
  Authenticator authenticator(of_one(fixed(kSecret)));
  const std::string token = spoilt(token_of(key(kSecret)));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(authenticator.verify(token, kNow + i).error().retry_after_s, 0);
}

TEST(Authenticator, AStormIsAnsweredFromMemoryUntilItsEndOrOtherKeys) {
  const auto keys = std::make_shared<ChangingKeys>(std::vector{key(kSecret, "a")});
  Authenticator authenticator(of_one(keys));
  // Of an unknown key, and not valid yet: two things that may change.
  const std::string unknown = token_of(key(kOtherSecret, "b"));
  const std::string early = token_of(key(kSecret, "a"), "u1", 600, R"(,"nbf":1700000003)");
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(authenticator.verify(unknown, kNow));
    EXPECT_FALSE(authenticator.verify(early, kNow));
  }
  const auto stormed = authenticator.verify(unknown, kNow).error();
  EXPECT_EQ(stormed.retry_after_s, 10);
  EXPECT_FALSE(stormed.may_change) << "nobody waits for keys in a storm";
  EXPECT_EQ(authenticator.verify(early, kNow + 9).error().retry_after_s, 1);
  EXPECT_EQ(error_of(authenticator, early, kNow + 10), std::nullopt);
  keys->set({key(kSecret, "a"), key(kOtherSecret, "b")});
  EXPECT_EQ(error_of(authenticator, unknown, kNow + 1), std::nullopt);
}

TEST(Authenticator, AsksAgainOnlyForTheKeyThatATokenNames) {
  const auto keys = std::make_shared<ChangingKeys>(std::vector{key(kSecret, "a")});
  Authenticator authenticator(of_one(keys));
  const std::string token = token_of(key(kOtherSecret, "b"));
  EXPECT_TRUE(authenticator.verify(token, kNow).error().may_change);
  EXPECT_FALSE(authenticator.look_again(token).valid());
  EXPECT_EQ(keys->asked, std::vector<std::string>{"b"});
  EXPECT_FALSE(authenticator.verify(spoilt(token_of(key(kSecret, "a"))), kNow).error().may_change);
  EXPECT_FALSE(authenticator.look_again(std::string(100'000, 'a')).valid());
}

// The fetch ended between verifying and asking: verifying again is all there is to do.
TEST(Authenticator, VerifiesAgainWhereKeysHaveChangedMeanwhile) {
  const auto keys = std::make_shared<ChangingKeys>(std::vector{key(kSecret, "a")});
  Authenticator authenticator(of_one(keys));
  const std::string token = token_of(key(kOtherSecret, "b"));
  ASSERT_FALSE(authenticator.verify(token, kNow));
  keys->set({key(kSecret, "a"), key(kOtherSecret, "b")});
  EXPECT_TRUE(authenticator.look_again(token).valid());
  EXPECT_TRUE(keys->asked.empty());
}

TEST(Authenticator, StaysWithinItsBoundsUnderAMillionBadTokens) {
  AuthenticatorOptions options = of_one(fixed(kSecret));
  options.refused_entries_max = 1'000;
  Authenticator authenticator(std::move(options));
  constexpr int kTokens = 1'000'000;
  const std::string good = token_of(key(kSecret));
  const std::size_t signature = good.rfind('.') + 1;
  for (int i = 0; i < kTokens; ++i) {
    std::string bad = good.substr(0, signature + 12) + std::to_string(10'000'000 + i);
    if (i % 2 == 0) bad[signature - 1] = '_';  // some that are no tokens at all
    if (authenticator.verify(bad, kNow)) FAIL();
    if (i % 65'536 == 0) ASSERT_LE(authenticator.counts().refused_entries, 1'000u);
  }
  const auto counts = authenticator.counts();
  EXPECT_EQ(counts.refused, static_cast<std::uint64_t>(kTokens));
  EXPECT_LE(counts.refused_entries, 1'000u);
  EXPECT_GE(counts.refused_entries, 900u);
  EXPECT_EQ(counts.entries, 0u);
}

TEST(Authenticator, StaysWithinItsBoundsUnderManySubjects) {
  AuthenticatorOptions options = of_one(fixed(kSecret));
  options.cache_entries_max = 500;
  Authenticator authenticator(std::move(options));
  const token::Key signer = key(kSecret);
  for (int i = 0; i < 5'000; ++i)
    ASSERT_EQ(error_of(authenticator, token_of(signer, "u" + std::to_string(i))), std::nullopt);
  EXPECT_LE(authenticator.counts().entries, 500u);
  EXPECT_GE(authenticator.counts().entries, 450u);
}

TEST(Authenticator, StaysWithinItsBytes) {
  AuthenticatorOptions options = of_one(fixed(kSecret));
  options.cache_bytes_max = 1024 * 1024;
  Authenticator authenticator(std::move(options));
  const std::string pad = R"(,"pad":")" + std::string(5'000, 'x') + "\"";
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(error_of(authenticator, token_of(key(kSecret), "u" + std::to_string(i), 600, pad)), std::nullopt);
  EXPECT_LE(authenticator.counts().entries, 10u);
}

TEST(Authenticator, IsSharedByThreads) {
  const auto keys = fixed(kSecret);
  AuthenticatorOptions options = of_one(keys);
  options.cache_entries_max = 64;
  Authenticator authenticator(std::move(options));
  std::vector<std::string> tokens;
  for (int i = 0; i < 200; ++i) tokens.push_back(token_of(key(kSecret), "u" + std::to_string(i)));
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 4'000; ++i) {
        const std::size_t n = static_cast<std::size_t>(i * (t + 1)) % tokens.size();
        const auto known = authenticator.verify(tokens[n], kNow);
        ASSERT_TRUE(known);
        ASSERT_EQ(known->token->claims().subject(), "u" + std::to_string(n));
        ASSERT_FALSE(authenticator.verify(tokens[n] + "x", kNow));
      }
    });
  }
  threads.clear();
  const auto counts = authenticator.counts();
  EXPECT_EQ(counts.hits + counts.misses + counts.refused_from_memory, 32'000u);
  EXPECT_EQ(counts.refused, 16'000u);
}

}  // namespace
}  // namespace sluice::identity

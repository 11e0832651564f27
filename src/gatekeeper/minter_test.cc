#include "gatekeeper/minter.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "gatekeeper/test_tokens.h"
#include "shape/claim_codec.h"

namespace sluice::gatekeeper {
namespace {

using token::TokenError;

constexpr std::int64_t kNow_s = 1000;
constexpr std::int64_t kLoginEnds_s = 900'000;

token::Key key(const std::string& name, const std::string& secret) {
  return token::Key::hmac_sha256(secret + " of 32 bytes or more, in tests only", name).value();
}

MinterOptions options() {
  return {.keys = {key("new", "new")}, .issuer = "https://sync.example.com", .jitter = 0};
}

policy::Principal alice() {
  return policy::Principal(test_token(R"({"iss":"https://login.example.com","sub":"alice","exp":900000,"role":"admin"})"));
}

shape::GrantedShape shape_of(const std::string& table, shape::SubsetRights subset = {}) {
  return {shape::Definition::make({.table = table}).value(), {}, subset};
}

// As a gate reads it: verified, then its claims.
std::expected<std::shared_ptr<const token::VerifiedToken>, TokenError> verify(const Minter& minter, const Grant& grant,
                                                                              std::int64_t now_s = kNow_s) {
  return token::Verifier(minter.verifier()).verify(grant.token, now_s);
}

std::vector<shape::GrantedShape> shapes_in(const token::Claims& claims) {
  return shape::read_shape_claims(claims.find("shape"), claims.find("shapes")).value();
}

TEST(Minter, GrantsSayWhoseTheyAreAndWhatFor) {
  const Minter minter(options());
  const auto asked = shape_of("items", {.limit_max = 10});
  const Grant grant = minter.mint(alice(), asked, kNow_s).value();
  const auto verified = verify(minter, grant);
  ASSERT_TRUE(verified);
  const token::Claims& claims = (*verified)->claims();
  EXPECT_EQ(claims.issuer(), "https://sync.example.com");
  EXPECT_EQ(claims.subject(), "alice");
  EXPECT_EQ(claims.find("sub_iss")->get_string().value(), "https://login.example.com");
  EXPECT_EQ(claims.find("aud")->get_string().value(), kGrantAudience);
  EXPECT_EQ(claims.token_id(), grant.token_id);
  EXPECT_EQ(claims.issued_at_s(), kNow_s);
  EXPECT_EQ(claims.expires_at_s(), kNow_s + 3600);
  EXPECT_EQ(grant.expires_at_s, kNow_s + 3600);
  EXPECT_EQ(grant.refresh_at_s, kNow_s + 3540);
  EXPECT_EQ(shapes_in(claims), std::vector{asked});
  EXPECT_FALSE(claims.find("role")) << "claims of the login are no part of a grant";
}

TEST(Minter, OneTokenForSeveralShapes) {
  const Minter minter(options());
  const std::vector asked = {shape_of("items"), shape_of("a.b", {.allowed = false}), shape_of("c")};
  const Grant grant = minter.mint(alice(), asked, kNow_s).value();
  const auto verified = verify(minter, grant);
  ASSERT_TRUE(verified);
  EXPECT_FALSE((*verified)->claims().find("shape"));
  EXPECT_EQ(shapes_in((*verified)->claims()), asked);
}

TEST(Minter, AnAnonymousCallersGrantIsNobodys) {
  const Minter minter(options());
  const Grant grant = minter.mint(policy::Principal::anonymous(), shape_of("items"), kNow_s).value();
  const auto verified = verify(minter, grant);
  ASSERT_TRUE(verified);
  EXPECT_EQ((*verified)->claims().subject(), "");
  EXPECT_FALSE((*verified)->claims().find("sub"));
  EXPECT_FALSE((*verified)->claims().find("sub_iss"));
}

TEST(Minter, EveryGrantHasItsOwnId) {
  const Minter minter(options());
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(minter.mint(alice(), shape_of("items"), kNow_s)->token_id);
  EXPECT_EQ(ids.size(), 1000u);
}

TEST(Minter, J42_NoGrantOutlivesTheLogin) {
  const Minter minter(options());
  const std::int64_t late_s = kLoginEnds_s - 10;
  const Grant grant = minter.mint(alice(), shape_of("items"), late_s).value();
  EXPECT_EQ(grant.expires_at_s, kLoginEnds_s);
  EXPECT_EQ(verify(minter, grant, kLoginEnds_s + 2).error(), TokenError::kExpired);
  EXPECT_EQ(minter.mint(alice(), shape_of("items"), kLoginEnds_s).error(), MintError::kExpired);
}

TEST(Minter, JitterShortensAndNeverLengthens) {
  MinterOptions jittered = options();
  jittered.jitter = 0.5;
  const Minter minter(jittered);
  std::set<std::int64_t> ends;
  for (int i = 0; i < 300; ++i) {
    const Grant grant = minter.mint(alice(), shape_of("items"), kNow_s).value();
    EXPECT_LE(grant.expires_at_s, kNow_s + 3600);
    EXPECT_GE(grant.expires_at_s, kNow_s + 1800);
    EXPECT_LE(grant.refresh_at_s, grant.expires_at_s - 60);
    EXPECT_GE(grant.refresh_at_s, grant.expires_at_s - 90);
    ends.insert(grant.expires_at_s);
  }
  EXPECT_GT(ends.size(), 100u) << "300 of 1801 seconds";
}

TEST(Minter, ShortGrantsAreNotRenewedAtOnce) {
  MinterOptions brief = options();
  brief.ttl_s = 20;
  EXPECT_EQ(Minter(brief).mint(alice(), shape_of("items"), kNow_s)->refresh_at_s, kNow_s + 10);
}

TEST(Minter, TheFirstKeySignsAndAllVerify) {
  MinterOptions before = options(), during = options(), after = options();
  before.keys = {key("old", "old")};
  during.keys = {key("new", "new"), key("old", "old")};
  after.keys = {key("new", "new")};
  const Grant old_grant = Minter(before).mint(alice(), shape_of("items"), kNow_s).value();
  const Grant new_grant = Minter(during).mint(alice(), shape_of("items"), kNow_s).value();
  EXPECT_TRUE(verify(Minter(during), old_grant));
  EXPECT_TRUE(verify(Minter(during), new_grant));
  EXPECT_TRUE(verify(Minter(after), new_grant));
  EXPECT_FALSE(verify(Minter(after), old_grant));
  EXPECT_FALSE(verify(Minter(before), new_grant));
}

// An old key without a name goes on verifying beside a new one with a name.
TEST(Minter, UnnamedKeysRotateToo) {
  MinterOptions before = options(), during = options();
  before.keys = {key("", "old")};
  during.keys = {key("new", "new"), key("", "old")};
  EXPECT_TRUE(verify(Minter(during), *Minter(before).mint(alice(), shape_of("items"), kNow_s)));
}

// One key for logins and grants would be a fault of the configuration; even then neither is taken for the other.
TEST(Minter, J37_GrantsAndLoginsAreNeverTakenForEachOther) {
  MinterOptions shared = options();
  shared.keys = {test_key()};
  const Minter minter(shared);
  const token::Verifier gate(minter.verifier());
  const token::Verifier logins({.keys = {test_key()}, .types_refused = {std::string(kGrantType)}});

  const Grant grant = minter.mint(alice(), shape_of("items"), kNow_s).value();
  EXPECT_EQ(logins.verify(grant.token, kNow_s).error(), TokenError::kWrongType);
  const std::string claims =
      R"({"iss":"https://sync.example.com","aud":"sluice:gate","exp":2000,"shape":{"table":"items"}})";
  EXPECT_TRUE(gate.verify(token::sign(test_key(), claims, kGrantType), kNow_s));
  EXPECT_EQ(gate.verify(token::sign(test_key(), claims), kNow_s).error(), TokenError::kWrongType);
  EXPECT_EQ(gate.verify(token::sign(test_key(), claims, ""), kNow_s).error(), TokenError::kWrongType);
}

TEST(Minter, J37_GrantsOfOtherAudiencesAndIssuersAreRefused) {
  const Minter minter(options());
  const token::Verifier gate(minter.verifier());
  const auto error_of = [&](const std::string& members) {
    return gate.verify(token::sign(options().keys.front(), R"({"exp":2000,)" + members + "}", kGrantType), kNow_s).error();
  };
  EXPECT_EQ(error_of(R"("iss":"https://sync.example.com")"), TokenError::kWrongAudience);
  EXPECT_EQ(error_of(R"("iss":"https://sync.example.com","aud":"sluice")"), TokenError::kWrongAudience);
  EXPECT_EQ(error_of(R"("iss":"https://sync.example.com","aud":["sluice:gate2"])"), TokenError::kWrongAudience);
  EXPECT_EQ(error_of(R"("iss":"https://other.example.com","aud":"sluice:gate")"), TokenError::kWrongIssuer);
  EXPECT_EQ(error_of(R"("aud":"sluice:gate")"), TokenError::kWrongIssuer);
}

TEST(Minter, RefusesToMakeATokenThatAGateWouldRefuse) {
  const Minter minter(options());
  const auto wide = [](std::size_t bytes) {
    return shape::GrantedShape{
        shape::Definition::make({.table = "t", .where = "a = '" + std::string(bytes, 'x') + "'"}).value()};
  };
  const auto most = minter.mint(alice(), wide(5000), kNow_s);
  ASSERT_TRUE(most);
  EXPECT_TRUE(verify(minter, *most));
  EXPECT_EQ(minter.mint(alice(), wide(7000), kNow_s).error(), MintError::kTooLong);
}

TEST(Minter, RefusesAFaultyConfiguration) {
  const auto refused = [](auto change) {
    MinterOptions changed = options();
    change(changed);
    EXPECT_THROW(Minter{changed}, std::invalid_argument);
  };
  refused([](MinterOptions& o) { o.keys.clear(); });
  refused([](MinterOptions& o) { o.keys.push_back(key("new", "other")); });
  refused([](MinterOptions& o) { o.ttl_s = 0; });
  refused([](MinterOptions& o) { o.jitter = 0.6; });
  refused([](MinterOptions& o) { o.jitter = -0.1; });
  refused([](MinterOptions& o) { o.jitter = std::numeric_limits<double>::quiet_NaN(); });
  refused([](MinterOptions& o) { o.refresh_ahead_s = -1; });
}

}  // namespace
}  // namespace sluice::gatekeeper

#include "gateway/limits.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace sluice::gateway {
namespace {

using shape::Offset;
using shape::Position;
using shape::Subset;
using shape::SubsetRights;

constexpr std::int64_t kNow = 1'790'000'040;  // a minute begins here
static_assert(kNow % 60 == 0);

Subset with_where(std::string where, std::map<unsigned, std::string> params = {}) {
  Subset subset;
  subset.where = std::move(where);
  subset.params = std::move(params);
  return subset;
}

Subset with_limit(std::uint64_t limit) {
  Subset subset;
  subset.limit = limit;
  subset.order_by = "id";
  return subset;
}

int status_of(Limits& limits, const Subset& subset, const SubsetRights& rights = {}) {
  const auto lease = limits.admit_subset("a", subset, rights);
  return lease ? 200 : lease.error().status;
}

Position with_buster(std::string buster) {
  Position position;
  position.cache_buster = std::move(buster);
  return position;
}

std::string numbered(int i) {
  return "1790000000000-" + std::to_string(i);
}

TEST(Limits, E15_ALimitHasAMaximum) {
  Limits limits({.subset_limit_max = 100});
  EXPECT_EQ(status_of(limits, with_limit(100)), 200);
  const auto refused = limits.admit_subset("a", with_limit(101), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, 400);
  EXPECT_EQ(refused.error().parameter, "subset__limit");
}

TEST(Limits, E15_NoLimitIsAllowedUnlessTheGrantSetsAMaximum) {
  Limits limits({});
  EXPECT_EQ(status_of(limits, with_where("a = 1")), 200);
  const SubsetRights at_most_ten{.limit_max = 10};
  EXPECT_EQ(status_of(limits, with_where("a = 1"), at_most_ten), 403);
  EXPECT_EQ(status_of(limits, with_limit(11), at_most_ten), 403);
  EXPECT_EQ(status_of(limits, with_limit(10), at_most_ten), 200);
}

TEST(Limits, E15_AGrantWithoutSubsetsAllowsNone) {
  Limits limits({});
  EXPECT_EQ(status_of(limits, with_where("a = 1"), {.allowed = false}), 403);
}

TEST(Limits, E15_SubsetsThatRunAreCountedForEachPrincipal) {
  Limits limits({.subset_concurrency = 2});
  auto first = limits.admit_subset("a", with_limit(1), {});
  auto second = limits.admit_subset("a", with_limit(1), {});
  ASSERT_TRUE(first && second);

  const auto third = limits.admit_subset("a", with_limit(1), {});
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().status, 429);
  EXPECT_EQ(third.error().retry_after_s, 1);
  EXPECT_TRUE(limits.admit_subset("b", with_limit(1), {})) << "another's allowance is their own";

  std::optional<Limits::Lease> moved(*std::move(first));
  EXPECT_EQ(status_of(limits, with_limit(1)), 429) << "a lease that was moved still counts, once";
  moved.reset();
  EXPECT_EQ(status_of(limits, with_limit(1)), 200);
}

TEST(Limits, E15_ALeaseMayOutliveTheLimits) {
  auto limits = std::make_unique<Limits>(LimitsOptions{});
  auto lease = limits->admit_subset("a", with_limit(1), {});
  ASSERT_TRUE(lease);
  limits.reset();
}

TEST(Limits, E15_NeverMoreAtOneTimeThanAllowed) {
  constexpr int kAllowed = 3;
  Limits limits({.subset_concurrency = kAllowed});
  std::atomic<int> running = 0, highest = 0, admitted = 0;
  const auto ask = [&] {
    for (int i = 0; i < 2'000; ++i) {
      const auto lease = limits.admit_subset("a", with_limit(1), {});
      if (!lease) continue;
      ++admitted;
      const int now = ++running;
      for (int seen = highest; now > seen && !highest.compare_exchange_weak(seen, now);) {}
      --running;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) threads.emplace_back(ask);
  for (auto& thread : threads) thread.join();
  EXPECT_LE(highest, kAllowed);
  EXPECT_GE(admitted, 2'000);
  EXPECT_EQ(limits.callers(), 0u);
}

class SubsetPatterns : public ::testing::Test {
 protected:
  int ask(std::string where, std::map<unsigned, std::string> params = {}) {
    return status_of(limits, with_where(std::move(where), std::move(params)));
  }
  Limits limits{LimitsOptions{}};
};

TEST_F(SubsetPatterns, E15_APatternThatBeginsWithAWildcardIsRefused) {
  EXPECT_EQ(ask("title LIKE '%a'"), 400);
  EXPECT_EQ(ask("title NOT ILIKE '_a'"), 400);
  EXPECT_EQ(ask("title LIKE/**/'%a'"), 400);
  EXPECT_EQ(ask("title ~~ '%a' AND b = 1"), 400);
  EXPECT_EQ(ask("title !~~* '%a'"), 400);
  EXPECT_EQ(ask("title LIKE $1", {{1, "%a"}}), 400);
  EXPECT_EQ(ask("(a = 1 OR (title ILIKE $2))", {{1, "x"}, {2, "_"}}), 400);
}

TEST_F(SubsetPatterns, E15_APatternThatBeginsWithTextIsNot) {
  EXPECT_EQ(ask("title LIKE 'a%'"), 200);
  EXPECT_EQ(ask("title ILIKE $1 AND (b LIKE 'it''s%' OR c = '%a')", {{1, "a%"}}), 200);
  EXPECT_EQ(ask("title LIKE '\\%a'"), 200) << "an escaped wildcard is text";
  EXPECT_EQ(ask("\"like\" = '%a'"), 200) << "a column of that name";
  EXPECT_EQ(ask("id = ANY($1)", {{1, "{1,2}"}}), 200);
}

TEST_F(SubsetPatterns, E15_APatternThatIsNotOneConstantIsRefused) {
  EXPECT_EQ(ask("title LIKE '' || '%a'"), 400);
  EXPECT_EQ(ask("title LIKE 'x'::text"), 400);
  EXPECT_EQ(ask("title LIKE ('%a')"), 400);
  EXPECT_EQ(ask("title LIKE ANY (ARRAY['%a'])"), 400);
  EXPECT_EQ(ask("title LIKE E'\\x25a'"), 400);
  EXPECT_EQ(ask("title LIKE other"), 400);
  EXPECT_EQ(ask("title LIKE $1"), 400) << "a parameter that was not given";
  EXPECT_EQ(ask("title LIKE"), 400);
}

TEST_F(SubsetPatterns, E15_OtherSpellingsOfAPatternAreRefused) {
  EXPECT_EQ(ask("like(title, '%a')"), 400);
  EXPECT_EQ(ask("\"like\"(title, '%a')"), 400);
  EXPECT_EQ(ask("pg_catalog.textlike(title, '%a')"), 400);
  EXPECT_EQ(ask("title OPERATOR(pg_catalog.~~) '%a'"), 400);
  EXPECT_EQ(ask("title SIMILAR TO 'a'"), 400);
  EXPECT_EQ(ask("title ~ 'a'"), 400);
  EXPECT_EQ(ask("title !~* 'a'"), 400);
  EXPECT_EQ(ask("textregexeq(title, 'a')"), 400);
}

TEST_F(SubsetPatterns, E15_AreAllowedWhereTheConfigurationSaysSo) {
  Limits generous({.subset_like_leading_wildcard = true});
  EXPECT_EQ(status_of(generous, with_where("title LIKE '%a' OR title ~ 'b'")), 200);
}

TEST_F(SubsetPatterns, E15_AConditionHasALength) {
  std::string condition = "a = 1";
  EXPECT_EQ(ask(condition + std::string(kSubsetWhereBytesMax - condition.size(), ' ')), 200);
  EXPECT_EQ(ask(condition + std::string(kSubsetWhereBytesMax, ' ')), 400);
  std::string tokens = "a";
  for (std::size_t i = 0; i < kSubsetWhereTokensMax / 2; ++i) tokens += "+a";
  EXPECT_EQ(ask(tokens), 400);
  EXPECT_EQ(ask("a = 'unterminated"), 400);
}

TEST(Limits, E13_ManyNewCacheBustersAre429) {
  Limits limits({.cache_busters_max = 5});
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(limits.admit_cache_buster("a", with_buster(numbered(i)), kNow + 10));
  const auto refused = limits.admit_cache_buster("a", with_buster(numbered(5)), kNow + 10);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, 429);
  EXPECT_EQ(refused.error().retry_after_s, 50);
  EXPECT_TRUE(limits.admit_cache_buster("a", with_buster(numbered(3)), kNow + 10)) << "one that is known is not new";
  EXPECT_TRUE(limits.admit_cache_buster("b", with_buster(numbered(5)), kNow + 10)) << "another's allowance is their own";
  EXPECT_TRUE(limits.admit_cache_buster("a", with_buster(numbered(5)), kNow + 60)) << "the next minute";
}

TEST(Limits, E13_OnesInUseStayKnownFromMinuteToMinute) {
  Limits limits({.cache_busters_max = 3});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limits.admit_cache_buster("a", with_buster(numbered(i)), kNow));
  for (int minute = 1; minute < 5; ++minute) {
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(limits.admit_cache_buster("a", with_buster(numbered(i)), kNow + 60 * minute));
  }
  EXPECT_TRUE(limits.admit_cache_buster("a", with_buster(numbered(3)), kNow + 240)) << "and do not use up the new ones";
}

TEST(Limits, E13_WhatIsInUseIsBoundedToo) {
  Limits limits({.cache_busters_max = 2});
  for (int minute = 0, next = 0; minute < 10; ++minute) {
    int admitted = 0;
    for (int i = 0; i < next + 2; ++i)
      if (limits.admit_cache_buster("a", with_buster(numbered(i)), kNow + 60 * minute)) ++admitted;
    EXPECT_LE(admitted, 4);
    next += 2;
  }
}

TEST(Limits, E13_ExpiredHandlesAndIdleHandlesCountAlike) {
  Limits limits({.cache_busters_max = 2});
  Position expired;
  expired.expired_handle = "h1";
  Position idle;
  idle.handle = "h1";
  EXPECT_TRUE(limits.admit_cache_buster("a", expired, kNow));
  EXPECT_TRUE(limits.admit_cache_buster("a", idle, kNow));
  EXPECT_FALSE(limits.admit_cache_buster("a", with_buster("h1"), kNow));
  Position continued;
  continued.handle = "h9";
  continued.offset = Offset::at(1, 2);
  EXPECT_TRUE(limits.admit_cache_buster("a", continued, kNow)) << "a handle at its place is no cache-buster";
}

TEST(Limits, E13_WithoutOneNothingIsRemembered) {
  Limits limits({});
  EXPECT_TRUE(limits.admit_cache_buster("a", Position{}, kNow));
  EXPECT_EQ(limits.callers(), 0u);
}

TEST(Limits, E13_AMillionPrincipalsAreNotRemembered) {
  constexpr std::size_t kCallers = kCacheBustersKept / (64 * 4);
  Limits limits({.cache_busters_max = 64});
  for (int i = 0; i < 1'000'000; ++i)
    ASSERT_TRUE(limits.admit_cache_buster("principal-" + std::to_string(i), with_buster("1"), kNow));
  EXPECT_LE(limits.callers(), kCallers);
  EXPECT_GT(limits.callers(), kCallers / 2);
}

TEST(Limits, E13_TheOneIdleLongestIsForgottenFirst) {
  constexpr int kNew = 64;
  Limits limits({.cache_busters_max = kNew});
  for (int i = 0; i < kNew; ++i) ASSERT_TRUE(limits.admit_cache_buster("busy", with_buster(numbered(i)), kNow));
  for (int i = 0; i < 100'000; ++i) {
    ASSERT_TRUE(limits.admit_cache_buster(std::to_string(i), with_buster("1"), kNow));
    if (i % 100 == 0) ASSERT_FALSE(limits.admit_cache_buster("busy", with_buster("2"), kNow)) << i;
  }
}

TEST(Limits, E13_ManyThreads) {
  Limits limits({.cache_busters_max = 10});
  std::atomic<int> admitted = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i)
        if (limits.admit_cache_buster("a", with_buster(numbered(i % 20)), kNow)) ++admitted;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(admitted, 4 * 500 / 2) << "ten of the twenty, and each time they were used";
}

}  // namespace
}  // namespace sluice::gateway

#include "identity/refresh_schedule.h"

#include <gtest/gtest.h>

#include <vector>

namespace sluice::identity {
namespace {

using namespace std::chrono_literals;
using Names = std::vector<std::string>;

constexpr RefreshSchedule::Time kStart{1'000'000s};
constexpr RefreshOptions kOptions{.unknown_key_interval = 30s, .missing_for = 300s, .stale_max = 24h};

TEST(RefreshSchedule, BeginsAtOnce) {
  const RefreshSchedule schedule(kOptions);
  EXPECT_LE(schedule.due(), kStart);
  EXPECT_EQ(schedule.stale_at(), RefreshSchedule::Time::max());
}

TEST(RefreshSchedule, FetchesBeforeTheLifetimeEnds) {
  for (int i = 0; i < 100; ++i) {
    RefreshSchedule schedule(kOptions);
    schedule.succeeded(kStart, 1'000s);
    EXPECT_GE(schedule.due(), kStart + 750s);
    EXPECT_LE(schedule.due(), kStart + 1'000s);
    EXPECT_EQ(schedule.stale_at(), kStart + 24h);
  }
}

TEST(RefreshSchedule, WaitsLongerAfterEachFailure) {
  RefreshSchedule schedule(kOptions);
  for (const auto wait : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    schedule.failed(kStart);
    EXPECT_GE(schedule.due(), kStart + wait * 3 / 4);
    EXPECT_LE(schedule.due(), kStart + wait);
  }
  for (int i = 0; i < 100; ++i) schedule.failed(kStart);
  EXPECT_LE(schedule.due(), kStart + 60s);
  EXPECT_EQ(schedule.failures(), 108u);
  schedule.succeeded(kStart, 1'000s);
  EXPECT_EQ(schedule.failures(), 0u);
}

TEST(RefreshSchedule, AFailureDoesNotMakeKeysLastLonger) {
  RefreshSchedule schedule(kOptions);
  schedule.succeeded(kStart, 1'000s);
  schedule.failed(kStart + 1h);
  EXPECT_EQ(schedule.stale_at(), kStart + 24h);
}

TEST(RefreshSchedule, J27_AllUnknownNamesShareOneClaimAnInterval) {
  RefreshSchedule schedule(kOptions);
  EXPECT_TRUE(schedule.claim("a", kStart));
  EXPECT_FALSE(schedule.claim("a", kStart));
  EXPECT_FALSE(schedule.claim("b", kStart + 29s));
  EXPECT_TRUE(schedule.claim("b", kStart + 30s));
  EXPECT_FALSE(schedule.claim("c", kStart + 59s));
}

TEST(RefreshSchedule, J27_AFailureDoesNotGiveTheClaimBack) {
  RefreshSchedule schedule(kOptions);
  EXPECT_TRUE(schedule.claim("a", kStart));
  schedule.failed(kStart + 1s);
  EXPECT_FALSE(schedule.claim("a", kStart + 2s));
  schedule.succeeded(kStart + 3s, 1'000s);
  schedule.changed();
  EXPECT_FALSE(schedule.claim("a", kStart + 4s));
}

TEST(RefreshSchedule, J27_AMissingNameIsNotAskedForAgainUntilTheSetChangesOrItsTimeIsOver) {
  RefreshSchedule schedule(kOptions);
  schedule.missing(Names{"a", "b"}, kStart);
  EXPECT_FALSE(schedule.claim("a", kStart + 299s));
  EXPECT_TRUE(schedule.claim("c", kStart + 299s));
  EXPECT_TRUE(schedule.claim("a", kStart + 329s));
  schedule.missing(Names{"a"}, kStart + 330s);
  EXPECT_FALSE(schedule.claim("a", kStart + 400s));
  schedule.changed();
  EXPECT_TRUE(schedule.claim("a", kStart + 400s));
}

// Ten thousand names: the oldest is forgotten, which costs nothing that the interval does not bound.
TEST(RefreshSchedule, J27_RemembersFewMissingNames) {
  RefreshSchedule schedule(kOptions);
  for (int i = 0; i < 10'000; ++i) schedule.missing(Names{std::to_string(i)}, kStart);
  EXPECT_TRUE(schedule.claim("0", kStart));
  EXPECT_FALSE(schedule.claim("9999", kStart + 30s));
}

}  // namespace
}  // namespace sluice::identity

#include "origin/embedded/visibility.h"

#include <gtest/gtest.h>

namespace sluice::origin::embedded {
namespace {

TEST(SnapshotPoint, HoldsWhatPostgresCallsVisible) {
  SnapshotPoint point{.xmin = 100, .xmax = 110, .in_progress = {100, 105}};
  EXPECT_TRUE(point.holds(99));
  EXPECT_FALSE(point.holds(100));
  EXPECT_TRUE(point.holds(101));
  EXPECT_FALSE(point.holds(105));
  EXPECT_TRUE(point.holds(109));
  EXPECT_FALSE(point.holds(110));
  EXPECT_FALSE(point.holds(5000));
}

TEST(SnapshotPoint, ComparesAcrossAnEpochBoundary) {
  constexpr std::uint64_t kEpoch = std::uint64_t{1} << 32;
  SnapshotPoint point{.xmin = kEpoch - 5, .xmax = kEpoch + 10, .in_progress = {kEpoch - 5, kEpoch + 4}};
  EXPECT_TRUE(point.holds(static_cast<std::uint32_t>(kEpoch - 6)));
  EXPECT_FALSE(point.holds(static_cast<std::uint32_t>(kEpoch - 5)));
  EXPECT_TRUE(point.holds(static_cast<std::uint32_t>(kEpoch - 4)));
  EXPECT_TRUE(point.holds(3));
  EXPECT_FALSE(point.holds(4));
  EXPECT_TRUE(point.holds(5));
  EXPECT_FALSE(point.holds(10));
}

TEST(SnapshotPoint, ReadsAnIdInTheEpochNearestToIt) {
  constexpr std::uint64_t kEpoch = std::uint64_t{7} << 32;
  SnapshotPoint point{.xmin = kEpoch + 50, .xmax = kEpoch + 50, .in_progress = {}};
  EXPECT_TRUE(point.holds(49));
  EXPECT_FALSE(point.holds(50));
  EXPECT_TRUE(point.holds(0xffffffff));         // of the epoch before
  EXPECT_FALSE(point.holds(50 + 0x7fffffffu));  // still to come
}

TEST(RecentTransactions, ATransactionThatPassedButIsNotVisibleIsNoticed) {
  RecentTransactions recent;
  recent.add(7);
  recent.add(8);
  auto seen = recent.list();
  recent.add(9);
  EXPECT_EQ(seen->size(), 2u);
  EXPECT_TRUE(holds_all({.xmin = 9, .xmax = 9, .in_progress = {}}, *seen));
  EXPECT_FALSE(holds_all({.xmin = 8, .xmax = 9, .in_progress = {8}}, *seen));
  EXPECT_FALSE(holds_all({.xmin = 8, .xmax = 8, .in_progress = {}}, *seen));
}

TEST(RecentTransactions, ForgetsWhatASnapshotHolds) {
  RecentTransactions recent;
  for (std::uint32_t xid : {7, 8, 9}) recent.add(xid);
  recent.forget({.xmin = 8, .xmax = 10, .in_progress = {8}});
  EXPECT_EQ(*recent.list(), (RecentTransactions::List{8}));
}

TEST(RecentTransactions, IsBounded) {
  RecentTransactions recent;
  for (std::uint32_t xid = 0; xid < RecentTransactions::kKeptMax + 10; ++xid) recent.add(xid);
  EXPECT_EQ(recent.list()->size(), RecentTransactions::kKeptMax);
  EXPECT_EQ(recent.list()->front(), 10u);
}

}  // namespace
}  // namespace sluice::origin::embedded

#include "replication/snapshot_point.h"

#include <gtest/gtest.h>

namespace sluice::replication {
namespace {

TEST(SnapshotPoint, HoldsWhatPostgresCallsVisible) {
  SnapshotPoint point{.xmin = 100, .xmax = 110, .xip = {100, 105}};
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
  SnapshotPoint point{.xmin = kEpoch - 5, .xmax = kEpoch + 10, .xip = {kEpoch - 5, kEpoch + 4}};
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
  SnapshotPoint point{.xmin = kEpoch + 50, .xmax = kEpoch + 50, .xip = {}};
  EXPECT_TRUE(point.holds(49));
  EXPECT_FALSE(point.holds(50));
  EXPECT_TRUE(point.holds(0xffffffff));         // of the epoch before
  EXPECT_FALSE(point.holds(50 + 0x7fffffffu));  // still to come
}

TEST(SnapshotPoint, IsReadAsPostgresPrintsIt) {
  constexpr auto kParse = parse_snapshot_point;
  auto point = kParse("100:110:");
  ASSERT_TRUE(point);
  EXPECT_EQ(point->xmin, 100u);
  EXPECT_EQ(point->xmax, 110u);
  EXPECT_TRUE(point->xip.empty());
  point = kParse("18446744073709551610:18446744073709551614:18446744073709551610,18446744073709551612");
  ASSERT_TRUE(point);
  EXPECT_EQ(point->xip, (std::vector<std::uint64_t>{18446744073709551610u, 18446744073709551612u}));
  for (const char* wrong :
       {"", "1", "1:2", ":2:", "1::", "1:2:x", "1:2:3:4", "1:2:3 4", "18446744073709551616:2:", "-1:2:"}) {
    EXPECT_FALSE(kParse(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace sluice::replication

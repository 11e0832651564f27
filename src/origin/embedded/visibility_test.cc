#include "origin/embedded/visibility.h"

#include <gtest/gtest.h>

namespace sluice::origin::embedded {
namespace {

TEST(RecentTransactions, ATransactionThatPassedButIsNotVisibleIsNoticed) {
  RecentTransactions recent;
  recent.add(7);
  recent.add(8);
  auto seen = recent.list();
  recent.add(9);
  EXPECT_EQ(seen->size(), 2u);
  EXPECT_TRUE(holds_all({.xmin = 9, .xmax = 9, .xip = {}}, *seen));
  EXPECT_FALSE(holds_all({.xmin = 8, .xmax = 9, .xip = {8}}, *seen));
  EXPECT_FALSE(holds_all({.xmin = 8, .xmax = 8, .xip = {}}, *seen));
}

TEST(RecentTransactions, ForgetsWhatASnapshotHolds) {
  RecentTransactions recent;
  for (std::uint32_t xid : {7, 8, 9}) recent.add(xid);
  recent.forget({.xmin = 8, .xmax = 10, .xip = {8}});
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

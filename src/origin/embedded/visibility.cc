#include "origin/embedded/visibility.h"

#include <algorithm>

namespace sluice::origin::embedded {

void RecentTransactions::add(std::uint32_t xid) {
  xids_.push_back(xid);
  if (xids_.size() > kKeptMax) xids_.pop_front();
  list_.reset();
}

std::shared_ptr<const RecentTransactions::List> RecentTransactions::list() {
  if (!list_) list_ = std::make_shared<const List>(xids_.begin(), xids_.end());
  return list_;
}

void RecentTransactions::forget(const SnapshotPoint& snapshot) {
  if (std::erase_if(xids_, [&](std::uint32_t xid) { return snapshot.holds(xid); }) > 0) list_.reset();
}

bool holds_all(const SnapshotPoint& snapshot, const RecentTransactions::List& seen) {
  return std::all_of(seen.begin(), seen.end(), [&](std::uint32_t xid) { return snapshot.holds(xid); });
}

}  // namespace sluice::origin::embedded

#include "origin/embedded/visibility.h"

#include <algorithm>

namespace sluice::origin::embedded {

bool SnapshotPoint::holds(std::uint32_t xid) const {
  // The signed distance from xmax, modulo 2^32 (Postgres: TransactionIdPrecedes).
  auto distance = static_cast<std::int32_t>(xid - static_cast<std::uint32_t>(xmax));
  if (distance >= 0) return false;
  std::uint64_t full = xmax + static_cast<std::uint64_t>(static_cast<std::int64_t>(distance));
  if (full < xmin) return true;
  return !std::binary_search(in_progress.begin(), in_progress.end(), full);
}

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

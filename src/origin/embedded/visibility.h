// Which transactions a snapshot already holds.
//
// A shape is its snapshot joined with the changes of the replication stream. A transaction belongs to exactly one of the
// two: to the snapshot where Postgres's own visibility rule says so, to the stream otherwise. Three things have to hold:
//
//  1. Everything invisible to the snapshot comes on the stream, with the table published. The table is published, and
//     whoever was writing to it has finished, before the snapshot is taken (replication's concern).
//  2. Everything invisible comes on the stream *after* the shape began to listen. A transaction reaches the stream once its
//     commit record is on disk, a moment before other sessions see it; the moment is long where a synchronous standby is
//     slow. So a transaction may have passed before the shape listened and still be invisible to a snapshot taken later:
//     RecentTransactions finds that out, and the snapshot is taken again.
//     The rows of a subset are read only once they hold all that has passed, for the same reason.
//  3. What is visible and comes on the stream all the same is skipped: SnapshotPoint::holds().
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "replication/snapshot_point.h"

namespace sluice::origin::embedded {

using replication::SnapshotPoint;

// The transactions that the stream has brought lately. Belongs to the replication thread; the lists it hands out are
// immutable and may be read on any.
class RecentTransactions {
 public:
  using List = std::vector<std::uint32_t>;

  // Transactions between their commit record and their visibility are at most as many as Postgres has sessions; more
  // than kept_max later ones would have to pass meanwhile for one to be forgotten too early.
  static constexpr std::size_t kKeptMax = 64 * 1024;

  void add(std::uint32_t xid);
  // Those seen so far.
  std::shared_ptr<const List> list();
  // Forgets what `snapshot` holds: later snapshots hold it too.
  void forget(const SnapshotPoint& snapshot);

 private:
  std::deque<std::uint32_t> xids_;
  std::shared_ptr<const List> list_;  // of xids_, where made since the last change
};

// True when the snapshot holds each of `seen`, so that nothing that went by is missing from it.
bool holds_all(const SnapshotPoint& snapshot, const RecentTransactions::List& seen);

}  // namespace sluice::origin::embedded

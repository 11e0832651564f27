// Follows the replication stream and keeps every shape's log up to date with it. One thread, one io_context: its own.
//
// Logs live in memory, so a process begins with none and has no use for what an earlier one left: at its first connection
// the follower drops the slot and the publication of its name and makes them anew. (While another process still streams
// from the slot it waits, and reports kUnavailable.) When the connection is lost it reconnects, later each time up to
// kBackoffMax, and goes on where it was: shapes stay. Where the slot or the publication is gone, what happened meanwhile is
// lost, so every shape is dropped and all begins anew; `generation` counts these beginnings.
//
// What the stream brings is published, confirmed to the server and told to those who wait once for each read of the
// socket, not once for each change.
#pragma once

#include <atomic>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/task.h"
#include "origin/embedded/changes.h"
#include "origin/embedded/last_seen.h"
#include "origin/embedded/registry.h"
#include "origin/embedded/visibility.h"
#include "origin/origin.h"
#include "replication/connection.h"
#include "replication/stream.h"
#include "store/shape_log.h"

namespace sluice::origin::embedded {

struct FollowerOptions {
  std::string database_url;
  std::string slot;
  std::string publication;
};

class Follower final : replication::StreamHandler {
 public:
  // All outlive it.
  Follower(FollowerOptions options, Registry& registry, store::LogStore& store, LastSeen& last_seen);
  ~Follower() override;

  // Any thread.
  Origin::Health health() const { return health_.load(std::memory_order_acquire); }
  std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
  Executor executor() { return context_.get_executor(); }
  // Gives up a shape that was removed from the registry. Returns at once.
  void forget(std::shared_ptr<Shape> shape);

  // Runs until stop(), which may come from any thread and returns at once.
  void run();
  void stop();
  // Drops the slot and the publication, for a moment's trying. After run() has returned, on its thread.
  void leave();

  // On the follower's thread (post to its executor):

  // From now on the shape gets its table's changes. Returns the transactions that have passed already, which the shape's
  // snapshot must hold; null where the stream is not of `generation` any more or not connected.
  std::shared_ptr<const RecentTransactions::List> listen(std::shared_ptr<Shape> shape, std::uint64_t generation);
  // The snapshot of the shape was taken: its changes can be told from its rows.
  void release(const std::shared_ptr<Shape>& shape, SnapshotPoint point, std::uint64_t insert_lsn);
  // The rows are in the log: the shape is ready, unless it was dropped meanwhile.
  void finish(const std::shared_ptr<Shape>& shape);

 private:
  Task<void> follow();
  Task<bool> prepare();
  Task<bool> renew(replication::Connection& connection);
  Task<replication::StreamEnd> stream();
  Task<void> pause();
  Task<void> drop_slot();
  void drop_all();
  bool must_renew(const replication::StreamEnd& end) const;

  void on_begin(const replication::Begin& begin) override;
  void on_relation(const replication::Relation& relation) override;
  void on_insert(const replication::Insert& insert) override;
  void on_update(const replication::Update& update) override;
  void on_delete(const replication::Delete& deletion) override;
  void on_truncate(const replication::Truncate& truncate) override;
  void on_commit(const replication::Commit& commit) override;
  void on_idle(replication::Lsn server_end) override;
  void on_batch_end() override;
  void publish();

  const FollowerOptions options_;
  Registry& registry_;
  store::LogStore& store_;
  LastSeen& last_seen_;
  std::atomic<Origin::Health> health_{Origin::Health::kStarting};
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<bool> stopping_{false};

  // The rest belongs to the thread.
  Changes changes_;
  RecentTransactions recent_;
  replication::Stream* stream_ = nullptr;
  boost::asio::cancellation_signal stop_;        // of follow(), whatever it waits for
  bool renew_ = true;                            // begin anew at the next connection
  bool skipping_ = false;                        // the transaction was delivered before the connection was lost
  replication::Lsn commit_lsn_ = 0;              // of the last transaction delivered whole
  replication::Lsn end_lsn_ = 0;                 // what to confirm
  std::vector<std::shared_ptr<Shape>> touched_;  // since the last publish()
  int failures_ = 0;                             // in a row

  boost::asio::io_context context_{1};  // last: what it holds goes before what that refers to
};

}  // namespace sluice::origin::embedded

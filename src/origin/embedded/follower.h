// Follows the replication stream and keeps every shape's log up to date with it. One thread, one io_context: its own.
//
// It streams only while it holds the slot's lock (replication/slot_lock.h). While another process holds it, the follower
// stands by: it asks for the lock four times a second, and what it has meanwhile is not to be served.
//
// Where the store holds what an earlier process left, and the slot still begins where that ends (or before), the follower
// goes on from there: what the store has already is skipped. Otherwise it begins anew: every shape is dropped, the slot and
// the publication are dropped and made again; `generation` counts these beginnings. So too where the slot or the
// publication is gone, since what happened meanwhile is lost. When the connection is lost it reconnects, later each time up
// to kBackoffMax, and goes on where it was: shapes stay.
//
// What the stream brings is published and told to those who wait once for each read of the socket, not once for each
// change. The server is told that it may forget only what the store has made durable. While the store cannot be written to
// the follower does not read on: the server keeps what comes.
#pragma once

#include <atomic>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
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
#include "replication/catalog.h"
#include "replication/connection.h"
#include "replication/slot_lock.h"
#include "replication/stream.h"
#include "store/shape_log.h"

namespace sluice::origin::embedded {

// Retry-After of what cannot be answered without the stream (PROTOCOL section 2).
inline constexpr int kPassingRetry_s = 1;
inline constexpr int kAwayRetry_s = 10;

struct FollowerOptions {
  std::string database_url;
  std::string slot;
  std::string publication;
  bool manual_publication = false;  // is not ours to make or drop
  bool stored = false;              // the store outlives the process, however that ends
  bool drop_slot_on_stop = true;
};

class Follower final : replication::StreamHandler {
 public:
  // All outlive it.
  Follower(FollowerOptions options, Registry& registry, store::LogStore& store, LastSeen& last_seen);
  ~Follower() override;

  // Before run(), where the store holds what an earlier process left: how far that goes, what it is of, its notes.
  void resume(replication::Lsn lsn, std::string state, std::string_view notes);
  // The same, for each of its shapes.
  void adopt(std::shared_ptr<Shape> shape);

  // Any thread.
  Origin::Health health() const { return health_.load(std::memory_order_acquire); }
  bool stands_by() const { return stands_by_.load(std::memory_order_acquire); }
  // While it is not active: when it is worth asking again. A stream that has just ended is gone on from, or begun anew,
  // within a second; a database that cannot be reached may stay away for longer.
  int retry_s() const { return passing_.load(std::memory_order_acquire) ? kPassingRetry_s : kAwayRetry_s; }
  std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
  // Between the last commit that was delivered and its delivery; 0 while there is nothing to deliver. By two clocks.
  std::int64_t lag_us() const { return lag_us_.load(std::memory_order_relaxed); }
  // Whether all that the server had written when we last began to stream from it was delivered: what is not known now was
  // never told.
  bool caught_up() const;
  std::uint64_t transactions() const { return transactions_.load(std::memory_order_relaxed); }
  Executor executor() { return context_.get_executor(); }
  // Gives up a shape that was removed from the registry. Returns at once.
  void forget(std::shared_ptr<Shape> shape);

  // Runs until stop(), which may come from any thread and returns at once.
  void run();
  void stop();
  // After run() has returned, on its thread: gives the lock back. Before that drops the slot and the publication, unless
  // they are to be kept, for a moment's trying.
  void leave();

  // On the follower's thread (post to its executor):

  // From now on the shape gets its table's changes. Returns the transactions that have passed already, which the shape's
  // snapshot must hold; null where the stream is not of `generation` any more or not connected.
  std::shared_ptr<const RecentTransactions::List> listen(std::shared_ptr<Shape> shape, std::uint64_t generation);
  // The transactions that have passed already, and so may have been told: rows that are read for who follows must hold them.
  std::shared_ptr<const RecentTransactions::List> passed() { return recent_.list(); }
  // Every later snapshot holds what this one holds.
  void forget_visible(const SnapshotPoint& point) { recent_.forget(point); }
  // The snapshot of the shape was taken: its changes can be told from its rows.
  void release(const std::shared_ptr<Shape>& shape, SnapshotPoint point, std::uint64_t insert_lsn);
  // The rows are in the log: the shape is ready, unless it was dropped meanwhile. The store keeps it for another process
  // only once the stream has passed `insert_lsn`: who goes on from a position behind knows that no transaction is still to
  // come that the rows hold. Usually that is a moment, and the shape is not ready before; a stream that lags is not waited
  // for.
  void finish(const std::shared_ptr<Shape>& shape, std::uint64_t insert_lsn);

 private:
  struct Finishing {
    std::shared_ptr<Shape> shape;
    std::uint64_t insert_lsn;
    std::chrono::steady_clock::time_point patience;
  };

  Task<void> follow();
  Task<bool> hold_lock();
  Task<bool> prepare();
  Task<std::expected<bool, replication::PgError>> fits(replication::Connection& connection);
  Task<bool> renew(replication::Connection& connection);
  Task<std::expected<void, replication::PgError>> renew_publication(replication::Connection& connection);
  Task<replication::StreamEnd> stream();
  Task<void> pause();
  Task<void> wait_until_writable();
  Task<void> ask_until_finished();
  Task<void> drop_slot();
  std::string state_of(const replication::Server& server) const;
  bool failed(std::string_view event, const replication::PgError& error);
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
  void on_status() override;
  void publish();
  void confirm();
  void finish_passed();
  void make_ready(const std::shared_ptr<Shape>& shape, std::uint64_t insert_lsn);
  void pass(std::uint32_t xid);

  const FollowerOptions options_;
  Registry& registry_;
  store::LogStore& store_;
  LastSeen& last_seen_;
  std::atomic<Origin::Health> health_{Origin::Health::kStarting};
  std::atomic<bool> stands_by_{false};
  std::atomic<bool> passing_{false};  // what keeps it from being active
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> lag_us_{0};
  std::atomic<replication::Lsn> server_end_{0};  // of what it had written when we began
  std::atomic<std::uint64_t> transactions_{0};

  // The rest belongs to the thread.
  Changes changes_;
  RecentTransactions recent_;
  std::unique_ptr<replication::SlotLock> lock_;
  replication::Stream* stream_ = nullptr;
  boost::asio::cancellation_signal stop_;        // of follow(), whatever it waits for
  bool renew_ = true;                            // begin anew at the next connection
  bool check_ = true;                            // somebody else may have held the lock: see whether the slot fits
  std::string state_;                            // of which database and slot the shapes are
  bool skipping_ = false;                        // the transaction was delivered before, to this process or an earlier one
  replication::Lsn commit_lsn_ = 0;              // of the last transaction delivered whole
  std::int64_t commit_time_us_ = 0;              // of the transaction that the stream is in
  replication::Lsn end_lsn_ = 0;                 // everything before is delivered
  replication::Lsn published_lsn_ = 0;           // of the last commit to the store
  bool unpublished_ = false;                     // there is something to publish besides
  std::string note_;                             // the ids of transactions since the last publish()
  std::vector<std::shared_ptr<Shape>> touched_;  // since the last publish()
  std::vector<Finishing> finishing_;
  bool asking_ = false;  // ask_until_finished() runs
  int failures_ = 0;     // in a row

  boost::asio::io_context context_{1};  // last: what it holds goes before what that refers to
};

}  // namespace sluice::origin::embedded

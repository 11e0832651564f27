// Makes shapes: looks the table up, resolves the definition, takes the snapshot.
//
// Runs on an io_context and a thread of its own, so that reading a large table delays neither the stream nor answers.
// However many ask for one definition at once, it is resolved once, and its snapshot is taken once. Snapshots are bounded
// in number; those who ask for more wait their turn, and validation has connections of its own, so a wrong request is
// refused at once even while large tables are being read.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "base/promise.h"
#include "origin/embedded/follower.h"
#include "origin/embedded/registry.h"
#include "origin/embedded/subset.h"
#include "origin/embedded/visibility.h"
#include "replication/pool.h"
#include "replication/snapshot.h"
#include "shape/definition.h"

namespace sluice::origin::embedded {

// Definitions being resolved at one time: each is a coroutine and an entry of a map. Beyond: 503.
inline constexpr std::size_t kResolvingMax = 20'000;

struct MakerOptions {
  std::string database_url;
  std::string publication;
  std::size_t snapshots_max = 4;  // at one time: each is a connection and reads a table
  std::size_t queries_max = 4;    // catalog look-ups and subsets at one time
  std::size_t bytes_max = 0;      // of all logs: a snapshot that would exceed it is given up
  std::size_t chunk_bytes = 0;    // the store's
  std::chrono::milliseconds table_check_interval{10'000};
  std::string slot = {};            // looked at with the tables
  bool manual_publication = false;  // what is published, and how, is only checked
};

class Maker {
 public:
  using Found = std::expected<std::shared_ptr<Shape>, Failure>;

  // All outlive it.
  Maker(MakerOptions options, Registry& registry, store::LogStore& store, Follower& follower);
  ~Maker();

  // On the caller's io_context; any thread. The shape is perhaps still being made.
  Task<Found> find_or_make(const shape::Definition& definition);

  // Reads rows on a connection of the maker's. `sink` is called on the maker's thread.
  using Rows = std::expected<replication::SnapshotInfo, Failure>;
  Task<Rows> read_rows(SubsetQuery query, std::shared_ptr<replication::SnapshotSink> sink);

  // Until stop(). Meanwhile also looks, once the stream stands and every table_check_interval from then on, whether the
  // tables of the shapes are still what they were: a table that is dropped, renamed, altered without being written to, or
  // taken out of the publication does not show on the stream. Where a table is read for a new shape and is not what it was,
  // the shapes of what it was go at once. Tables that no shape is of any more are unpublished, unless that is done by hand.
  void run();
  // Any thread; returns at once.
  void stop();
  Executor executor() { return context_.get_executor(); }

  // Counted since the start; of the server's log as it was looked at last. Any thread.
  struct Counts {
    std::atomic<std::uint64_t> snapshots_running{0};
    std::atomic<std::uint64_t> snapshots_done{0};
    std::atomic<std::uint64_t> snapshots_failed{0};
    std::atomic<std::uint64_t> snapshots_us{0};    // the time that the done ones took, together
    std::atomic<std::uint64_t> server_end{0};      // what the server has written
    std::atomic<std::uint64_t> retained_bytes{0};  // what it keeps for the slot
  };
  const Counts& counts() const { return counts_; }

 private:
  using Resolution = Promise<Found>;
  std::shared_ptr<Resolution> begin_resolving(const std::string& text, const shape::Definition& definition);
  Task<void> resolve(std::string text, shape::Definition definition, std::shared_ptr<Resolution> resolution);
  Task<Found> find_or_create(const std::string& text, const shape::Definition& definition);
  // A table's description, as it is or was a moment ago.
  struct Known {
    std::shared_ptr<const sql::Table> table;
    bool full_identity;
    bool from_before;
    std::chrono::steady_clock::time_point since;
  };
  Task<std::expected<Known, Failure>> look_up(shape::TableName name);
  void forget_known(sql::Oid table);
  Task<void> make(std::shared_ptr<Shape> shape, Known known);
  // The position that everything in the snapshot was written before.
  using Taken = std::expected<replication::Lsn, Failure>;
  Task<Taken> take_snapshot(replication::Connection& connection, std::shared_ptr<Shape> shape, bool full_identity);
  Task<Failure> snapshot_failure(replication::Connection& connection, const sql::Table& table, replication::PgError error);
  Task<std::expected<void, Failure>> publish(replication::Connection& connection, const sql::Table& table,
                                             bool full_identity, std::uint64_t generation);
  Task<std::expected<void, Failure>> listen(replication::Connection& connection, std::shared_ptr<Shape> shape,
                                            std::uint64_t generation);
  using Seen = std::shared_ptr<const RecentTransactions::List>;
  Task<std::expected<void, Failure>> await_visible(replication::Connection& connection, Seen seen);
  std::shared_ptr<const sql::Table> intern(sql::Table table);
  void drop_former(const sql::Table& table);
  void drop_changed(const sql::Table& table, std::string_view why, const std::vector<std::shared_ptr<Shape>>& shapes);
  Task<void> watch();
  void drop_failed();
  Task<void> check_tables();
  Task<void> check_slot(replication::Connection& connection);
  Task<void> unpublish_unused(replication::Connection& connection);
  Task<void> check_table(replication::Connection& connection, std::shared_ptr<const sql::Table> table, bool is_published,
                         std::vector<std::shared_ptr<Shape>> shapes);
  Task<void> read(SubsetQuery query, std::shared_ptr<replication::SnapshotSink> sink,
                  std::shared_ptr<Promise<std::shared_ptr<Rows>>> result);
  Task<Rows> read_visible(SubsetQuery query, std::shared_ptr<replication::SnapshotSink> sink);

  const MakerOptions options_;
  Registry& registry_;
  store::LogStore& store_;
  Follower& follower_;

  Counts counts_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<Resolution>> resolving_;

  // The rest belongs to the thread.
  std::unordered_map<sql::Oid, std::uint64_t> published_;  // in which generation of the follower
  std::unordered_set<sql::Oid> publishing_;
  bool unpublishing_ = false;
  std::unordered_set<sql::Oid> used_before_;                                  // tables of shapes, at the last look
  std::unordered_map<sql::Oid, std::weak_ptr<const sql::Table>> tables_;      // as they were last seen: shapes share them
  std::unordered_map<std::string, std::weak_ptr<const sql::Table>> by_name_;  // the same, by their names as printed
  std::unordered_map<std::string, Known> known_;                              // likewise
  WaitList publishing_waiters_;
  replication::Pool queries_;
  replication::Pool snapshots_;
  boost::asio::io_context context_{1};  // last: what it holds refers to the others
  boost::asio::executor_work_guard<Executor> work_{context_.get_executor()};
};

}  // namespace sluice::origin::embedded

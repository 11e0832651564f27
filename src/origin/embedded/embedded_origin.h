// The embedded origin: the shape protocol served from Postgres's own logical replication (DESIGN, "The embedded origin").
//
//   EmbeddedOrigin origin({.database_url = url});
//   origin.start();
//   OriginApi api({...}, origin);  http::Server server({...}, api);  …
//   origin.drain(); server.stop(); server.join(); origin.stop();
//
// Threads: one follows the replication stream and writes the logs (follower.h), one takes snapshots and asks the catalog
// (maker.h); serve() runs on the callers' io_contexts, takes short locks and never waits for the database but for a shape
// that is not there yet, or a subset.
//
// Order of ends: stop() before the io_contexts that serve() was called on are destroyed; the origin itself after them,
// since requests that they still held refer to it.
//
// With a folder for storage, shapes outlive the process: they are served from start() on, and followed further as soon as
// the slot's lock is held; the slot stays at stop(), and the database keeps its log for it until somebody goes on from it or
// drops it. Another process that has the folder, or holds the slot's lock, is waited for (health kUnavailable, 503).
//
// Without one, logs are held in memory. After a restart every shape is new and clients are told to fetch anew (409); a slot
// and a publication of the configured names that an earlier process left behind are dropped and made again at start, and the
// slot is dropped at stop(), so that the database keeps nothing for a process that is gone.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "origin/origin.h"

namespace sluice::origin {

struct EmbeddedOptions {
  std::string database_url;
  std::string slot = "sluice";
  std::string publication = "sluice";
  std::size_t chunk_bytes = 10 * 1024 * 1024;
  std::uint32_t cache_max_age_s = 60;
  std::uint32_t cache_stale_age_s = 300;
  std::chrono::milliseconds long_poll_timeout{20'000};
  std::chrono::milliseconds sse_timeout{60'000};
  std::chrono::milliseconds sse_keepalive{21'000};
  // Of the statement that reads a subset; beyond it 503 (SECURITY E15). Below what a request waits for the database, 30 s.
  std::chrono::milliseconds subset_timeout{10'000};
  // The folder that shapes are kept in; empty: in memory.
  std::string storage;
  bool drop_slot_on_stop = false;  // also where there is a folder
  // The publication, and what it publishes, is made by hand: only looked at.
  bool manual_publication = false;
  // Beyond, the shapes that were not used for the longest time are dropped: of their number, and of the bytes of all logs,
  // in memory or in the folder.
  std::size_t shapes_max = 100'000;
  std::size_t memory_max = std::size_t{2} * 1024 * 1024 * 1024;
  std::size_t storage_max = std::size_t{64} * 1024 * 1024 * 1024;
  std::size_t snapshots_max = 4;  // taken at one time, each on a connection
  std::size_t queries_max = 4;    // catalog look-ups and subsets at one time
  // How often tables are looked at for changes that do not show on the stream.
  std::chrono::milliseconds table_check_interval{10'000};
  bool allow_delete = false;
};

class EmbeddedOrigin final : public Origin {
 public:
  using Options = EmbeddedOptions;

  explicit EmbeddedOrigin(Options options);
  ~EmbeddedOrigin() override;  // stop()

  // Reads what is in the folder, starts the threads and returns; health() tells when the stream stands. Once. Throws
  // std::runtime_error where the folder cannot be used, but for another process that has it.
  void start();
  // Ends the threads; the slot goes, unless it is to be kept. Any thread but theirs; may be called twice.
  void stop();

  Task<void> serve(std::shared_ptr<const AuthorizedRequest> request, http::Response& response) override;
  Health health() const override;
  void drain() override;

  // As it is now; zeros while the folder is waited for.
  struct Stats {
    std::size_t shapes = 0;
    std::size_t log_bytes = 0;
    std::size_t held_requests = 0;
    std::uint64_t last_seen_lsn = 0;
    bool stands_by = false;
    bool writable = true;              // the storage
    std::uint64_t durable_lsn = 0;     // up to here everything outlives a crash
    std::uint64_t lag_bytes = 0;       // of the server's log, not delivered yet when it was last looked at
    double lag_s = 0;                  // between commit and delivery of what came last
    std::uint64_t retained_bytes = 0;  // what the server keeps for the slot
    std::uint64_t transactions = 0;    // followed since the start
    std::uint64_t snapshots_running = 0;
    std::uint64_t snapshots_done = 0;
    std::uint64_t snapshots_failed = 0;
    double snapshots_s = 0;  // of those done, together
    std::uint64_t evicted = 0;
  };
  Stats stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::origin

// Shape logs that outlive the process, and the machine's crash. docs/format-store.md describes the files.
//
//   auto store = store::DiskStore::open({.folder = "data", .offset_of = entry_offset});
//   if (!store) fail(store.error().message);
//   for (auto& log : (*store)->take_recovered().logs) …
//
// How it works. What the changes' writer commits goes, in memory, to a write-ahead log and to each log's tail; readers see
// it at once. A thread writes and syncs the write-ahead log in groups, every sync_every while there is something; then
// durable_lsn() rises. A second thread keeps house: it syncs snapshots that were finished, moves tails to the logs' files
// when they take too much memory, writes a checkpoint when the write-ahead log has grown, and deletes the files of dropped
// logs. Nobody who appends, commits or reads waits for a sync. The exceptions: a writer waits where kPendingBytesMax have
// not been written, or where a transaction that does not fit into memory does not fit on the disk either (see
// stop_waiting()).
//
// A full disk: what cannot be written is tried again, writable() is false meanwhile; a snapshot that was being written has
// failed.
//
// What it costs beside the bytes: about 600 B and its meta for a log, 32 B for each 64 kB of changes.
//
// Threads: as shape_log.h says. The writers have stopped when the store is destroyed; logs may still be read then.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "store/disk_log.h"
#include "store/log_context.h"
#include "store/notes.h"
#include "store/recovery.h"
#include "store/shape_log.h"
#include "store/wal.h"

namespace sluice::store {

class CheckpointWriter;

struct DiskStoreOptions {
  std::string folder;                          // made where it is missing; its parent is not
  std::size_t chunk_bytes = 10 * 1024 * 1024;  // of new logs; a log keeps what it was made with
  // The offset that an entry of the changes says of itself; nothing where it is none.
  std::function<std::optional<shape::Offset>(std::string_view entry)> offset_of;

  std::chrono::milliseconds sync_every{5};
  // Changes that are kept in memory, of all logs; beyond, the longest tails go to their files.
  std::size_t tail_bytes_max = 64 * 1024 * 1024;
  // Changes of a transaction that are kept in memory until it is committed, of one log and of all; beyond, likewise.
  std::size_t uncommitted_bytes_max = 4 * 1024 * 1024;
  std::size_t all_uncommitted_bytes_max = 32 * 1024 * 1024;
  // A checkpoint is due when the write-ahead log has grown by this and by twice the last checkpoint's size.
  std::size_t checkpoint_bytes = 64 * 1024 * 1024;
  std::chrono::milliseconds checkpoint_every{1000};  // not more often
  // Tails that are shorter than this go into the checkpoint itself.
  std::size_t inline_bytes_max = 8 * 1024;
  std::size_t open_files_max = 512;
  std::size_t kept_page_bytes_max = 8 * 1024 * 1024;  // of small pages that were read, for the next who asks
  // Without threads nothing is done but by flush(), checkpoint() and keep_house(): for tests that decide when.
  bool threads = true;
};

class DiskStore final : public LogStore, private LogOwner {
 public:
  static std::expected<std::unique_ptr<DiskStore>, StoreError> open(DiskStoreOptions options,
                                                                    FileLayer& files = posix_files());
  // Makes everything durable that can be, and leaves a checkpoint.
  ~DiskStore() override;

  std::shared_ptr<ShapeLog> create(std::string_view handle, std::string_view meta) override;
  void drop(std::string_view handle) override;
  void commit(Lsn lsn, std::string_view note) override;
  void set_state(std::string state) override { next_state_ = std::move(state); }
  Lsn committed_lsn() const override { return committed_.load(std::memory_order_acquire); }
  Lsn durable_lsn() const override { return wal_.durable_lsn(); }
  bool writable() const override { return !failing_.load() && !wal_failing_.load(); }
  void stop_waiting() override;
  Recovered take_recovered() override;
  std::size_t bytes() const override { return context_->bytes.load(std::memory_order_relaxed); }

  // What of the folder could not be read when it was opened; empty: nothing was amiss.
  const std::vector<std::string>& damage() const { return damage_; }

  // Everything up to now is durable, finished snapshots too; false where that could not be.
  bool flush();
  FileResult<> checkpoint();
  // What the second thread does when it is woken.
  void keep_house();

 private:
  DiskStore(DiskStoreOptions options, std::shared_ptr<LogContext> context, std::unique_ptr<FileLayer::Lock> lock,
            RecoveredStore recovered);

  void finished(std::shared_ptr<DiskLog> log) override;
  void released(std::uint64_t id) override;
  void write_failed(const FileError& error) override;
  bool wait_for_disk() override;

  void start_threads();
  void run_wal();
  bool write_wal();
  void run_house();
  void wake_house();
  void record_finished();
  void shorten_tails();
  bool flush_log(DiskLog& log);
  void remove_garbage();
  void probe();
  bool checkpoint_due() const;
  FileResult<> checkpoint_held();
  FileResult<> write_checkpoint(CheckpointWriter& writer, const std::vector<std::shared_ptr<DiskLog>>& logs,
                                std::string_view header);
  FileResult<> sync_changes(const std::vector<std::shared_ptr<DiskLog>>& logs);
  std::vector<std::shared_ptr<DiskLog>> all_logs() const;

  const DiskStoreOptions options_;
  const std::shared_ptr<LogContext> context_;
  const std::unique_ptr<FileLayer::Lock> lock_;
  std::vector<std::string> damage_;
  std::optional<Recovered> recovered_;

  mutable std::mutex logs_mutex_;
  std::unordered_map<std::string_view, std::shared_ptr<DiskLog>> logs_;  // by their own handles
  std::atomic<std::uint64_t> next_id_;

  Wal wal_;
  // Of the changes' writer, under the write-ahead log's lock where they change.
  std::uint64_t commit_number_;
  std::string state_;
  std::optional<std::string> next_state_;
  Notes notes_;
  std::atomic<Lsn> committed_;

  std::atomic<bool> failing_{false};  // something else than the write-ahead log could not be written
  std::atomic<bool> wal_failing_{false};
  std::atomic<bool> not_waiting_{false};
  std::atomic<bool> stopping_{false};

  // What the house-keeping thread has to do.
  std::mutex house_mutex_;
  std::condition_variable house_;
  bool house_woken_ = false;
  std::vector<std::shared_ptr<DiskLog>> finished_;
  struct Garbage {
    std::uint64_t id;
    std::uint64_t position;  // of the write-ahead log: the drop is durable once this is
  };
  std::vector<Garbage> garbage_;
  std::mutex keeping_;  // one at a time keeps house
  std::atomic<std::uint64_t> checkpoint_position_{0};
  std::atomic<std::uint64_t> checkpoint_size_{0};
  std::chrono::steady_clock::time_point checkpoint_time_{};

  std::thread wal_thread_;
  std::thread house_thread_;
};

}  // namespace sluice::store

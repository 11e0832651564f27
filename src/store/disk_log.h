// One shape log on disk. See shape_log.h for the contract, disk_store.h for how the parts play together.
//
// The snapshot lies in a file, written as it comes, closed chunk by closed chunk. The changes lie in a second file up to
// flushed_, and behind that in memory, the tail; how they are cut between the two is nobody's business: positions count
// bytes of changes from the log's beginning, and are positions in that file too.
//
//   0 ............ flushed_ ........ published_ ....... ended_ ........ last_
//   | in the file  | in memory       | not committed    | not ended     |
//
// A transaction that does not fit into memory moves flushed_ beyond published_; aborting moves it back.
//
// Of what is in the file a log remembers a block each 64 kB (an offset, a position, a CRC): an entry is found by reading its
// block and asking each entry for its own offset. Each block and each chunk of the snapshot is checked by its CRC when it is
// read; what is sent from its file (read_to_send), when that was not done lately (checked_parts.h).
//
// Threads: as the contract says; flush(), sync and capture calls come from the store's own threads, one at a time. A log
// holds its lock while it copies or searches, never while it reads, writes or syncs a file.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "store/byte_log.h"
#include "store/changes_writer.h"
#include "store/format.h"
#include "store/log_context.h"
#include "store/shape_log.h"
#include "store/snapshot_file.h"
#include "store/wal.h"

namespace sluice::store {

class DiskLog final : public ShapeLog, public WrittenAhead, public std::enable_shared_from_this<DiskLog> {
 public:
  DiskLog(std::shared_ptr<LogContext> context, std::uint64_t id, std::size_t chunk_bytes, std::string_view handle,
          std::string_view meta);
  ~DiskLog() override;

  void append_snapshot(std::string_view entries) override;
  void finish_snapshot(Lsn known_from) override;
  void append(shape::Offset offset, std::string_view entry) override;
  void end_transaction() override;
  void abort_transaction() override;
  std::expected<Page, ReadError> read(shape::Offset after) const override;
  std::expected<Page, ReadError> read_to_send(shape::Offset after) const override;
  shape::Offset head() const override;
  std::size_t bytes() const override;
  bool failed() const override { return failed_.load(std::memory_order_acquire); }

  std::uint64_t id() const { return id_; }
  const std::string& handle() const { return handle_; }
  const std::string& meta() const { return meta_; }

  // Its files go once nobody holds it.
  void drop() { dropped_.store(true, std::memory_order_release); }
  bool dropped() const { return dropped_.load(std::memory_order_acquire); }

  // Publishes what has ended, as the store's commit `number`, and appends the records of it. True where something is left
  // that has not ended. The changes' writer's.
  bool commit(Wal::Commit& commit, std::uint64_t number);
  // Moves the tail to the file: what is published, or everything.
  enum class Upto { kPublished, kEverything };
  FileResult<> flush(Upto upto);
  // Published bytes in memory.
  std::size_t flushable_bytes() const;

  Lsn known_from() const { return known_from_.load(std::memory_order_relaxed); }
  // Syncs the file of its finished snapshot, unless it is synced already, and answers the record that says so.
  FileResult<std::string> record_finish(bool synced);
  // Appends the log's record for a checkpoint, as far as the log is published. True where its file of changes has to be
  // synced for the record to hold.
  bool capture(std::string& out);
  FileResult<> make_durable() override;
  // Before a sync of everything, and after one that failed.
  void set_unsynced(bool unsynced);
  std::string give_up(const FileError& error) override;
  // It cannot be kept: what can be read stays readable, but it is not there after a restart.
  void lose() { failed_.store(true, std::memory_order_release); }

  // For recovery, before anybody else knows the log. False where the record does not fit to what the log has.
  void restore(const LogRecord& record);
  bool replay(const FinishRecord& record);
  bool replay(const EntriesRecord& record);
  bool replay(const ExtentsRecord& record);
  void replay_commit(std::uint64_t number);
  bool finished() const { return snapshot_finished_; }
  std::uint64_t commit_number() const { return commit_number_; }
  // What its files must hold at least.
  std::uint64_t snapshot_bytes() const { return chunks_.empty() ? 0 : chunks_.back().end; }
  std::uint64_t changes_file_bytes() const { return flushed_.end; }

 private:
  struct FilePart;
  struct Plan;

  void close_snapshot_chunk();
  void fail_snapshot(const FileError& error);

  void add_entry(const Mark& mark, std::string_view entry);
  void spill();
  std::uint64_t uncommitted() const;
  void commit_extents(Wal::Commit& commit);
  void commit_entries(Wal::Commit& commit);
  ChangesRun take_run(Upto upto) const;
  void install(const ChangesRun& run, const std::vector<Block>& blocks);

  std::expected<Plan, ReadError> plan(shape::Offset after) const;
  Plan plan_chunk(std::size_t chunk) const;
  Plan plan_changes(shape::Offset after) const;
  FilePart plan_file_part(shape::Offset after, std::uint64_t to) const;
  PageCache::Key key_of(const FilePart& part) const;
  std::expected<Page, ReadError> page_in_memory(Plan plan) const;
  bool skip_known(const FilePart& part, std::string_view& bytes) const;
  std::optional<std::uint64_t> first_behind(const FilePart& part) const;
  std::shared_ptr<const char[]> load(const FilePart& part) const;
  std::shared_ptr<const char[]> load_checked(const FilePart& part) const;
  bool check(const File& file, const FilePart& part) const;
  void log_unreadable(const FilePart& part, const std::string& error) const;

  void count();

  const std::shared_ptr<LogContext> context_;
  const std::uint64_t id_;
  const std::size_t chunk_bytes_;
  const std::string handle_;
  const std::string meta_;
  std::atomic<bool> failed_{false};
  std::atomic<bool> dropped_{false};
  std::atomic<Lsn> known_from_{0};  // as finish_snapshot() was told

  std::unique_ptr<SnapshotFile> snapshot_;  // while it is written; its writer's

  std::mutex flush_mutex_;  // one flush or abort at a time; taken before mutex_

  mutable std::mutex mutex_;
  std::vector<SnapshotChunk> chunks_;
  bool snapshot_finished_ = false;
  bool finish_recorded_ = false;

  Mark flushed_;
  Mark published_;
  Mark ended_;
  Mark last_;
  std::vector<Block> blocks_;     // of what is flushed
  std::vector<Mark> chunk_ends_;  // closed chunks of the changes
  ByteLog tail_;
  std::vector<Mark> entries_;  // of the tail
  std::uint64_t commit_number_ = 0;
  bool touched_ = false;          // is in context_->touched
  bool unsynced_ = false;         // the file of changes has bytes that were not synced
  std::size_t counted_ = 0;       // reported to context_->bytes
  std::size_t counted_tail_ = 0;  // reported to context_->tail_bytes
};

}  // namespace sluice::store

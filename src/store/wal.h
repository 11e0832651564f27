// The write-ahead log: records in the order in which they happened, made durable in groups.
//
// Records are appended to memory; write_pending() writes what has gathered to the segment's file, syncs it, and only then
// counts it as durable. Where that fails the group is kept and written again, at the same place, with the same bytes, until
// it succeeds: nothing else is written before. (A sync that failed says nothing about what reached the disk; but all of it
// is still here.) Segments are files of their own, numbered; a segment is begun only when everything before it is durable.
//
// Threads: any thread appends; commits come from one. One thread at a time calls write_pending(). Appending takes a lock
// that is held for as long as a commit's records take to be copied.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "store/files.h"
#include "store/shape_log.h"

namespace sluice::store {

// A commit waits while more than this has not been written: a disk that is slower than the database for so long would
// otherwise take all memory.
inline constexpr std::size_t kPendingBytesMax = 64 * 1024 * 1024;

std::string wal_name(std::uint64_t segment);
std::string checkpoint_name(std::uint64_t segment);

// A log whose file holds entries that a commit speaks of: they must be durable before it.
class WrittenAhead {
 public:
  virtual ~WrittenAhead() = default;
  virtual FileResult<> make_durable() = 0;
  // It cannot be made durable, ever. Answers a record that says so.
  virtual std::string give_up(const FileError& error) = 0;
};

class Wal {
 public:
  Wal(FileLayer& files, std::string folder, std::uint64_t segment);

  // Appends one or more frames. Answers the position behind them.
  std::uint64_t append(std::string_view frames);

  // A commit: its frames go to out(); nobody else appends meanwhile. The commit's own frame is the last.
  class Commit {
   public:
    std::string& out() { return wal_.pending_.back().bytes; }
    void sync_first(std::shared_ptr<WrittenAhead> log) { wal_.pending_.back().sync_first.push_back(std::move(log)); }
    void end(Lsn lsn);

   private:
    friend class Wal;
    explicit Commit(Wal& wal);
    Wal& wal_;
    std::unique_lock<std::mutex> lock_;
    const std::size_t size_before_;
  };
  Commit begin_commit() { return Commit(*this); }

  // Begins a new segment: what is appended from now on goes there. `and_then` runs before anything else can be appended,
  // with the position. Answers the segment's number.
  std::uint64_t rotate(const std::function<void(std::uint64_t appended)>& and_then);

  // Writes and syncs what has gathered; false where that failed.
  FileResult<> write_pending();

  // Positions count bytes over all segments since this was made.
  std::uint64_t appended() const { return appended_.load(std::memory_order_acquire); }
  std::uint64_t durable() const { return durable_.load(std::memory_order_acquire); }
  Lsn durable_lsn() const { return durable_lsn_.load(std::memory_order_acquire); }
  void set_durable_lsn(Lsn lsn) { durable_lsn_ = lsn; }

  // Waits until there is something to write or wake() is called.
  void wait_for_work(const std::function<bool()>& woken);
  // Waits until `position` is durable, or until `give_up` says so.
  bool wait_durable(std::uint64_t position, const std::function<bool()>& give_up);
  // Waits while too much is pending.
  void wait_for_room(const std::function<bool()>& give_up);
  void wake();

 private:
  // What goes into one segment, in one write.
  struct Group {
    std::uint64_t segment = 0;
    std::string bytes = {};
    std::uint64_t end = 0;
    bool has_commit = false;
    Lsn lsn = 0;
    std::vector<std::shared_ptr<WrittenAhead>> sync_first = {};
  };
  FileResult<> write(Group& group);
  FileResult<> begin_segment(std::uint64_t segment);
  void take_pending();

  FileLayer& files_;
  const std::string folder_;

  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable written_;
  std::deque<Group> pending_;  // never empty
  // Written under the lock; read without, so that who holds a lock of their own may ask.
  std::atomic<std::uint64_t> appended_{0};
  std::atomic<std::uint64_t> durable_{0};
  std::atomic<Lsn> durable_lsn_{0};

  // Of the thread that writes.
  std::deque<Group> writing_;
  std::string spare_;  // memory to gather into
  std::unique_ptr<File> file_;
  std::uint64_t file_segment_ = 0;
  std::uint64_t file_size_ = 0;
};

}  // namespace sluice::store

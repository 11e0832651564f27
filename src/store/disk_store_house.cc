// The part of DiskStore that keeps house, on a thread of its own.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/log.h"
#include "store/checkpoint.h"
#include "store/disk_store.h"
#include "store/format.h"

namespace sluice::store {
namespace {

// More files than these are synced by one call for all.
constexpr std::size_t kSyncedOneByOneMax = 8;
// What is written to find out whether there is room again.
constexpr std::size_t kProbeBytes = 1024 * 1024;
// How often it looks again while there is something that waits for the disk.
constexpr std::chrono::milliseconds kLookEvery{100};

}  // namespace

void DiskStore::run_house() {
  while (!stopping_) {
    {
      std::unique_lock lock(house_mutex_);
      const bool waiting = !garbage_.empty() || failing_ || !finished_.empty();
      const auto ready = [this] { return house_woken_ || stopping_; };
      if (waiting) {
        house_.wait_for(lock, kLookEvery, ready);
      } else {
        house_.wait(lock, ready);
      }
      house_woken_ = false;
    }
    if (!stopping_) keep_house();
  }
}

void DiskStore::wake_house() {
  {
    std::lock_guard lock(house_mutex_);
    house_woken_ = true;
  }
  house_.notify_one();
}

void DiskStore::keep_house() {
  std::lock_guard keeping(keeping_);
  if (failing_) probe();
  record_finished();
  shorten_tails();
  remove_garbage();
  if (!checkpoint_due()) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - checkpoint_time_ < options_.checkpoint_every) return;
  checkpoint_time_ = now;
  if (auto done = checkpoint_held(); !done && !stopping_) {
    log::write(log::Level::kWarn, "store_checkpoint_failed", {{"error", done.error().message}});
  }
}

void DiskStore::finished(std::shared_ptr<DiskLog> log) {
  {
    std::lock_guard lock(house_mutex_);
    finished_.push_back(std::move(log));
  }
  wake_house();
}

void DiskStore::released(std::uint64_t id) {
  {
    std::lock_guard lock(house_mutex_);
    garbage_.push_back({id, wal_.appended()});
  }
  wake_house();
}

// Snapshots whose files are durable by now are told so in the write-ahead log: behind every commit that came before they
// were finished.
void DiskStore::record_finished() {
  std::vector<std::shared_ptr<DiskLog>> logs;
  {
    std::lock_guard lock(house_mutex_);
    logs = std::exchange(finished_, {});
  }
  const bool all = logs.size() > kSyncedOneByOneMax && context_->files.sync_all();
  std::vector<std::shared_ptr<DiskLog>> again;
  for (auto& log : logs) {
    if (log->dropped()) continue;
    auto record = log->record_finish(all);
    if (record) {
      wal_.append(*record);
      continue;
    }
    write_failed(record.error());
    if (record.error().lost) {
      wal_.append(log->give_up(record.error()));
    } else {
      again.push_back(std::move(log));
    }
  }
  if (again.empty()) return;
  std::lock_guard lock(house_mutex_);
  finished_.insert(finished_.begin(), again.begin(), again.end());
}

void DiskStore::shorten_tails() {
  if (context_->tail_bytes.load(std::memory_order_relaxed) <= options_.tail_bytes_max) return;
  std::vector<std::pair<std::size_t, std::shared_ptr<DiskLog>>> by_size;
  for (auto& log : all_logs()) {
    if (const std::size_t size = log->flushable_bytes(); size > 0) by_size.emplace_back(size, std::move(log));
  }
  std::sort(by_size.begin(), by_size.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [size, log] : by_size) {
    if (context_->tail_bytes.load(std::memory_order_relaxed) <= options_.tail_bytes_max / 2) return;
    if (!flush_log(*log)) return;
  }
}

// False where the disk is full.
bool DiskStore::flush_log(DiskLog& log) {
  const auto flushed = log.flush(DiskLog::Upto::kPublished);
  if (flushed) return true;
  write_failed(flushed.error());
  if (flushed.error().may_pass()) return false;
  wal_.append(log.give_up(flushed.error()));
  return true;
}

void DiskStore::remove_garbage() {
  const std::uint64_t durable = wal_.durable();
  std::vector<Garbage> ready;
  {
    std::lock_guard lock(house_mutex_);
    // With a full disk nothing becomes durable before something is removed.
    const auto waiting = [&](const Garbage& one) { return one.position > durable && writable(); };
    const auto first = std::partition(garbage_.begin(), garbage_.end(), waiting);
    ready.assign(first, garbage_.end());
    garbage_.erase(first, garbage_.end());
  }
  for (const Garbage& one : ready) {
    if (auto removed = context_->files.remove(one.id); !removed) {
      log::write(log::Level::kWarn, "store_remove_failed", {{"error", removed.error().message}});
    }
  }
}

// Whether there is room again.
void DiskStore::probe() {
  FileLayer& files = context_->files.layer();
  const std::string path = context_->files.root() + "/probe";
  bool good = false;
  if (auto file = files.open(path, OpenMode::kWrite)) {
    good = (*file)->write_at(0, std::string(kProbeBytes, '\0')) && (*file)->sync();
  }
  (void)files.remove(path);
  if (!good) return;
  failing_ = false;
  log::write(log::Level::kInfo, "store_writes_again", {});
}

bool DiskStore::checkpoint_due() const {
  const std::uint64_t grown = wal_.appended() - checkpoint_position_;
  return grown >= options_.checkpoint_bytes && grown >= 2 * checkpoint_size_;
}

FileResult<> DiskStore::checkpoint() {
  std::lock_guard keeping(keeping_);
  return checkpoint_held();
}

FileResult<> DiskStore::checkpoint_held() {
  std::string header;
  std::uint64_t position = 0;
  const std::uint64_t segment = wal_.rotate([&](std::uint64_t appended) {
    position = appended;
    encode(header, CheckpointRecord{next_id_, commit_number_, committed_lsn(), state_, notes_.each()});
  });
  // After the rotation: what is created or dropped from now on has its record in the new segment.
  const auto logs = all_logs();
  for (const auto& log : logs) {
    if (log->flushable_bytes() >= options_.inline_bytes_max && !flush_log(*log)) {
      return std::unexpected(FileError{ENOSPC, "the disk is full"});
    }
  }
  CheckpointWriter writer(context_->files.layer(), context_->files.root(), segment);
  if (auto written = write_checkpoint(writer, logs, header); !written) return written;
  checkpoint_position_ = position;
  checkpoint_size_ = writer.size();
  remove_older(context_->files.layer(), context_->files.root(), segment);
  return {};
}

FileResult<> DiskStore::write_checkpoint(CheckpointWriter& writer, const std::vector<std::shared_ptr<DiskLog>>& logs,
                                         std::string_view header) {
  if (auto opened = writer.open(); !opened) return opened;
  writer.out() += header;
  std::vector<std::shared_ptr<DiskLog>> unsynced;
  std::uint64_t count = 0;
  for (const auto& log : logs) {
    if (log->failed()) continue;
    if (log->capture(writer.out())) unsynced.push_back(log);
    ++count;
    if (auto written = writer.write(); !written) return written;
  }
  if (auto synced = sync_changes(unsynced); !synced) return synced;
  // Commits that it holds for some logs must be there for the others too.
  const std::uint64_t position = wal_.appended();
  const bool durable = options_.threads && !stopping_ && wal_thread_.joinable()
                           ? wal_.wait_durable(position, [this] { return wal_failing_ || stopping_; })
                           : write_wal();
  if (!durable) return std::unexpected(FileError{EAGAIN, "the write-ahead log is not durable"});
  return writer.finish(count);
}

FileResult<> DiskStore::sync_changes(const std::vector<std::shared_ptr<DiskLog>>& logs) {
  if (logs.size() > kSyncedOneByOneMax) {
    for (const auto& log : logs) log->set_unsynced(false);
    if (context_->files.sync_all()) return {};
    for (const auto& log : logs) log->set_unsynced(true);
  }
  for (const auto& log : logs) {
    auto synced = log->make_durable();
    if (synced) continue;
    if (synced.error().lost) wal_.append(log->give_up(synced.error()));
    return synced;
  }
  return {};
}

}  // namespace sluice::store

#include "store/wal.h"

#include <utility>

#include "store/format.h"

namespace sluice::store {
namespace {

// What a group's memory may be kept for the next one.
constexpr std::size_t kSpareBytesMax = 1024 * 1024;

std::string numbered(std::string_view prefix, std::uint64_t number) {
  std::string digits(16, '0');
  for (std::size_t i = digits.size(); i-- > 0; number >>= 4) digits[i] = "0123456789abcdef"[number & 15];
  return std::string(prefix) + digits;
}

}  // namespace

std::string wal_name(std::uint64_t segment) {
  return numbered("wal-", segment);
}

std::string checkpoint_name(std::uint64_t segment) {
  return numbered("checkpoint-", segment);
}

Wal::Wal(FileLayer& files, std::string folder, std::uint64_t segment) : files_(files), folder_(std::move(folder)) {
  pending_.push_back({.segment = segment});
}

std::uint64_t Wal::append(std::string_view frames) {
  std::lock_guard lock(mutex_);
  pending_.back().bytes += frames;
  appended_ += frames.size();
  pending_.back().end = appended_;
  work_.notify_one();
  return appended_;
}

Wal::Commit::Commit(Wal& wal) : wal_(wal), lock_(wal.mutex_), size_before_(wal.pending_.back().bytes.size()) {}

void Wal::Commit::end(Lsn lsn) {
  Group& group = wal_.pending_.back();
  wal_.appended_ += group.bytes.size() - size_before_;
  group.end = wal_.appended_;
  group.has_commit = true;
  group.lsn = lsn;
  lock_.unlock();
  wal_.work_.notify_one();
}

std::uint64_t Wal::rotate(const std::function<void(std::uint64_t appended)>& and_then) {
  std::lock_guard lock(mutex_);
  const std::uint64_t segment = pending_.back().segment + 1;
  pending_.push_back({.segment = segment, .end = appended_});
  and_then(appended_);
  work_.notify_one();
  return segment;
}

void Wal::take_pending() {
  std::lock_guard lock(mutex_);
  const std::uint64_t segment = pending_.back().segment;
  for (Group& group : pending_) writing_.push_back(std::move(group));
  pending_.clear();
  pending_.push_back({.segment = segment, .bytes = std::exchange(spare_, {}), .end = appended_});
}

FileResult<> Wal::write_pending() {
  take_pending();
  while (!writing_.empty()) {
    Group& group = writing_.front();
    if (auto written = write(group); !written) return written;
    {
      std::lock_guard lock(mutex_);
      durable_ = group.end;
      if (group.has_commit) durable_lsn_ = group.lsn;
    }
    if (group.bytes.capacity() <= kSpareBytesMax) {
      spare_ = std::move(group.bytes);
      spare_.clear();
    }
    writing_.pop_front();
  }
  written_.notify_all();
  return {};
}

FileResult<> Wal::write(Group& group) {
  if (file_ == nullptr || group.segment != file_segment_) {
    if (auto begun = begin_segment(group.segment); !begun) return begun;
  }
  while (!group.sync_first.empty()) {
    if (auto synced = group.sync_first.back()->make_durable(); !synced) {
      if (!synced.error().lost) return synced;
      group.bytes += group.sync_first.back()->give_up(synced.error());
    }
    group.sync_first.pop_back();
  }
  if (group.bytes.empty()) return {};
  if (auto written = file_->write_at(file_size_, group.bytes); !written) return written;
  if (auto synced = file_->sync(); !synced) return synced;
  file_size_ += group.bytes.size();
  return {};
}

FileResult<> Wal::begin_segment(std::uint64_t segment) {
  const std::string path = folder_ + "/" + wal_name(segment);
  auto file = files_.open(path, OpenMode::kWrite);
  if (!file) return std::unexpected(std::move(file.error()));
  const std::string header = encode_file_header(FileKind::kWal, segment);
  // What a crash left of one that was never used.
  if (auto emptied = (*file)->truncate(0); !emptied) return emptied;
  if (auto written = (*file)->write_at(0, header); !written) return written;
  if (auto synced = (*file)->sync(); !synced) return synced;
  if (auto synced = files_.sync_folder(folder_); !synced) return synced;
  file_ = std::move(*file);
  file_segment_ = segment;
  file_size_ = header.size();
  return {};
}

void Wal::wait_for_work(const std::function<bool()>& woken) {
  std::unique_lock lock(mutex_);
  work_.wait(lock, [&] { return appended_ != durable_ || pending_.size() > 1 || woken(); });
}

bool Wal::wait_durable(std::uint64_t position, const std::function<bool()>& give_up) {
  std::unique_lock lock(mutex_);
  written_.wait(lock, [&] { return durable_ >= position || give_up(); });
  return durable_ >= position;
}

void Wal::wait_for_room(const std::function<bool()>& give_up) {
  std::unique_lock lock(mutex_);
  written_.wait(lock, [&] { return appended_ - durable_ < kPendingBytesMax || give_up(); });
}

void Wal::wake() {
  std::lock_guard lock(mutex_);
  work_.notify_all();
  written_.notify_all();
}

}  // namespace sluice::store

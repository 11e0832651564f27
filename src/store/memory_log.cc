#include "store/memory_log.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace sluice::store {

using shape::Offset;

MemoryLog::MemoryLog(std::size_t chunk_bytes, std::shared_ptr<std::atomic<std::size_t>> total,
                     std::shared_ptr<std::vector<std::shared_ptr<MemoryLog>>> ended)
    : chunk_bytes_(chunk_bytes), total_(std::move(total)), ended_list_(std::move(ended)) {}

MemoryLog::~MemoryLog() {
  total_->fetch_sub(counted_, std::memory_order_relaxed);
}

void MemoryLog::count_bytes() {
  std::size_t now = snapshot_.capacity() + changes_.capacity() + entries_.capacity() * sizeof(Entry);
  total_->fetch_add(now - counted_, std::memory_order_relaxed);  // modulo 2^64: a smaller log subtracts
  counted_ = now;
}

void MemoryLog::append_snapshot(std::string_view entries) {
  std::lock_guard lock(mutex_);
  assert(!snapshot_finished_);
  while (!entries.empty()) {
    const std::uint64_t start = snapshot_ends_.empty() ? 0 : snapshot_ends_.back();
    const std::size_t size = bytes_to_fill(chunk_bytes_ - (snapshot_.size() - start), entries);
    snapshot_.append(entries.substr(0, size));
    entries.remove_prefix(size);
    if (snapshot_.size() - start >= chunk_bytes_) snapshot_ends_.push_back(snapshot_.size());
  }
  count_bytes();
}

void MemoryLog::finish_snapshot() {
  std::lock_guard lock(mutex_);
  assert(!snapshot_finished_);
  snapshot_finished_ = true;
  // There is always a chunk 0_0, and never an empty one after it.
  if (snapshot_ends_.empty() || snapshot_ends_.back() < snapshot_.size()) snapshot_ends_.push_back(snapshot_.size());
}

void MemoryLog::append(Offset offset, std::string_view entry) {
  std::lock_guard lock(mutex_);
  assert(entries_.empty() || Offset::at(entries_.back().tx, entries_.back().op) < offset);
  changes_.append(entry);
  entries_.push_back({offset.tx(), offset.op(), changes_.size()});
  std::size_t first = chunk_ends_.empty() ? 0 : chunk_ends_.back();
  std::uint64_t start = first == 0 ? 0 : entries_[first - 1].end;
  if (changes_.size() - start >= chunk_bytes_) chunk_ends_.push_back(entries_.size());
  count_bytes();
}

void MemoryLog::end_transaction() {
  std::lock_guard lock(mutex_);
  if (ended_ == entries_.size()) return;
  if (ended_ == published_) ended_list_->push_back(shared_from_this());
  ended_ = entries_.size();
}

void MemoryLog::abort_transaction() {
  std::lock_guard lock(mutex_);
  entries_.resize(ended_);
  changes_.truncate(ended_ == 0 ? 0 : entries_.back().end);
  while (!chunk_ends_.empty() && chunk_ends_.back() > ended_) chunk_ends_.pop_back();
  count_bytes();
}

void MemoryLog::publish() {
  std::lock_guard lock(mutex_);
  published_ = ended_;
}

std::expected<Page, ReadError> MemoryLog::read(Offset after) const {
  std::lock_guard lock(mutex_);
  if (after.is_before_all() && !snapshot_ends_.empty()) return read_snapshot(0);
  const bool in_snapshot = after.tx() == 0 && after.op() != Offset::kInfinity;
  if (in_snapshot && !after.is_before_all() && after.op() + 1 < snapshot_ends_.size()) return read_snapshot(after.op() + 1);
  if (!snapshot_finished_) return std::unexpected(ReadError::kNoSnapshot);
  std::uint64_t head_tx = published_ == 0 ? 0 : entries_[published_ - 1].tx;
  bool whole_tx = after.op() == Offset::kInfinity && after.tx() == head_tx;
  if (after.tx() != 0 && !whole_tx && (published_ == 0 || Offset::at(head_tx, entries_[published_ - 1].op) < after)) {
    return std::unexpected(ReadError::kBeyondHead);
  }
  return read_changes(after.tx() == 0 ? Offset::after_transaction(0) : after);
}

Page MemoryLog::read_snapshot(std::size_t chunk) const {
  Page page;
  snapshot_.slice(chunk == 0 ? 0 : snapshot_ends_[chunk - 1], snapshot_ends_[chunk], page.buffers);
  page.end = Offset::at(0, chunk);
  return page;
}

std::size_t MemoryLog::chunk_end(std::size_t entry) const {
  auto closed = std::upper_bound(chunk_ends_.begin(), chunk_ends_.end(), entry);
  return closed == chunk_ends_.end() ? published_ : std::min(*closed, published_);
}

Page MemoryLog::read_changes(Offset after) const {
  auto published_end = entries_.begin() + static_cast<std::ptrdiff_t>(published_);
  auto first = std::upper_bound(entries_.begin(), published_end, after,
                                [](Offset at, const Entry& entry) { return at < Offset::at(entry.tx, entry.op); });
  Page page;
  page.end = after;
  std::size_t from = static_cast<std::size_t>(first - entries_.begin());
  std::size_t to = chunk_end(from);
  page.at_head = to == published_;
  if (from == to) return page;
  changes_.slice(from == 0 ? 0 : entries_[from - 1].end, entries_[to - 1].end, page.buffers);
  page.end = Offset::at(entries_[to - 1].tx, entries_[to - 1].op);
  return page;
}

Offset MemoryLog::head() const {
  std::lock_guard lock(mutex_);
  if (published_ == 0) return Offset::after_transaction(0);
  return Offset::at(entries_[published_ - 1].tx, entries_[published_ - 1].op);
}

std::size_t MemoryLog::bytes() const {
  std::lock_guard lock(mutex_);
  return counted_;
}

}  // namespace sluice::store

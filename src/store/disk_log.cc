#include "store/disk_log.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/log.h"
#include "store/changes_writer.h"
#include "store/chunks.h"
#include "store/crc32c.h"
#include "store/snapshot_file.h"

namespace sluice::store {

using shape::Offset;

DiskLog::DiskLog(std::shared_ptr<LogContext> context, std::uint64_t id, std::size_t chunk_bytes, std::string_view handle,
                 std::string_view meta)
    : context_(std::move(context)),
      id_(id),
      chunk_bytes_(std::max<std::size_t>(chunk_bytes, 1)),
      handle_(handle),
      meta_(meta) {}

DiskLog::~DiskLog() {
  context_->bytes.fetch_sub(counted_, std::memory_order_relaxed);
  context_->tail_bytes.fetch_sub(counted_tail_, std::memory_order_relaxed);
  if (dropped()) context_->tell([this](LogOwner& owner) { owner.released(id_); });
}

void DiskLog::count() {
  const std::size_t tail = tail_.capacity() + entries_.capacity() * sizeof(Mark);
  const std::size_t all = snapshot_bytes() + flushed_.end + tail;
  if (all == counted_ && tail == counted_tail_) return;
  context_->bytes.fetch_add(all - counted_, std::memory_order_relaxed);  // modulo 2^64: a smaller log subtracts
  context_->tail_bytes.fetch_add(tail - counted_tail_, std::memory_order_relaxed);
  counted_ = all;
  counted_tail_ = tail;
}

std::size_t DiskLog::bytes() const {
  std::lock_guard lock(mutex_);
  return counted_;
}

Offset DiskLog::head() const {
  std::lock_guard lock(mutex_);
  return published_.offset();
}

// The snapshot.

void DiskLog::append_snapshot(std::string_view entries) {
  if (failed()) return;
  if (snapshot_ == nullptr) snapshot_ = std::make_unique<SnapshotFile>(context_->files, id_);
  while (!entries.empty()) {
    const std::size_t filled = snapshot_->chunk_size();
    const std::size_t size = bytes_to_fill(chunk_bytes_ - filled, entries);
    if (auto put = snapshot_->append(entries.substr(0, size)); !put) return fail_snapshot(put.error());
    entries.remove_prefix(size);
    if (filled + size >= chunk_bytes_) close_snapshot_chunk();
  }
}

void DiskLog::close_snapshot_chunk() {
  auto chunk = snapshot_->close_chunk();
  if (!chunk) return fail_snapshot(chunk.error());
  std::lock_guard lock(mutex_);
  // The CRC is of the bytes that were written, and the kernel has them.
  context_->checked.add({id_, Area::kSnapshot, snapshot_bytes(), chunk->end});
  chunks_.push_back(*chunk);
  count();
}

void DiskLog::fail_snapshot(const FileError& error) {
  lose();
  context_->tell([&](LogOwner& owner) { owner.write_failed(error); });
}

void DiskLog::finish_snapshot(Lsn known_from) {
  known_from_.store(known_from, std::memory_order_relaxed);
  // There is always a chunk 0_0, and never an empty one after it.
  if (!failed() && snapshot_ != nullptr && snapshot_->chunk_size() > 0) close_snapshot_chunk();
  snapshot_.reset();
  if (failed()) return;
  {
    std::lock_guard lock(mutex_);
    assert(!snapshot_finished_);
    if (chunks_.empty()) chunks_.push_back({});
    snapshot_finished_ = true;
  }
  context_->tell([this](LogOwner& owner) { owner.finished(shared_from_this()); });
}

FileResult<std::string> DiskLog::record_finish(bool synced) {
  FinishRecord record{.id = id_};
  {
    std::lock_guard lock(mutex_);
    record.chunks = chunks_;
  }
  if (!synced && record.chunks.back().end > 0) {
    if (auto done = context_->files.sync(id_, Area::kSnapshot); !done) return std::unexpected(std::move(done.error()));
  }
  std::string out;
  encode(out, record);
  std::lock_guard lock(mutex_);
  finish_recorded_ = true;
  return out;
}

// The changes.

void DiskLog::add_entry(const Mark& mark, std::string_view entry) {
  tail_.append(entry);
  last_ = mark;
  entries_.push_back(mark);
  const std::uint64_t start = chunk_ends_.empty() ? 0 : chunk_ends_.back().end;
  if (last_.end - start >= chunk_bytes_) chunk_ends_.push_back(last_);
  count();
}

void DiskLog::append(Offset offset, std::string_view entry) {
  std::size_t mine = 0;
  {
    std::lock_guard lock(mutex_);
    assert(last_.offset() < offset);
    add_entry({last_.end + entry.size(), offset.tx(), offset.op()}, entry);
    if (!touched_) context_->touched.push_back(shared_from_this());
    touched_ = true;
    mine = uncommitted();
  }
  context_->uncommitted_bytes += entry.size();
  if (mine > context_->uncommitted_bytes_max) spill();
  if (context_->uncommitted_bytes > context_->all_uncommitted_bytes_max) {
    for (const auto& log : context_->touched) log->spill();
  }
}

void DiskLog::spill() {
  while (true) {
    std::size_t before = 0;
    {
      std::lock_guard lock(mutex_);
      before = uncommitted();
    }
    const auto flushed = flush(Upto::kEverything);
    if (flushed) {
      context_->uncommitted_bytes -= before;
      return;
    }
    context_->tell([&](LogOwner& owner) { owner.write_failed(flushed.error()); });
    if (!flushed.error().may_pass()) return lose();
    if (context_->owner == nullptr || !context_->owner->wait_for_disk()) return;
  }
}

// Bytes in memory that were not committed.
std::uint64_t DiskLog::uncommitted() const {
  return last_.end - std::min(last_.end, std::max(flushed_.end, published_.end));
}

void DiskLog::end_transaction() {
  std::lock_guard lock(mutex_);
  ended_ = last_;
}

void DiskLog::abort_transaction() {
  std::lock_guard flushing(flush_mutex_);
  std::lock_guard lock(mutex_);
  if (last_ == ended_) return;
  const std::uint64_t before = uncommitted();
  last_ = ended_;
  while (!chunk_ends_.empty() && chunk_ends_.back().end > last_.end) chunk_ends_.pop_back();
  if (flushed_.end > last_.end) {
    while (!blocks_.empty() && blocks_.back().start >= last_.end) blocks_.pop_back();
    flushed_ = last_;
    entries_.clear();
    tail_ = ByteLog(last_.end);
    // Only frees the room: what comes next is written over it.
    if (auto file = context_->files.open(id_, Area::kChanges, OpenMode::kWrite)) (void)(*file)->truncate(last_.end);
  } else {
    while (!entries_.empty() && entries_.back().end > last_.end) entries_.pop_back();
    tail_.truncate(last_.end);
  }
  context_->uncommitted_bytes -= before - uncommitted();
  count();
}

bool DiskLog::commit(Wal::Commit& commit, std::uint64_t number) {
  std::lock_guard lock(mutex_);
  const std::uint64_t before = uncommitted();
  if (published_ != ended_) {
    if (flushed_.end > published_.end) commit_extents(commit);
    commit_entries(commit);
    published_ = ended_;
    commit_number_ = number;
    context_->uncommitted_bytes -= before - uncommitted();
  }
  touched_ = last_ != ended_;
  return touched_;
}

void DiskLog::commit_extents(Wal::Commit& commit) {
  ExtentsRecord record{.id = id_, .start = published_.end, .last = flushed_.end <= ended_.end ? flushed_ : ended_};
  for (const Block& block : blocks_) {
    if (block.start >= record.start && block.start < record.last.end) record.blocks.push_back(block);
  }
  for (const Mark& end : chunk_ends_) {
    if (end.end > record.start && end.end <= record.last.end) record.chunk_ends.push_back(end);
  }
  encode(commit.out(), record);
  commit.sync_first(shared_from_this());
}

void DiskLog::commit_entries(Wal::Commit& commit) {
  // From the back: what is not committed lies there, and the rest is not in the processor's cache.
  const auto behind = [this](std::vector<Mark>::const_iterator from, std::uint64_t position) {
    while (from != entries_.begin() && std::prev(from)->end > position) --from;
    return from;
  };
  const auto last = behind(entries_.end(), ended_.end);
  const auto first = behind(last, std::max(flushed_.end, published_.end));
  if (first == last) return;
  const std::uint64_t start = first == entries_.begin() ? flushed_.end : std::prev(first)->end;
  if (ended_.end - start > kFrameBytesMax / 2) return lose();  // could not be spilled: the store is being given up
  std::vector<Buffer> bytes;
  tail_.slice(start, ended_.end, bytes);
  encode_entries(commit.out(), id_, start, {first, last}, bytes);
}

std::size_t DiskLog::flushable_bytes() const {
  std::lock_guard lock(mutex_);
  return published_.end - std::min(published_.end, flushed_.end);
}

FileResult<> DiskLog::flush(Upto upto) {
  std::lock_guard flushing(flush_mutex_);
  ChangesRun run;
  {
    std::lock_guard lock(mutex_);
    run = take_run(upto);
  }
  if (run.entries.empty()) return {};
  auto file = context_->files.open(id_, Area::kChanges, OpenMode::kWrite);
  if (!file) return std::unexpected(std::move(file.error()));
  auto blocks = write_changes(**file, run);
  if (!blocks) return std::unexpected(std::move(blocks.error()));
  std::lock_guard lock(mutex_);
  install(run, *blocks);
  unsynced_ = true;
  return {};
}

ChangesRun DiskLog::take_run(Upto upto) const {
  const Mark& to = upto == Upto::kPublished ? published_ : last_;
  ChangesRun run{.start = flushed_.end, .cuts = {published_.end, ended_.end}};
  const auto last = std::upper_bound(entries_.begin(), entries_.end(), to.end,
                                     [](std::uint64_t at, const Mark& entry) { return at < entry.end; });
  run.entries.assign(entries_.begin(), last);
  for (auto end = chunk_ends_.rbegin(); end != chunk_ends_.rend() && end->end > run.start; ++end)
    run.cuts.push_back(end->end);
  if (!run.entries.empty()) tail_.slice(run.start, run.entries.back().end, run.bytes);
  return run;
}

void DiskLog::install(const ChangesRun& run, const std::vector<Block>& blocks) {
  blocks_.insert(blocks_.end(), blocks.begin(), blocks.end());
  flushed_ = run.entries.back();
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(run.entries.size()));
  if (entries_.empty()) entries_.shrink_to_fit();
  tail_.drop_before(flushed_.end);
  count();
}

FileResult<> DiskLog::make_durable() {
  set_unsynced(false);
  auto synced = context_->files.sync(id_, Area::kChanges);
  if (!synced) set_unsynced(true);
  return synced;
}

void DiskLog::set_unsynced(bool unsynced) {
  std::lock_guard lock(mutex_);
  unsynced_ = unsynced;
}

std::string DiskLog::give_up(const FileError& error) {
  lose();
  log::write(log::Level::kError, "store_log_lost", {{"handle", handle_}, {"error", error.message}});
  std::string out;
  encode(out, DropRecord{id_});
  return out;
}

}  // namespace sluice::store

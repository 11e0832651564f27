#include <algorithm>
#include <utility>

#include "store/disk_log.h"

namespace sluice::store {
namespace {

template <typename T, typename Keep>
std::vector<T> prefix(const std::vector<T>& all, Keep keep) {
  return {all.begin(), std::find_if_not(all.begin(), all.end(), keep)};
}

}  // namespace

bool DiskLog::capture(std::string& out) {
  std::lock_guard lock(mutex_);
  LogRecord record{.create = {id_, chunk_bytes_, handle_, meta_}};
  record.finished = finish_recorded_;
  if (record.finished) record.chunks = chunks_;
  record.flushed = flushed_.end <= published_.end ? flushed_ : published_;
  record.blocks = prefix(blocks_, [this](const Block& block) { return block.start < published_.end; });
  record.chunk_ends = prefix(chunk_ends_, [this](const Mark& end) { return end.end <= published_.end; });
  record.tail = prefix(entries_, [this](const Mark& entry) { return entry.end <= published_.end; });
  std::vector<Buffer> buffers;
  tail_.slice(record.flushed.end, published_.end, buffers);
  std::string bytes;
  for (const Buffer& buffer : buffers) bytes += buffer.bytes();
  record.tail_bytes = bytes;
  record.commit_number = commit_number_;
  encode(out, record);
  return unsynced_ && record.flushed.end > 0;
}

void DiskLog::restore(const LogRecord& record) {
  std::lock_guard lock(mutex_);
  chunks_ = record.chunks;
  snapshot_finished_ = finish_recorded_ = record.finished;
  flushed_ = last_ = record.flushed;
  blocks_ = record.blocks;
  chunk_ends_ = record.chunk_ends;
  if (!record.tail.empty()) {
    last_ = record.tail.back();
    entries_ = record.tail;
  }
  tail_ = ByteLog(flushed_.end);
  tail_.append(record.tail_bytes);
  ended_ = published_ = last_;
  commit_number_ = record.commit_number;
  count();
}

bool DiskLog::replay(const FinishRecord& record) {
  std::lock_guard lock(mutex_);
  if (snapshot_finished_) return chunks_ == record.chunks;
  chunks_ = record.chunks;
  snapshot_finished_ = finish_recorded_ = true;
  count();
  return true;
}

bool DiskLog::replay(const EntriesRecord& record) {
  std::lock_guard lock(mutex_);
  if (record.entries.back().end <= published_.end) return true;  // the checkpoint had it already
  if (record.start != last_.end || record.entries.front().offset() <= last_.offset()) return false;
  std::uint64_t start = record.start;
  for (const Mark& entry : record.entries) {
    add_entry(entry, record.bytes.substr(start - record.start, entry.end - start));
    start = entry.end;
  }
  return true;
}

bool DiskLog::replay(const ExtentsRecord& record) {
  std::lock_guard lock(mutex_);
  if (record.last.end <= published_.end) return true;
  if (record.start != last_.end || record.blocks.front().first() <= last_.offset()) return false;
  // What comes before was in the file when these were written to it, and became durable with them.
  const ChangesRun before = take_run(Upto::kEverything);
  if (!before.entries.empty()) install(before, cut_changes(before));
  blocks_.insert(blocks_.end(), record.blocks.begin(), record.blocks.end());
  chunk_ends_.insert(chunk_ends_.end(), record.chunk_ends.begin(), record.chunk_ends.end());
  flushed_ = last_ = record.last;
  tail_ = ByteLog(last_.end);
  count();
  return true;
}

void DiskLog::replay_commit(std::uint64_t number) {
  std::lock_guard lock(mutex_);
  published_ = ended_ = last_;
  commit_number_ = number;
}

}  // namespace sluice::store

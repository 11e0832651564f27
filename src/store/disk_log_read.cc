#include <algorithm>
#include <utility>

#include "base/log.h"
#include "store/crc32c.h"
#include "store/disk_log.h"

namespace sluice::store {

using shape::Offset;

namespace {

// Shorter parts are read: they are kept in memory for others, and sent with what is around them in one call.
constexpr std::uint64_t kSentFromFileBytesMin = 64 * 1024;
constexpr std::size_t kCheckedAtOnceBytes = 128 * 1024;

}  // namespace

// A part of one of the log's files that begins and ends with something that has a CRC.
struct DiskLog::FilePart {
  Area area = Area::kSnapshot;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::vector<SnapshotChunk> checks = {};  // of its pieces, in order
  bool skip = false;                       // the entries up to `after`
  Offset after = Offset::before_all();
};

// What a reader gets: a part of a file, if any, then what lay in memory.
struct DiskLog::Plan {
  FilePart file = {};
  Page page = {};
};

std::expected<Page, ReadError> DiskLog::read(Offset after) const {
  auto planned = plan(after);
  if (!planned) return std::unexpected(planned.error());
  return page_in_memory(std::move(*planned));
}

std::expected<Page, ReadError> DiskLog::read_to_send(Offset after) const {
  auto planned = plan(after);
  if (!planned) return std::unexpected(planned.error());
  const FilePart& part = planned->file;
  if (part.to - part.from < kSentFromFileBytesMin) return page_in_memory(std::move(*planned));
  auto file = context_->files.open(id_, part.area, OpenMode::kRead);
  if (!file || (*file)->descriptor() < 0) return page_in_memory(std::move(*planned));  // and says what is wrong
  const PageCache::Key key = key_of(part);
  if (!context_->checked.has(key)) {
    if (!check(**file, part)) return std::unexpected(ReadError::kUnavailable);
    context_->checked.add(key);
  }
  const auto from = first_behind(part);
  if (!from) return std::unexpected(ReadError::kUnavailable);
  const int descriptor = (*file)->descriptor();
  planned->page.file.emplace(std::move(*file), descriptor, *from, part.to - *from);
  return std::move(planned->page);
}

std::expected<Page, ReadError> DiskLog::page_in_memory(Plan planned) const {
  Page page = std::move(planned.page);
  const FilePart& part = planned.file;
  if (part.from == part.to) return page;
  const auto bytes = load(part);
  if (bytes == nullptr) return std::unexpected(ReadError::kUnavailable);
  std::string_view view(bytes.get(), part.to - part.from);
  if (!skip_known(part, view)) return std::unexpected(ReadError::kUnavailable);
  if (!view.empty()) page.buffers.insert(page.buffers.begin(), Buffer(bytes, view));
  return page;
}

// Takes off what of `bytes`, which begin where the part does, is not behind its offset.
bool DiskLog::skip_known(const FilePart& part, std::string_view& bytes) const {
  while (part.skip && !bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const auto offset = context_->offset_of(bytes.substr(0, end + 1));
    if (end == std::string_view::npos || !offset) return false;
    if (*offset > part.after) break;
    bytes.remove_prefix(end + 1);
  }
  return true;
}

// Where in the file the first entry behind the part's offset begins: within its first block, or at the end of that.
std::optional<std::uint64_t> DiskLog::first_behind(const FilePart& part) const {
  if (!part.skip) return part.from;
  const FilePart block{part.area, part.from, part.checks.front().end, {part.checks.front()}, true, part.after};
  const auto bytes = load(block);
  std::string_view view(bytes.get(), bytes == nullptr ? 0 : block.to - block.from);
  if (bytes == nullptr || !skip_known(block, view)) return std::nullopt;
  return block.to - view.size();
}

std::expected<DiskLog::Plan, ReadError> DiskLog::plan(Offset after) const {
  std::lock_guard lock(mutex_);
  if (after.is_before_all() && !chunks_.empty()) return plan_chunk(0);
  const bool in_snapshot = after.tx() == 0 && after.op() != Offset::kInfinity && !after.is_before_all();
  if (in_snapshot && after.op() + 1 < chunks_.size()) return plan_chunk(after.op() + 1);
  if (!snapshot_finished_) return std::unexpected(failed() ? ReadError::kUnavailable : ReadError::kNoSnapshot);
  const bool whole_tx = after.op() == Offset::kInfinity && after.tx() == published_.tx;
  if (after.tx() != 0 && !whole_tx && published_.offset() < after) return std::unexpected(ReadError::kBeyondHead);
  return plan_changes(after.tx() == 0 ? Offset::after_transaction(0) : after);
}

DiskLog::Plan DiskLog::plan_chunk(std::size_t chunk) const {
  Plan plan;
  plan.file.from = chunk == 0 ? 0 : chunks_[chunk - 1].end;
  plan.file.to = chunks_[chunk].end;
  plan.file.checks.push_back(chunks_[chunk]);
  plan.page.end = Offset::at(0, chunk);
  return plan;
}

DiskLog::Plan DiskLog::plan_changes(Offset after) const {
  Plan plan;
  plan.page.end = after;
  plan.page.at_head = true;
  if (after >= published_.offset()) return plan;
  const auto closed = std::upper_bound(chunk_ends_.begin(), chunk_ends_.end(), after,
                                       [](Offset at, const Mark& end) { return at < end.offset(); });
  const Mark& end = closed != chunk_ends_.end() && closed->end <= published_.end ? *closed : published_;
  plan.page.end = end.offset();
  plan.page.at_head = end.end == published_.end;
  std::uint64_t tail_from = flushed_.end;
  if (after < flushed_.offset()) {
    plan.file = plan_file_part(after, std::min(end.end, flushed_.end));
  } else {
    const auto first = std::upper_bound(entries_.begin(), entries_.end(), after,
                                        [](Offset at, const Mark& entry) { return at < entry.offset(); });
    if (first != entries_.begin()) tail_from = std::prev(first)->end;
  }
  tail_.slice(tail_from, end.end, plan.page.buffers);
  return plan;
}

DiskLog::FilePart DiskLog::plan_file_part(Offset after, std::uint64_t to) const {
  FilePart part{.area = Area::kChanges, .to = to};
  // The last block that begins at or before `after` holds the first entry behind it, or ends right before that.
  auto block =
      std::upper_bound(blocks_.begin(), blocks_.end(), after, [](Offset at, const Block& b) { return at < b.first(); });
  const auto chunk = std::upper_bound(chunk_ends_.begin(), chunk_ends_.end(), after,
                                      [](Offset at, const Mark& end) { return at < end.offset(); });
  const bool at_chunk = chunk != chunk_ends_.begin() && std::prev(chunk)->offset() == after;
  if (block != blocks_.begin() && !at_chunk) {
    --block;
    part.skip = true;
    part.after = after;
  }
  part.from = block->start;
  for (; block != blocks_.end() && block->start < to; ++block) {
    const auto next = std::next(block);
    part.checks.push_back({next == blocks_.end() ? flushed_.end : next->start, block->crc});
  }
  return part;
}

PageCache::Key DiskLog::key_of(const FilePart& part) const {
  return {id_, part.area, part.from, part.to};
}

std::shared_ptr<const char[]> DiskLog::load(const FilePart& part) const {
  const PageCache::Key key = key_of(part);
  if (auto page = context_->pages.find(key)) return page;
  auto page = load_checked(part);
  if (page != nullptr) context_->pages.add(key, page);
  return page;
}

std::shared_ptr<const char[]> DiskLog::load_checked(const FilePart& part) const {
  const std::size_t size = part.to - part.from;
  std::shared_ptr<char[]> bytes(new char[size]);
  auto file = context_->files.open(id_, part.area, OpenMode::kRead);
  const auto read = file ? (*file)->read_at(part.from, {bytes.get(), size}) : std::unexpected(file.error());
  std::string error = read ? "" : read.error().message;
  std::uint64_t from = part.from;
  for (const SnapshotChunk& check : part.checks) {
    if (!error.empty()) break;
    if (check.end > part.to) {
      error = "its index does not fit";
      break;
    }
    const std::string_view piece(bytes.get() + (from - part.from), check.end - from);
    if (*read < size || crc32c(piece) != check.crc) error = "wrong bytes from " + std::to_string(from);
    from = check.end;
  }
  if (error.empty() && from != part.to) error = "its index does not fit";
  if (error.empty()) return bytes;
  log_unreadable(part, error);
  return nullptr;
}

// As load_checked() does, piece by piece through memory that stays in the processor's cache.
bool DiskLog::check(const File& file, const FilePart& part) const {
  const auto bytes = std::make_unique_for_overwrite<char[]>(kCheckedAtOnceBytes);
  std::uint64_t at = part.from;
  for (const SnapshotChunk& check : part.checks) {
    std::uint32_t crc = 0;
    for (const std::uint64_t from = at; at < check.end;) {
      const std::size_t size = std::min<std::uint64_t>(check.end - at, kCheckedAtOnceBytes);
      const auto read = file.read_at(at, {bytes.get(), size});
      if (!read) return log_unreadable(part, read.error().message), false;
      if (*read < size) return log_unreadable(part, "wrong bytes from " + std::to_string(from)), false;
      crc = crc32c_extend(crc, {bytes.get(), size});
      at += size;
    }
    if (crc != check.crc) return log_unreadable(part, "wrong bytes up to " + std::to_string(at)), false;
  }
  if (at != part.to) return log_unreadable(part, "its index does not fit"), false;
  return true;
}

void DiskLog::log_unreadable(const FilePart& part, const std::string& error) const {
  log::write(log::Level::kError, "store_read_failed", {{"file", context_->files.path(id_, part.area)}, {"error", error}});
}

}  // namespace sluice::store

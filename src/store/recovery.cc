#include "store/recovery.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "store/frame_reader.h"

namespace sluice::store {
namespace {

std::optional<std::uint64_t> numbered(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  const std::string_view digits = name.substr(prefix.size());
  std::uint64_t number = 0;
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  if (error != std::errc() || stop != digits.data() + digits.size() || digits.size() != 16) return std::nullopt;
  return number;
}

StoreError io(const FileError& error) {
  return {StoreError::Kind::kIo, error.message};
}

class Recovery {
 public:
  explicit Recovery(const std::shared_ptr<LogContext>& context) : context_(context), files_(context->files.layer()) {}

  std::expected<RecoveredStore, StoreError> run();

 private:
  using Outcome = std::expected<void, StoreError>;

  Outcome read_checkpoint(std::uint64_t number);
  void apply_checkpoint(const Body& body);
  Outcome read_segments(const std::vector<std::uint64_t>& segments);
  std::expected<bool, StoreError> read_segment(std::uint64_t number, bool last);
  bool apply(const Body& body);
  template <typename Record>
  bool apply_to_log(std::string_view fields);
  bool apply_create(std::string_view fields);
  bool apply_commit(std::string_view fields);
  void forget_uncommitted();
  void forget_unfinished();
  Outcome check_files();
  void lose(std::uint64_t id, std::string why);
  std::string path(std::string_view name) const { return context_->files.root() + "/" + std::string(name); }

  const std::shared_ptr<LogContext> context_;
  FileLayer& files_;
  RecoveredStore out_;
  std::uint64_t logs_read_ = 0;  // of the checkpoint
  bool checkpoint_ended_ = false;
  std::set<std::shared_ptr<DiskLog>> open_;  // logs with entries behind the last commit
};

std::expected<RecoveredStore, StoreError> Recovery::run() {
  auto found = list_folder(files_, context_->files.root());
  if (!found) return std::unexpected(io(found.error()));
  for (const std::string& name : found->unfinished) {
    if (auto removed = files_.remove(path(name)); !removed) return std::unexpected(io(removed.error()));
  }
  std::vector<std::uint64_t> segments = found->segments;
  if (!found->checkpoints.empty()) {
    const std::uint64_t newest = found->checkpoints.back();
    if (auto read = read_checkpoint(newest); !read) return std::unexpected(read.error());
    std::erase_if(segments, [newest](std::uint64_t segment) { return segment < newest; });
    out_.next_segment = newest;
  } else if (!segments.empty() && segments.front() != 1) {
    out_.damage.push_back("there is no checkpoint");
  }
  if (!segments.empty()) out_.next_segment = segments.back() + 1;
  if (auto read = read_segments(segments); !read) return std::unexpected(read.error());
  forget_unfinished();
  if (auto checked = check_files(); !checked) return std::unexpected(checked.error());
  context_->uncommitted_bytes = 0;
  return std::move(out_);
}

Recovery::Outcome Recovery::read_checkpoint(std::uint64_t number) {
  const std::string name = checkpoint_name(number);
  auto file = files_.open(path(name), OpenMode::kRead);
  if (!file) return std::unexpected(io(file.error()));
  auto size = (*file)->size();
  if (!size) return std::unexpected(io(size.error()));
  FrameReader reader(**file, *size);
  auto header = reader.header();
  if (!header) return std::unexpected(io(header.error()));
  switch (check_file_header(*header, FileKind::kCheckpoint, number)) {
    case HeaderState::kNewerVersion: return std::unexpected(StoreError{StoreError::Kind::kNewerVersion, path(name)});
    case HeaderState::kDamaged: out_.damage.push_back(name + ": no header"); return {};
    case HeaderState::kGood: break;
  }
  while (true) {
    auto frame = reader.next();
    if (!frame) return std::unexpected(io(frame.error()));
    if (frame->state == FrameRead::State::kEnd) break;
    if (frame->state == FrameRead::State::kGood) {
      apply_checkpoint(frame->body);
      continue;
    }
    out_.damage.push_back(name + ": damaged at byte " + std::to_string(reader.position()));
    if (!reader.skip(*frame)) break;
  }
  if (!checkpoint_ended_) out_.damage.push_back(name + ": is not whole");
  return {};
}

void Recovery::apply_checkpoint(const Body& body) {
  bool good = false;
  if (body.type == RecordType::kCheckpoint) {
    if (auto record = decode<CheckpointRecord>(body.fields)) {
      good = true;
      out_.next_id = std::max(out_.next_id, record->next_id);
      out_.commit_number = record->commit_number;
      out_.lsn = record->lsn;
      out_.state = record->state;
      for (std::string_view note : record->notes) out_.notes.add(note);
    }
  } else if (body.type == RecordType::kLog) {
    if (auto record = decode<LogRecord>(body.fields)) {
      good = true;
      const CreateRecord& create = record->create;
      auto log = std::make_shared<DiskLog>(context_, create.id, create.chunk_bytes, create.handle, create.meta);
      log->restore(*record);
      out_.logs[create.id] = std::move(log);
      out_.next_id = std::max(out_.next_id, create.id + 1);
      ++logs_read_;
    }
  } else if (body.type == RecordType::kEnd) {
    const auto record = decode<EndRecord>(body.fields);
    good = checkpoint_ended_ = record && record->logs == logs_read_;
  }
  if (!good) out_.damage.push_back("a record of the checkpoint does not read");
}

Recovery::Outcome Recovery::read_segments(const std::vector<std::uint64_t>& segments) {
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (i > 0 && segments[i] != segments[i - 1] + 1) {
      out_.damage.push_back(wal_name(segments[i - 1] + 1) + ": is missing");
      break;
    }
    auto whole = read_segment(segments[i], i + 1 == segments.size());
    if (!whole) return std::unexpected(whole.error());
    forget_uncommitted();
    if (!*whole) break;
  }
  return {};
}

// False where what comes after it cannot be used.
std::expected<bool, StoreError> Recovery::read_segment(std::uint64_t number, bool last) {
  const std::string name = wal_name(number);
  auto file = files_.open(path(name), OpenMode::kWrite);
  if (!file) return std::unexpected(io(file.error()));
  auto size = (*file)->size();
  if (!size) return std::unexpected(io(size.error()));
  FrameReader reader(**file, *size);
  auto header = reader.header();
  if (!header) return std::unexpected(io(header.error()));
  const HeaderState state = check_file_header(*header, FileKind::kWal, number);
  if (state == HeaderState::kNewerVersion) return std::unexpected(StoreError{StoreError::Kind::kNewerVersion, path(name)});
  bool good = state == HeaderState::kGood;
  while (good) {
    auto frame = reader.next();
    if (!frame) return std::unexpected(io(frame.error()));
    if (frame->state == FrameRead::State::kEnd) return true;
    good = frame->state == FrameRead::State::kGood;
    if (good && !apply(frame->body)) {
      out_.damage.push_back(name + ": a record before byte " + std::to_string(reader.position()) + " does not read");
      return false;
    }
  }
  if (!last) {
    out_.damage.push_back(name + ": damaged at byte " + std::to_string(reader.position()));
    return false;
  }
  // What a crash left of the last group. A segment whose header was not written yet was never used.
  if (state != HeaderState::kGood) {
    if (auto removed = files_.remove(path(name)); !removed) return std::unexpected(io(removed.error()));
    out_.next_segment = number;  // so that none is missing
    return true;
  }
  auto cut = (*file)->truncate(reader.position());
  if (cut) cut = (*file)->sync();
  if (!cut) return std::unexpected(io(cut.error()));
  return true;
}

bool Recovery::apply(const Body& body) {
  switch (body.type) {
    case RecordType::kCreate: return apply_create(body.fields);
    case RecordType::kFinish: return apply_to_log<FinishRecord>(body.fields);
    case RecordType::kEntries: return apply_to_log<EntriesRecord>(body.fields);
    case RecordType::kExtents: return apply_to_log<ExtentsRecord>(body.fields);
    case RecordType::kCommit: return apply_commit(body.fields);
    case RecordType::kDrop: {
      const auto record = decode<DropRecord>(body.fields);
      if (record) out_.logs.erase(record->id);
      return record.has_value();
    }
    default: return false;
  }
}

bool Recovery::apply_create(std::string_view fields) {
  const auto record = decode<CreateRecord>(fields);
  if (!record) return false;
  auto& log = out_.logs[record->id];
  // The checkpoint may have it already.
  if (log == nullptr) {
    log = std::make_shared<DiskLog>(context_, record->id, record->chunk_bytes, record->handle, record->meta);
  }
  out_.next_id = std::max(out_.next_id, record->id + 1);
  return true;
}

template <typename Record>
bool Recovery::apply_to_log(std::string_view fields) {
  const auto record = decode<Record>(fields);
  if (!record) return false;
  // Of a log that was dropped later, or is lost already.
  const auto found = out_.logs.find(record->id);
  if (found == out_.logs.end()) return true;
  const std::shared_ptr<DiskLog> log = found->second;
  if (!log->replay(*record)) {
    lose(record->id, "its records do not fit together");
    return true;
  }
  if (!std::is_same_v<Record, FinishRecord>) open_.insert(log);
  return true;
}

bool Recovery::apply_commit(std::string_view fields) {
  const auto record = decode<CommitRecord>(fields);
  if (!record) return false;
  for (const auto& log : open_) log->replay_commit(record->number);
  open_.clear();
  out_.commit_number = record->number;
  out_.lsn = record->lsn;
  if (record->state) out_.state = *record->state;
  out_.notes.add(record->note);
  return true;
}

// A transaction's records and its commit are in one segment.
void Recovery::forget_uncommitted() {
  for (const auto& log : open_) log->abort_transaction();
  open_.clear();
}

void Recovery::forget_unfinished() {
  std::vector<std::uint64_t> ahead;
  for (const auto& [id, log] : out_.logs) {
    if (log->commit_number() > out_.commit_number) ahead.push_back(id);
  }
  for (std::uint64_t id : ahead) lose(id, "the commits that it holds are missing");
  std::erase_if(out_.logs, [](const auto& log) { return !log.second->finished(); });
}

Recovery::Outcome Recovery::check_files() {
  struct Sizes {
    std::uint64_t snapshot = 0;
    std::uint64_t changes = 0;
  };
  std::unordered_map<std::uint64_t, Sizes> sizes;
  for (unsigned i = 0; i < kLogFolders; ++i) {
    auto listed = files_.list(context_->files.folder(i));
    if (!listed) return std::unexpected(io(listed.error()));
    for (const FileLayer::Listed& file : *listed) {
      const auto name = LogFiles::parse_name(file.name);
      if (!name || name->id % kLogFolders != i) continue;
      Sizes& of = sizes[name->id];
      (name->area == Area::kSnapshot ? of.snapshot : of.changes) = file.size;
      out_.next_id = std::max(out_.next_id, name->id + 1);
    }
  }
  std::vector<std::uint64_t> lost;
  for (const auto& [id, log] : out_.logs) {
    const Sizes found = sizes.contains(id) ? sizes[id] : Sizes{};
    if (found.snapshot < log->snapshot_bytes() || found.changes < log->changes_file_bytes()) lost.push_back(id);
    if (found.changes <= log->changes_file_bytes()) continue;
    // Moved there since the last checkpoint, or never committed: the write-ahead log has what counts of it.
    auto file = context_->files.open(id, Area::kChanges, OpenMode::kWrite);
    auto cut = file ? (*file)->truncate(log->changes_file_bytes()) : std::unexpected(file.error());
    if (!cut) return std::unexpected(io(cut.error()));
  }
  for (std::uint64_t id : lost) lose(id, "its files are missing or too short");
  for (const auto& [id, of] : sizes) {
    if (!out_.logs.contains(id)) out_.orphans.push_back(id);
  }
  return {};
}

void Recovery::lose(std::uint64_t id, std::string why) {
  const auto found = out_.logs.find(id);
  if (found == out_.logs.end()) return;
  out_.damage.push_back("log " + found->second->handle() + ": " + std::move(why));
  out_.logs.erase(found);
}

}  // namespace

std::expected<RecoveredStore, StoreError> recover(const std::shared_ptr<LogContext>& context) {
  return Recovery(context).run();
}

FileResult<FolderFiles> list_folder(FileLayer& files, const std::string& folder) {
  auto listed = files.list(folder);
  if (!listed) return std::unexpected(std::move(listed.error()));
  FolderFiles out;
  for (const FileLayer::Listed& file : *listed) {
    if (auto segment = numbered(file.name, "wal-")) out.segments.push_back(*segment);
    if (auto checkpoint = numbered(file.name, "checkpoint-")) out.checkpoints.push_back(*checkpoint);
    if (file.name.starts_with("checkpoint-") && file.name.ends_with(".new")) out.unfinished.push_back(file.name);
  }
  std::sort(out.segments.begin(), out.segments.end());
  std::sort(out.checkpoints.begin(), out.checkpoints.end());
  return out;
}

}  // namespace sluice::store

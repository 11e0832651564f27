// The bytes of the store's files: docs/format-store.md is the description, this its only implementation.
//
// A file of records is a header and frames; a frame is a length, a CRC-32C and a body; a body is a record's type and its
// fields. Encoders append to a string. Decoders never read beyond what they are given and answer nothing where a field does
// not fit: any bytes at all may be given to them. No I/O, no locks.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "shape/request.h"

namespace sluice::store {

inline constexpr std::uint32_t kFormatVersion = 1;

// A frame's body at most: a log's record in a checkpoint is the longest, of which the index of 2 TB of changes is the
// largest part; what a transaction appends goes into frames of about kSpillBytes.
inline constexpr std::uint32_t kFrameBytesMax = 1u << 30;
inline constexpr std::size_t kFrameHeaderBytes = 8;
inline constexpr std::size_t kFileHeaderBytes = 24;

enum class FileKind { kWal, kCheckpoint };
enum class HeaderState { kGood, kDamaged, kNewerVersion };

std::string encode_file_header(FileKind kind, std::uint64_t number);
// Of a file that is named to be the `number`th of its kind.
HeaderState check_file_header(std::string_view bytes, FileKind kind, std::uint64_t number);

enum class RecordType : std::uint8_t {
  kCreate = 1,
  kFinish = 2,
  kDrop = 3,
  kEntries = 4,
  kExtents = 5,
  kCommit = 6,
  kCheckpoint = 7,
  kLog = 8,
  kEnd = 9,
};

// The end of an entry among a log's changes: how many bytes of changes there are up to it, and its offset.
struct Mark {
  std::uint64_t end = 0;
  std::uint64_t tx = 0;
  std::uint64_t op = shape::Offset::kInfinity;  // together 0_inf: before every change

  shape::Offset offset() const { return shape::Offset::at(tx, op); }
  bool operator==(const Mark&) const = default;
};

// A chunk of the snapshot: where it ends and its CRC.
struct SnapshotChunk {
  std::uint64_t end = 0;
  std::uint32_t crc = 0;
  bool operator==(const SnapshotChunk&) const = default;
};

// A run of entries in a log's file of changes, up to the next block's start: the offset of its first, and its CRC.
struct Block {
  std::uint64_t start = 0;
  std::uint64_t tx = 0;
  std::uint64_t op = 0;
  std::uint32_t crc = 0;

  shape::Offset first() const { return shape::Offset::at(tx, op); }
  bool operator==(const Block&) const = default;
};

// Views lie in the decoded bytes.
struct CreateRecord {
  std::uint64_t id = 0;
  std::uint64_t chunk_bytes = 0;
  std::string_view handle = {};
  std::string_view meta = {};
};
struct FinishRecord {
  std::uint64_t id = 0;
  std::vector<SnapshotChunk> chunks = {};
};
struct DropRecord {
  std::uint64_t id = 0;
};
// Entries that follow `start` bytes of changes, themselves within the record.
struct EntriesRecord {
  std::uint64_t id = 0;
  std::uint64_t start = 0;
  std::vector<Mark> entries = {};
  std::string_view bytes = {};
};
// Entries that lie in the log's file already.
struct ExtentsRecord {
  std::uint64_t id = 0;
  std::uint64_t start = 0;
  std::vector<Block> blocks = {};
  std::vector<Mark> chunk_ends = {};
  Mark last = {};
};
struct CommitRecord {
  std::uint64_t number = 0;  // of commits, counted from 1 over the store's life
  std::uint64_t lsn = 0;
  std::string_view note = {};
  std::optional<std::string_view> state = {};  // where it changed
};
struct CheckpointRecord {
  std::uint64_t next_id = 0;
  std::uint64_t commit_number = 0;
  std::uint64_t lsn = 0;
  std::string_view state = {};
  std::vector<std::string_view> notes = {};
};
struct LogRecord {
  CreateRecord create = {};
  bool finished = false;
  std::vector<SnapshotChunk> chunks = {};
  Mark flushed = {};  // what the file of changes holds
  std::vector<Block> blocks = {};
  std::vector<Mark> chunk_ends = {};
  std::vector<Mark> tail = {};  // entries behind `flushed`, their bytes here
  std::string_view tail_bytes = {};
  std::uint64_t commit_number = 0;  // the commit that published the last of them
};
struct EndRecord {
  std::uint64_t logs = 0;
};

// Appends one frame to `out`.
void encode(std::string& out, const CreateRecord& record);
void encode(std::string& out, const FinishRecord& record);
void encode(std::string& out, const DropRecord& record);
// `bytes` together: those of the entries.
void encode_entries(std::string& out, std::uint64_t id, std::uint64_t start, std::span<const Mark> entries,
                    std::span<const Buffer> bytes);
void encode(std::string& out, const ExtentsRecord& record);
void encode(std::string& out, const CommitRecord& record);
void encode(std::string& out, const CheckpointRecord& record);
void encode(std::string& out, const LogRecord& record);
void encode(std::string& out, const EndRecord& record);

// The body of a frame whose CRC was right.
struct Body {
  RecordType type = RecordType::kEnd;
  std::string_view fields = {};
};
template <typename Record>
std::optional<Record> decode(std::string_view fields);
template <>
std::optional<CreateRecord> decode(std::string_view fields);
template <>
std::optional<FinishRecord> decode(std::string_view fields);
template <>
std::optional<DropRecord> decode(std::string_view fields);
template <>
std::optional<EntriesRecord> decode(std::string_view fields);
template <>
std::optional<ExtentsRecord> decode(std::string_view fields);
template <>
std::optional<CommitRecord> decode(std::string_view fields);
template <>
std::optional<CheckpointRecord> decode(std::string_view fields);
template <>
std::optional<LogRecord> decode(std::string_view fields);
template <>
std::optional<EndRecord> decode(std::string_view fields);

// Takes the frame that `bytes` begin with.
struct FrameRead {
  enum class State { kGood, kEnd, kDamaged } state = State::kEnd;
  Body body = {};
  // Of the whole frame. Where it is damaged: what its length says, 0 where that cannot be.
  std::size_t size = 0;
};
FrameRead read_frame(std::string_view bytes);
// How long the frame is that `bytes` begin with, by its own word; 0 where that cannot be.
std::size_t frame_size(std::string_view bytes);

}  // namespace sluice::store

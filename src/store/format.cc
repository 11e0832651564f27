#include "store/format.h"

#include <cstring>
#include <limits>

#include "store/crc32c.h"

namespace sluice::store {
namespace {

constexpr std::string_view kWalMagic = "sluicewl";
constexpr std::string_view kCheckpointMagic = "sluicecp";

void put_fixed(std::string& out, std::uint64_t number, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out += static_cast<char>(number >> (8 * i) & 0xff);
}

std::uint64_t get_fixed(std::string_view from) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < from.size(); ++i) number |= std::uint64_t{static_cast<unsigned char>(from[i])} << (8 * i);
  return number;
}

void put(std::string& out, std::uint64_t number) {
  char bytes[10];
  std::size_t size = 0;
  for (; number >= 0x80; number >>= 7) bytes[size++] = static_cast<char>(number | 0x80);
  bytes[size++] = static_cast<char>(number);
  out.append(bytes, size);
}

void put(std::string& out, std::string_view bytes) {
  put(out, bytes.size());
  out += bytes;
}

// A frame under construction: its header is filled in at the end.
class Frame {
 public:
  Frame(std::string& out, RecordType type) : out_(out), start_(out.size()) {
    out_.append(kFrameHeaderBytes, '\0');
    out_ += static_cast<char>(type);
  }
  ~Frame() {
    const std::string_view body = std::string_view(out_).substr(start_ + kFrameHeaderBytes);
    const std::uint64_t header = std::uint64_t{crc32c(body)} << 32 | body.size();
    for (std::size_t i = 0; i < kFrameHeaderBytes; ++i) out_[start_ + i] = static_cast<char>(header >> (8 * i) & 0xff);
  }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

 private:
  std::string& out_;
  const std::size_t start_;
};

void put_create(std::string& out, const CreateRecord& record) {
  put(out, record.id);
  put(out, record.chunk_bytes);
  put(out, record.handle);
  put(out, record.meta);
}

void put_chunks(std::string& out, const std::vector<SnapshotChunk>& chunks) {
  put(out, chunks.size());
  std::uint64_t start = 0;
  for (const SnapshotChunk& chunk : chunks) {
    put(out, chunk.end - start);
    put_fixed(out, chunk.crc, 4);
    start = chunk.end;
  }
}

void put_mark(std::string& out, const Mark& mark) {
  put(out, mark.end);
  put(out, mark.tx);
  put(out, mark.op);
}

// Rising marks behind `start`, each told by what it adds.
void put_marks(std::string& out, std::uint64_t start, std::span<const Mark> marks) {
  put(out, marks.size());
  std::uint64_t tx = 0;
  for (const Mark& mark : marks) {
    put(out, mark.end - start);
    put(out, mark.tx - tx);
    put(out, mark.op);
    start = mark.end;
    tx = mark.tx;
  }
}

void put_blocks(std::string& out, std::uint64_t start, const std::vector<Block>& blocks) {
  put(out, blocks.size());
  std::uint64_t tx = 0;
  for (const Block& block : blocks) {
    put(out, block.start - start);
    put(out, block.tx - tx);
    put(out, block.op);
    put_fixed(out, block.crc, 4);
    start = block.start;
    tx = block.tx;
  }
}

// Reads fields one after the other; once one does not fit, all that follow are empty and good() is false.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : bytes_(bytes) {}

  bool good() const { return good_; }
  bool at_end() const { return good_ && bytes_.empty(); }

  std::uint64_t number() {
    std::uint64_t out = 0;
    for (unsigned shift = 0; shift < 64 && !bytes_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes_.front());
      if (shift == 63 && byte > 1) break;
      bytes_.remove_prefix(1);
      out |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return out;
    }
    fail();
    return 0;
  }

  // a + the next number, which must not wrap around.
  std::uint64_t number_after(std::uint64_t a) {
    const std::uint64_t more = number();
    if (more > std::numeric_limits<std::uint64_t>::max() - a) fail();
    return good_ ? a + more : 0;
  }

  std::uint32_t crc() {
    const std::string_view bytes = take(4);
    return static_cast<std::uint32_t>(get_fixed(bytes));
  }

  std::string_view text() { return take(number()); }

  // How many of something that takes at least `bytes` each follow.
  std::size_t count(std::size_t bytes) {
    const std::uint64_t count = number();
    if (count > bytes_.size() / bytes) fail();
    return good_ ? count : 0;
  }

  std::string_view take(std::uint64_t size) {
    if (size > bytes_.size()) {
      fail();
      return {};
    }
    const std::string_view out = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return out;
  }

  void fail() {
    good_ = false;
    bytes_ = {};
  }

 private:
  std::string_view bytes_;
  bool good_ = true;
};

CreateRecord get_create(Fields& in) {
  CreateRecord record;
  record.id = in.number();
  record.chunk_bytes = in.number();
  record.handle = in.text();
  record.meta = in.text();
  return record;
}

std::vector<SnapshotChunk> get_chunks(Fields& in) {
  std::vector<SnapshotChunk> chunks(in.count(5));
  std::uint64_t end = 0;
  for (SnapshotChunk& chunk : chunks) {
    chunk.end = end = in.number_after(end);
    chunk.crc = in.crc();
  }
  return chunks;
}

Mark get_mark(Fields& in) {
  Mark mark;
  mark.end = in.number();
  mark.tx = in.number();
  mark.op = in.number();
  return mark;
}

std::vector<Mark> get_marks(Fields& in, std::uint64_t start) {
  std::vector<Mark> marks(in.count(3));
  const Mark* before = nullptr;
  for (Mark& mark : marks) {
    mark.end = in.number_after(before != nullptr ? before->end : start);
    mark.tx = in.number_after(before != nullptr ? before->tx : 0);
    mark.op = in.number();
    if (mark.tx == 0 || (before != nullptr && (mark.end <= before->end || mark.offset() <= before->offset()))) in.fail();
    before = &mark;
  }
  return marks;
}

std::vector<Block> get_blocks(Fields& in, std::uint64_t start) {
  std::vector<Block> blocks(in.count(7));
  const Block* before = nullptr;
  for (Block& block : blocks) {
    block.start = in.number_after(before != nullptr ? before->start : start);
    block.tx = in.number_after(before != nullptr ? before->tx : 0);
    block.op = in.number();
    block.crc = in.crc();
    if (block.tx == 0 || (before != nullptr && (block.start <= before->start || block.first() <= before->first())))
      in.fail();
    before = &block;
  }
  return blocks;
}

}  // namespace

std::string encode_file_header(FileKind kind, std::uint64_t number) {
  std::string out(kind == FileKind::kWal ? kWalMagic : kCheckpointMagic);
  put_fixed(out, kFormatVersion, 4);
  put_fixed(out, number, 8);
  put_fixed(out, crc32c(out), 4);
  return out;
}

HeaderState check_file_header(std::string_view bytes, FileKind kind, std::uint64_t number) {
  if (bytes.size() < kFileHeaderBytes) return HeaderState::kDamaged;
  const std::string_view header = bytes.substr(0, kFileHeaderBytes);
  // A version's first 12 and last 4 bytes mean the same in all versions, so that each can tell a newer one from damage.
  if (get_fixed(header.substr(20)) != crc32c(header.substr(0, 20))) return HeaderState::kDamaged;
  if (header.substr(0, 8) != (kind == FileKind::kWal ? kWalMagic : kCheckpointMagic)) return HeaderState::kDamaged;
  if (get_fixed(header.substr(8, 4)) > kFormatVersion) return HeaderState::kNewerVersion;
  return get_fixed(header.substr(12, 8)) == number ? HeaderState::kGood : HeaderState::kDamaged;
}

void encode(std::string& out, const CreateRecord& record) {
  const Frame frame(out, RecordType::kCreate);
  put_create(out, record);
}

void encode(std::string& out, const FinishRecord& record) {
  const Frame frame(out, RecordType::kFinish);
  put(out, record.id);
  put_chunks(out, record.chunks);
}

void encode(std::string& out, const DropRecord& record) {
  const Frame frame(out, RecordType::kDrop);
  put(out, record.id);
}

void encode_entries(std::string& out, std::uint64_t id, std::uint64_t start, std::span<const Mark> entries,
                    std::span<const Buffer> bytes) {
  const Frame frame(out, RecordType::kEntries);
  put(out, id);
  put(out, start);
  put_marks(out, start, entries);
  for (const Buffer& part : bytes) out += part.bytes();
}

void encode(std::string& out, const ExtentsRecord& record) {
  const Frame frame(out, RecordType::kExtents);
  put(out, record.id);
  put(out, record.start);
  put_blocks(out, record.start, record.blocks);
  put_marks(out, record.start, record.chunk_ends);
  put_mark(out, record.last);
}

void encode(std::string& out, const CommitRecord& record) {
  const Frame frame(out, RecordType::kCommit);
  put(out, record.number);
  put(out, record.lsn);
  put(out, record.note);
  if (record.state) put(out, *record.state);
}

void encode(std::string& out, const CheckpointRecord& record) {
  const Frame frame(out, RecordType::kCheckpoint);
  put(out, record.next_id);
  put(out, record.commit_number);
  put(out, record.lsn);
  put(out, record.state);
  put(out, record.notes.size());
  for (std::string_view note : record.notes) put(out, note);
}

void encode(std::string& out, const LogRecord& record) {
  const Frame frame(out, RecordType::kLog);
  put_create(out, record.create);
  put(out, record.finished ? 1 : 0);
  put_chunks(out, record.chunks);
  put_mark(out, record.flushed);
  put_blocks(out, 0, record.blocks);
  put_marks(out, 0, record.chunk_ends);
  put_marks(out, record.flushed.end, record.tail);
  put(out, record.tail_bytes);
  put(out, record.commit_number);
}

void encode(std::string& out, const EndRecord& record) {
  const Frame frame(out, RecordType::kEnd);
  put(out, record.logs);
}

template <>
std::optional<CreateRecord> decode(std::string_view fields) {
  Fields in(fields);
  CreateRecord record = get_create(in);
  if (!in.at_end()) return std::nullopt;
  return record;
}

template <>
std::optional<FinishRecord> decode(std::string_view fields) {
  Fields in(fields);
  FinishRecord record;
  record.id = in.number();
  record.chunks = get_chunks(in);
  if (!in.at_end() || record.chunks.empty()) return std::nullopt;
  return record;
}

template <>
std::optional<DropRecord> decode(std::string_view fields) {
  Fields in(fields);
  DropRecord record{.id = in.number()};
  if (!in.at_end()) return std::nullopt;
  return record;
}

template <>
std::optional<EntriesRecord> decode(std::string_view fields) {
  Fields in(fields);
  EntriesRecord record;
  record.id = in.number();
  record.start = in.number();
  record.entries = get_marks(in, record.start);
  if (!in.good() || record.entries.empty() || record.entries.front().end == record.start) return std::nullopt;
  record.bytes = in.take(record.entries.back().end - record.start);
  if (!in.at_end()) return std::nullopt;
  return record;
}

template <>
std::optional<ExtentsRecord> decode(std::string_view fields) {
  Fields in(fields);
  ExtentsRecord record;
  record.id = in.number();
  record.start = in.number();
  record.blocks = get_blocks(in, record.start);
  record.chunk_ends = get_marks(in, record.start);
  record.last = get_mark(in);
  if (!in.at_end() || record.blocks.empty() || record.blocks.front().start != record.start) return std::nullopt;
  const bool blocks_fit =
      record.blocks.back().start < record.last.end && record.blocks.back().first() <= record.last.offset();
  const bool chunks_fit = record.chunk_ends.empty() || record.chunk_ends.back().end <= record.last.end;
  if (!blocks_fit || !chunks_fit) return std::nullopt;
  return record;
}

template <>
std::optional<CommitRecord> decode(std::string_view fields) {
  Fields in(fields);
  CommitRecord record;
  record.number = in.number();
  record.lsn = in.number();
  record.note = in.text();
  if (in.good() && !in.at_end()) record.state = in.text();
  if (!in.at_end()) return std::nullopt;
  return record;
}

template <>
std::optional<CheckpointRecord> decode(std::string_view fields) {
  Fields in(fields);
  CheckpointRecord record;
  record.next_id = in.number();
  record.commit_number = in.number();
  record.lsn = in.number();
  record.state = in.text();
  record.notes.resize(in.count(1));
  for (std::string_view& note : record.notes) note = in.text();
  if (!in.at_end()) return std::nullopt;
  return record;
}

template <>
std::optional<LogRecord> decode(std::string_view fields) {
  Fields in(fields);
  LogRecord record;
  record.create = get_create(in);
  record.finished = in.number() == 1;
  record.chunks = get_chunks(in);
  record.flushed = get_mark(in);
  record.blocks = get_blocks(in, 0);
  record.chunk_ends = get_marks(in, 0);
  record.tail = get_marks(in, record.flushed.end);
  record.tail_bytes = in.text();
  record.commit_number = in.number();
  if (!in.at_end()) return std::nullopt;
  const bool blocks_fit = record.blocks.empty()
                              ? record.flushed == Mark{}
                              : record.blocks.front().start == 0 && record.blocks.back().start < record.flushed.end &&
                                    record.blocks.back().first() <= record.flushed.offset();
  const Mark& last = record.tail.empty() ? record.flushed : record.tail.back();
  const bool tail_fits = record.tail_bytes.size() == last.end - record.flushed.end &&
                         (record.tail.empty() || (record.tail.front().end > record.flushed.end &&
                                                  record.tail.front().offset() > record.flushed.offset()));
  const bool chunks_fit = record.chunk_ends.empty() || record.chunk_ends.back().end <= last.end;
  if (!blocks_fit || !tail_fits || !chunks_fit || record.finished == record.chunks.empty()) return std::nullopt;
  return record;
}

template <>
std::optional<EndRecord> decode(std::string_view fields) {
  Fields in(fields);
  EndRecord record{.logs = in.number()};
  if (!in.at_end()) return std::nullopt;
  return record;
}

std::size_t frame_size(std::string_view bytes) {
  if (bytes.size() < kFrameHeaderBytes) return 0;
  const std::uint64_t length = get_fixed(bytes.substr(0, 4));
  return length == 0 || length > kFrameBytesMax ? 0 : kFrameHeaderBytes + length;
}

FrameRead read_frame(std::string_view bytes) {
  FrameRead read;
  if (bytes.empty()) return read;
  read.state = FrameRead::State::kDamaged;
  const std::size_t size = frame_size(bytes);
  if (size == 0 || size > bytes.size()) return read;
  read.size = size;
  const std::string_view body = bytes.substr(kFrameHeaderBytes, size - kFrameHeaderBytes);
  if (crc32c(body) != get_fixed(bytes.substr(4, 4))) return read;
  read.state = FrameRead::State::kGood;
  read.body = {static_cast<RecordType>(body.front()), body.substr(1)};
  return read;
}

}  // namespace sluice::store

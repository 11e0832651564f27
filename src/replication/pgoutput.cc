#include "replication/pgoutput.h"

#include <optional>

namespace sluice::replication {
namespace {

using Failure = std::optional<DecodeError>;

// Reads big-endian fields from the front. The first failure sticks and every later read returns zero or nothing, so a
// message is read straight down and checked once at its end.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  std::uint8_t u8() {
    if (at_ == end_) return fail(DecodeError::kTruncated), 0;
    return static_cast<std::uint8_t>(*at_++);
  }
  char character() { return static_cast<char>(u8()); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }
  std::int32_t i32() { return static_cast<std::int32_t>(u32()); }
  std::int64_t i64() { return static_cast<std::int64_t>(u64()); }

  std::string_view bytes(std::size_t count) {
    if (left() < count) return fail(DecodeError::kTruncated), std::string_view();
    const std::string_view taken(at_, count);
    at_ += count;
    return taken;
  }

  // Up to a NUL, which is taken too.
  std::string_view c_string() {
    const std::string_view rest(at_, left());
    const std::size_t length = rest.find('\0');
    if (length == std::string_view::npos) return fail(DecodeError::kBadString), std::string_view();
    at_ += length + 1;
    return rest.substr(0, length);
  }

  void fail(DecodeError error) {
    if (!failure_) failure_ = error;
    at_ = end_;
  }
  bool failed() const { return failure_.has_value(); }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }

  // The outcome of a message that should end here.
  Failure finish() {
    if (!failure_ && at_ != end_) failure_ = DecodeError::kTrailing;
    return failure_;
  }

 private:
  std::uint64_t number(std::size_t count) {
    if (left() < count) return fail(DecodeError::kTruncated), 0;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < count; ++i) value = value << 8 | static_cast<std::uint8_t>(at_[i]);
    at_ += count;
    return value;
  }

  const char* at_;
  const char* end_;
  Failure failure_;
};

using Kind = TupleValue::Kind;

TupleValue read_value(Reader& in) {
  switch (in.character()) {
    case 'n': return {Kind::kNull, {}};
    case 'u': return {Kind::kUnchanged, {}};
    case 't': break;
    default: return in.fail(DecodeError::kBadTuple), TupleValue{Kind::kNull, {}};
  }
  const std::int32_t length = in.i32();
  if (length < 0) return in.fail(DecodeError::kBadCount), TupleValue{Kind::kNull, {}};
  return {Kind::kText, in.bytes(static_cast<std::size_t>(length))};
}

// TupleData. The count is checked against what the message can hold before anything is reserved for it.
Tuple read_tuple(Reader& in, std::vector<TupleValue>& into) {
  into.clear();
  const std::size_t count = in.u16();
  if (count > kColumnsMax) return in.fail(DecodeError::kBadCount), Tuple();
  if (count > in.left()) return in.fail(DecodeError::kTruncated), Tuple();
  for (std::size_t i = 0; i < count && !in.failed(); ++i) into.push_back(read_value(in));
  return into;
}

Begin read_begin(Reader& in) {
  return {.final_lsn = in.u64(), .commit_time_us = in.i64(), .xid = in.u32()};
}

Commit read_commit(Reader& in) {
  in.u8();  // flags, unused in this version
  return {.commit_lsn = in.u64(), .end_lsn = in.u64(), .commit_time_us = in.i64()};
}

Relation read_relation(Reader& in, std::vector<RelationColumn>& columns) {
  Relation relation{
      .oid = in.u32(), .schema = in.c_string(), .name = in.c_string(), .replica_identity = in.character(), .columns = {}};
  columns.clear();
  const std::size_t count = in.u16();
  if (count > kColumnsMax) in.fail(DecodeError::kBadCount);
  for (std::size_t i = 0; i < count && !in.failed(); ++i) {
    columns.push_back({.key = (in.u8() & 1) != 0, .name = in.c_string(), .type = in.u32(), .type_mod = in.i32()});
  }
  relation.columns = columns;
  return relation;
}

void expect(Reader& in, char kind) {
  if (in.character() != kind) in.fail(DecodeError::kBadTuple);
}

Insert read_insert(Reader& in, std::vector<TupleValue>& row) {
  const sql::Oid relation = in.u32();
  expect(in, 'N');
  return {.relation = relation, .row = read_tuple(in, row)};
}

Update read_update(Reader& in, std::vector<TupleValue>& old_row, std::vector<TupleValue>& row) {
  Update update{.relation = in.u32(), .old_kind = in.character(), .old_row = {}, .row = {}};
  if (update.old_kind == 'K' || update.old_kind == 'O') {
    update.old_row = read_tuple(in, old_row);
    expect(in, 'N');
  } else {
    if (update.old_kind != 'N') in.fail(DecodeError::kBadTuple);
    update.old_kind = 0;
  }
  update.row = read_tuple(in, row);
  return update;
}

Delete read_delete(Reader& in, std::vector<TupleValue>& old_row) {
  Delete deletion{.relation = in.u32(), .old_kind = in.character(), .old_row = {}};
  if (deletion.old_kind != 'K' && deletion.old_kind != 'O') in.fail(DecodeError::kBadTuple);
  deletion.old_row = read_tuple(in, old_row);
  return deletion;
}

Truncate read_truncate(Reader& in, std::vector<sql::Oid>& relations) {
  relations.clear();
  const std::int32_t count = in.i32();
  const std::uint8_t flags = in.u8();
  if (count < 0 || static_cast<std::size_t>(count) > kTruncatedRelationsMax) in.fail(DecodeError::kBadCount);
  for (std::int32_t i = 0; i < count && !in.failed(); ++i) relations.push_back(in.u32());
  return {.relations = relations, .flags = flags};
}

// Origin, Type and Message say nothing about rows; they are checked as strictly as the others.
Ignored read_origin(Reader& in) {
  in.u64();
  in.c_string();
  return {'O'};
}

Ignored read_type(Reader& in) {
  in.u32();
  in.c_string();
  in.c_string();
  return {'Y'};
}

Ignored read_message(Reader& in) {
  in.u8();
  in.u64();
  in.c_string();
  const std::int32_t length = in.i32();
  if (length < 0) in.fail(DecodeError::kBadCount);
  if (!in.failed()) in.bytes(static_cast<std::size_t>(length));
  return {'M'};
}

}  // namespace

std::expected<Message, DecodeError> Decoder::decode(std::string_view message) {
  Reader in(message);
  Message decoded = Ignored{0};
  switch (in.character()) {
    case 'B': decoded = read_begin(in); break;
    case 'C': decoded = read_commit(in); break;
    case 'R': decoded = read_relation(in, columns_); break;
    case 'I': decoded = read_insert(in, row_); break;
    case 'U': decoded = read_update(in, old_row_, row_); break;
    case 'D': decoded = read_delete(in, old_row_); break;
    case 'T': decoded = read_truncate(in, relations_); break;
    case 'O': decoded = read_origin(in); break;
    case 'Y': decoded = read_type(in); break;
    case 'M': decoded = read_message(in); break;
    default: in.fail(DecodeError::kUnknownKind); break;
  }
  if (const Failure failure = in.finish()) return std::unexpected(*failure);
  return decoded;
}

std::string_view to_string(DecodeError error) {
  switch (error) {
    case DecodeError::kTruncated: return "ends within a field";
    case DecodeError::kTrailing: return "bytes after the last field";
    case DecodeError::kUnknownKind: return "unknown message kind";
    case DecodeError::kBadCount: return "count or length out of range";
    case DecodeError::kBadTuple: return "unknown tuple or value kind";
    case DecodeError::kBadString: return "name without its end";
  }
  return "unknown error";
}

}  // namespace sluice::replication

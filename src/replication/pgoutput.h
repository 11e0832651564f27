// The logical replication messages of pgoutput, protocol version 1 with binary off
// (Postgres documentation, 55.9 Logical Replication Message Formats), decoded from untrusted bytes.
//
// A Decoder allocates nothing once it has seen its widest row: texts are views into the message, and the spans are over
// the Decoder's own storage, so both are valid until its next decode() or the end of the message's bytes. Values are in
// Postgres's text output. No thread safety of its own; one Decoder a stream.
//
//   Decoder decoder;
//   auto message = decoder.decode(bytes);
//   if (!message) return message.error();
//   if (const Insert* insert = std::get_if<Insert>(&*message)) use(insert->row);
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "sql/types.h"

namespace sluice::replication {

// A position in the write-ahead log. Text form: "16/B374D848", two halves in hexadecimal.
using Lsn = std::uint64_t;

struct Begin {
  Lsn final_lsn;                // of the commit record: the transaction's place in the order of commits
  std::int64_t commit_time_us;  // since 2000-01-01 UTC
  std::uint32_t xid;            // of the top-level transaction, without its epoch
};
struct Commit {
  Lsn commit_lsn;  // the Begin's final_lsn
  Lsn end_lsn;     // what confirming this transaction confirms
  std::int64_t commit_time_us;
};
struct RelationColumn {
  bool key;  // part of the replica identity
  std::string_view name;
  sql::Oid type;
  std::int32_t type_mod;
};
// Sent before a table's first change in a connection, and again whenever the server has forgotten that it did (after
// each change of the table, but not only then). Generated columns and columns outside the publication's list are not among
// `columns`.
struct Relation {
  sql::Oid oid;
  std::string_view schema;
  std::string_view name;
  char replica_identity;  // 'd', 'n', 'f' or 'i'
  std::span<const RelationColumn> columns;
};
// A column's value in a tuple. kUnchanged: an out-of-line value that the change did not touch and that is not sent.
struct TupleValue {
  enum class Kind : std::uint8_t { kNull, kUnchanged, kText } kind;
  std::string_view text;
};
// One value a column of the Relation last sent for that oid.
using Tuple = std::span<const TupleValue>;
struct Insert {
  sql::Oid relation;
  Tuple row;
};
// old_kind: 'K' (old_row holds the identity's columns, the others NULL), 'O' (the whole old row), or 0 for none.
struct Update {
  sql::Oid relation;
  char old_kind;
  Tuple old_row;
  Tuple row;
};
struct Delete {
  sql::Oid relation;
  char old_kind;
  Tuple old_row;
};  // old_kind: 'K' or 'O'
struct Truncate {
  std::span<const sql::Oid> relations;
  std::uint8_t flags;
};  // flags: 1 cascade, 2 restart identity
struct Ignored {
  char kind;
};  // Origin, Type, Message

using Message = std::variant<Begin, Commit, Relation, Insert, Update, Delete, Truncate, Ignored>;

enum class DecodeError {
  kTruncated,    // ends within a field
  kTrailing,     // bytes after the last field
  kUnknownKind,  // no such message in protocol version 1
  kBadCount,     // a negative or too large count or length
  kBadTuple,     // an unknown tuple or value kind
  kBadString,    // a name without its NUL
};

std::string_view to_string(DecodeError error);

// Postgres's own bound on the columns of a table (MaxHeapAttributeNumber).
inline constexpr std::size_t kColumnsMax = 1600;
// Of one TRUNCATE; Postgres has none of its own, and a statement can name no more tables than there are locks for.
inline constexpr std::size_t kTruncatedRelationsMax = 100'000;

class Decoder {
 public:
  std::expected<Message, DecodeError> decode(std::string_view message);

 private:
  std::vector<TupleValue> old_row_;
  std::vector<TupleValue> row_;
  std::vector<RelationColumn> columns_;
  std::vector<sql::Oid> relations_;
};

}  // namespace sluice::replication

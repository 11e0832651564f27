// The logical replication messages of pgoutput, protocol version 1 with binary off
// (Postgres documentation, 55.9 Logical Replication Message Formats), decoded from untrusted bytes.
//
// decode() allocates nothing: views point into the message. Values are in Postgres's text output.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "sql/types.h"

namespace sluice::replication {

using Lsn = std::uint64_t;

struct Begin {
  Lsn final_lsn;
  std::int64_t commit_time_us;
  std::uint32_t xid;
};
struct Commit {
  Lsn commit_lsn;
  Lsn end_lsn;
  std::int64_t commit_time_us;
};
struct RelationColumn {
  bool key;
  std::string_view name;
  sql::Oid type;
  std::int32_t type_mod;
};
struct Relation {
  sql::Oid oid;
  std::string_view schema;
  std::string_view name;
  char replica_identity;
  std::vector<RelationColumn> columns;
};
// A column's value in a tuple. kUnchanged: an out-of-line value that the change did not touch and that is not sent.
struct TupleValue {
  enum class Kind : std::uint8_t { kNull, kUnchanged, kText } kind;
  std::string_view text;
};
using Tuple = std::vector<TupleValue>;
struct Insert {
  sql::Oid relation;
  Tuple row;
};
struct Update {
  sql::Oid relation;
  char old_kind;
  Tuple old_row;
  Tuple row;
};  // old_kind: 'K', 'O', or 0 for none
struct Delete {
  sql::Oid relation;
  char old_kind;
  Tuple old_row;
};
struct Truncate {
  std::vector<sql::Oid> relations;
  std::uint8_t flags;
};
struct Ignored {
  char kind;
};  // Origin, Type, Message

using Message = std::variant<Begin, Commit, Relation, Insert, Update, Delete, Truncate, Ignored>;

enum class DecodeError { kTruncated, kTrailing, kUnknownKind, kBadCount, kBadTuple, kBadString };

std::expected<Message, DecodeError> decode(std::string_view message);

}  // namespace sluice::replication

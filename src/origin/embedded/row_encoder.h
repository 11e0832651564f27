// Rows and changes of one table as log entries: the JSON that clients are sent (PROTOCOL sections 8 and 10).
//
//   {"key":"\"public\".\"items\"/\"1\"","value":{"id":"1",…},"headers":{"operation":"insert","relation":["public","items"]}}
//
// Everything that does not depend on the row is spelled once, in the constructor. Values are Postgres's text output and stay
// strings; NULL is null. A key is the quoted table and the values of the primary key, each quoted, with `/` doubled, and `_`
// for NULL. A table without a primary key is keyed by all columns that the shape shows.
//
// Immutable after construction; any thread. Copies share what they are made of: an encoder of each of many thousand shapes
// costs a pointer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sql/types.h"

namespace sluice::origin::embedded {

// How the change's transaction is told: `"lsn":"…","txids":[…]`, made once a transaction.
std::string transaction_json(std::uint64_t lsn, std::uint32_t xid);

struct ChangeHeader {
  std::string_view transaction;  // of transaction_json()
  std::uint64_t op_position;
};

// How an entry ends. Changes are encoded without it, since only the next one, or the commit, tells which was a transaction's
// last.
inline constexpr std::string_view kEntryEnd = "}},\n";
inline constexpr std::string_view kLastEntryEnd = ",\"last\":true}},\n";

class RowEncoder {
 public:
  // `columns`: what the shape shows, indexes into the table in its order; holds the primary key where there is one.
  RowEncoder(const sql::Table& table, std::vector<std::size_t> columns);

  const std::vector<std::size_t>& columns() const { return format_->columns; }
  const std::vector<std::size_t>& key_columns() const { return format_->key_columns; }
  // The electric-schema field: {"id":{"type":"int8","not_null":true,"pk_index":0},…}
  const std::string& schema_json() const { return format_->schema_json; }

  // Whole entries, with their end.
  void append_snapshot_row(std::string& out, sql::Row row) const;
  void append_subset_row(std::string& out, sql::Row row, std::uint64_t snapshot_mark) const;

  // Entries without their end. Rows have every column of the table.
  void append_insert(std::string& out, sql::Row row, const ChangeHeader& header) const;
  void append_delete(std::string& out, sql::Row row, const ChangeHeader& header, bool full) const;
  // `full`: the whole row and the old values of what changed; otherwise the key and what changed.
  void append_update(std::string& out, sql::Row before, sql::Row after, const ChangeHeader& header, bool full) const;
  // A changed key is a delete and an insert that name each other.
  void append_key_change(std::string& removed, std::string& added, sql::Row before, sql::Row after,
                         const ChangeHeader& removed_header, const ChangeHeader& added_header, bool full) const;

  bool same_key(sql::Row a, sql::Row b) const;
  // Nothing that the shape shows differs.
  bool same_value(sql::Row a, sql::Row b) const;

 private:
  struct Format {
    std::vector<std::size_t> columns;
    std::vector<std::size_t> key_columns;
    std::vector<bool> is_key;          // for each column of the table
    std::vector<bool> is_boolean;      // the same
    std::vector<std::string> members;  // for each column of the table: `,"id":"`, behind which its value goes on
    std::string key_prefix;            // `"\"public\".\"items\"`, the beginning of a key as JSON
    std::string operation_tail;        // `,"relation":["public","items"]`
    std::string schema_json;
  };
  static std::shared_ptr<const Format> make_format(const sql::Table& table, std::vector<std::size_t> columns);

  void append_key(std::string& out, sql::Row row) const;
  void append_member(std::string& out, sql::Row row, std::size_t column) const;
  void append_value(std::string& out, sql::Row row) const;
  void append_key_value(std::string& out, sql::Row row) const;
  void append_headers(std::string& out, std::string_view operation, const ChangeHeader& header) const;

  std::shared_ptr<const Format> format_;
};

}  // namespace sluice::origin::embedded

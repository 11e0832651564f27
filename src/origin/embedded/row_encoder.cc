#include "origin/embedded/row_encoder.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json_write.h"
#include "origin/embedded/schema_json.h"
#include "shape/identifier.h"

namespace sluice::origin::embedded {
namespace {

std::vector<std::size_t> primary_key(const sql::Table& table) {
  std::vector<std::size_t> key;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].pk_index) key.push_back(i);
  }
  std::sort(key.begin(), key.end(),
            [&](std::size_t a, std::size_t b) { return *table.columns[a].pk_index < *table.columns[b].pk_index; });
  return key;
}

void append_doubling_slashes(std::string& out, std::string_view text) {
  for (char c : text) {
    out += c;
    if (c == '/') out += '/';
  }
}

}  // namespace

std::string transaction_json(std::uint64_t lsn, std::uint32_t xid) {
  return fmt::format(R"("lsn":"{}","txids":[{}])", lsn, xid);
}

RowEncoder::RowEncoder(const sql::Table& table, std::vector<std::size_t> columns)
    : columns_(std::move(columns)),
      key_columns_(primary_key(table)),
      is_key_(table.columns.size()),
      key_prefix_(shape::TableName{table.schema, table.name}.print()),
      schema_json_(embedded::schema_json(table, columns_)) {
  if (key_columns_.empty()) key_columns_ = columns_;
  for (std::size_t column : key_columns_) is_key_[column] = true;
  for (const sql::Column& column : table.columns) names_.push_back(json_string(column.name) + ':');
  operation_tail_ = R"(,"relation":[)" + json_string(table.schema) + ',' + json_string(table.name) + ']';
}

void RowEncoder::append_key(std::string& out, sql::Row row) const {
  // One scratch string a thread: a snapshot makes a key for each of its rows.
  thread_local std::string key;
  key = key_prefix_;
  for (std::size_t column : key_columns_) {
    if (!row[column]) {
      key += "/_";
      continue;
    }
    key += "/\"";
    append_doubling_slashes(key, *row[column]);
    key += '"';
  }
  append_json_string(out, key);
}

void RowEncoder::append_member(std::string& out, sql::Row row, std::size_t column) const {
  if (out.back() != '{') out += ',';
  out += names_[column];
  if (row[column]) {
    append_json_string(out, *row[column]);
  } else {
    out += "null";
  }
}

void RowEncoder::append_value(std::string& out, sql::Row row) const {
  out += '{';
  for (std::size_t column : columns_) append_member(out, row, column);
  out += '}';
}

void RowEncoder::append_key_value(std::string& out, sql::Row row) const {
  out += '{';
  for (std::size_t column : key_columns_) append_member(out, row, column);
  out += '}';
}

void RowEncoder::append_headers(std::string& out, std::string_view operation, const ChangeHeader& header) const {
  out += R"(,"headers":{"operation":")";
  out += operation;
  out += '"';
  out += operation_tail_;
  out += ',';
  out += header.transaction;
  fmt::format_to(std::back_inserter(out), R"(,"op_position":{})", header.op_position);
}

void RowEncoder::append_snapshot_row(std::string& out, sql::Row row) const {
  out += R"({"key":)";
  append_key(out, row);
  out += R"(,"value":)";
  append_value(out, row);
  out += R"(,"headers":{"operation":"insert")";
  out += operation_tail_;
  out += kEntryEnd;
}

void RowEncoder::append_subset_row(std::string& out, sql::Row row, std::uint64_t snapshot_mark) const {
  append_snapshot_row(out, row);
  out.resize(out.size() - kEntryEnd.size());
  fmt::format_to(std::back_inserter(out), R"(,"snapshot_mark":{})", snapshot_mark);
  out += kEntryEnd;
}

void RowEncoder::append_insert(std::string& out, sql::Row row, const ChangeHeader& header) const {
  out += R"({"key":)";
  append_key(out, row);
  out += R"(,"value":)";
  append_value(out, row);
  append_headers(out, "insert", header);
}

void RowEncoder::append_delete(std::string& out, sql::Row row, const ChangeHeader& header, bool full) const {
  out += R"({"key":)";
  append_key(out, row);
  out += R"(,"value":)";
  full ? append_value(out, row) : append_key_value(out, row);
  append_headers(out, "delete", header);
}

void RowEncoder::append_update(std::string& out, sql::Row before, sql::Row after, const ChangeHeader& header,
                               bool full) const {
  out += R"({"key":)";
  append_key(out, after);
  out += R"(,"value":{)";
  for (std::size_t column : columns_) {
    if (full || is_key_[column] || before[column] != after[column]) append_member(out, after, column);
  }
  out += '}';
  if (full) {
    out += R"(,"old_value":{)";
    for (std::size_t column : columns_) {
      if (before[column] != after[column]) append_member(out, before, column);
    }
    out += '}';
  }
  append_headers(out, "update", header);
}

void RowEncoder::append_key_change(std::string& removed, std::string& added, sql::Row before, sql::Row after,
                                   const ChangeHeader& removed_header, const ChangeHeader& added_header, bool full) const {
  append_delete(removed, before, removed_header, full);
  removed += R"(,"key_change_to":)";
  append_key(removed, after);
  append_insert(added, after, added_header);
  added += R"(,"key_change_from":)";
  append_key(added, before);
}

bool RowEncoder::same_key(sql::Row a, sql::Row b) const {
  return std::all_of(key_columns_.begin(), key_columns_.end(), [&](std::size_t column) { return a[column] == b[column]; });
}

bool RowEncoder::same_value(sql::Row a, sql::Row b) const {
  return std::all_of(columns_.begin(), columns_.end(), [&](std::size_t column) { return a[column] == b[column]; });
}

}  // namespace sluice::origin::embedded

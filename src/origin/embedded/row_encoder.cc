#include "origin/embedded/row_encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

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

// A value within a key: a slash is doubled, then all is a part of a JSON string.
void append_key_part(std::string& out, std::string_view text) {
  for (std::size_t slash = text.find('/'); slash != std::string_view::npos; slash = text.find('/')) {
    append_json_escaped(out, text.substr(0, slash));
    out += "//";
    text.remove_prefix(slash + 1);
  }
  append_json_escaped(out, text);
}

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits;  // of 2^64
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

}  // namespace

std::string transaction_json(std::uint64_t lsn, std::uint32_t xid) {
  return fmt::format(R"("lsn":"{}","txids":[{}])", lsn, xid);
}

RowEncoder::RowEncoder(const sql::Table& table, std::vector<std::size_t> columns)
    : format_(make_format(table, std::move(columns))) {}

std::shared_ptr<const RowEncoder::Format> RowEncoder::make_format(const sql::Table& table,
                                                                  std::vector<std::size_t> columns) {
  auto format = std::make_shared<Format>();
  format->key_columns = primary_key(table);
  if (format->key_columns.empty()) format->key_columns = columns;
  format->is_key.resize(table.columns.size());
  for (std::size_t column : format->key_columns) format->is_key[column] = true;
  for (const sql::Column& column : table.columns) {
    format->members.push_back(',' + json_string(column.name) + ":\"");
    format->is_boolean.push_back(column.type == sql::oid::kBool || column.base_type == sql::oid::kBool);
  }
  format->key_prefix = '"';
  append_json_escaped(format->key_prefix, shape::TableName{table.schema, table.name}.print());
  format->operation_tail = R"(,"relation":[)" + json_string(table.schema) + ',' + json_string(table.name) + ']';
  format->schema_json = embedded::schema_json(table, columns);
  format->columns = std::move(columns);
  return format;
}

void RowEncoder::append_key(std::string& out, sql::Row row) const {
  out += format_->key_prefix;
  for (std::size_t column : format_->key_columns) {
    if (!row[column]) {
      out += "/_";
      continue;
    }
    out += R"(/\")";
    // Snapshots spell a boolean true, the stream t: the key of a row is one.
    append_key_part(out, format_->is_boolean[column] ? row[column]->substr(0, 1) : *row[column]);
    out += R"(\")";
  }
  out += '"';
}

void RowEncoder::append_member(std::string& out, sql::Row row, std::size_t column) const {
  std::string_view member = format_->members[column];
  if (out.back() == '{') member.remove_prefix(1);
  if (!row[column]) {
    member.remove_suffix(1);
    out += member;
    out += "null";
    return;
  }
  out += member;
  append_json_escaped(out, *row[column]);
  out += '"';
}

void RowEncoder::append_value(std::string& out, sql::Row row) const {
  out += '{';
  for (std::size_t column : format_->columns) append_member(out, row, column);
  out += '}';
}

void RowEncoder::append_key_value(std::string& out, sql::Row row) const {
  out += '{';
  for (std::size_t column : format_->key_columns) append_member(out, row, column);
  out += '}';
}

void RowEncoder::append_headers(std::string& out, std::string_view operation, const ChangeHeader& header) const {
  out += R"(,"headers":{"operation":")";
  out += operation;
  out += '"';
  out += format_->operation_tail;
  out += ',';
  out += header.transaction;
  out += R"(,"op_position":)";
  append_number(out, header.op_position);
}

void RowEncoder::append_snapshot_row(std::string& out, sql::Row row) const {
  out += R"({"key":)";
  append_key(out, row);
  out += R"(,"value":)";
  append_value(out, row);
  out += R"(,"headers":{"operation":"insert")";
  out += format_->operation_tail;
  out += kEntryEnd;
}

void RowEncoder::append_subset_row(std::string& out, sql::Row row, std::uint64_t snapshot_mark) const {
  append_snapshot_row(out, row);
  out.resize(out.size() - kEntryEnd.size());
  out += R"(,"snapshot_mark":)";
  append_number(out, snapshot_mark);
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
  for (std::size_t column : format_->columns) {
    if (full || format_->is_key[column] || before[column] != after[column]) append_member(out, after, column);
  }
  out += '}';
  if (full) {
    out += R"(,"old_value":{)";
    for (std::size_t column : format_->columns) {
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
  return std::ranges::all_of(format_->key_columns, [&](std::size_t column) { return a[column] == b[column]; });
}

bool RowEncoder::same_value(sql::Row a, sql::Row b) const {
  return std::ranges::all_of(format_->columns, [&](std::size_t column) { return a[column] == b[column]; });
}

}  // namespace sluice::origin::embedded

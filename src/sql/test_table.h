// A table with a column of every type that a where clause understands, for tests, benches and fuzzers.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sql/types.h"

namespace sluice::sql {

inline const Table& test_table() {
  static const Table table = [] {
    Table out{.oid = 16384, .schema = "public", .name = "items", .columns = {}};
    auto add = [&](std::string name, Oid type, std::string type_name) -> Column& {
      Column& column = out.columns.emplace_back();
      column.name = std::move(name);
      column.type = type;
      column.type_name = std::move(type_name);
      return column;
    };
    add("i2", oid::kInt2, "int2");
    add("i4", oid::kInt4, "int4");
    add("i8", oid::kInt8, "int8");
    add("n", oid::kNumeric, "numeric");
    add("f4", oid::kFloat4, "float4");
    add("f8", oid::kFloat8, "float8");
    add("t", oid::kText, "text");
    add("v", oid::kVarchar, "varchar");
    add("c", oid::kBpchar, "bpchar");
    add("b", oid::kBool, "bool");
    add("u", oid::kUuid, "uuid");
    add("d", oid::kDate, "date");
    add("tm", oid::kTime, "time");
    add("ts", oid::kTimestamp, "timestamp");
    add("tz", oid::kTimestamptz, "timestamptz");
    Column& mood = add("e", 16400, "mood");
    mood.is_enum = true;
    mood.enum_labels = {"ok", "sad", "happy"};
    add("dom", 16410, "positive").base_type = oid::kInt4;
    add("j", 3802, "jsonb");
    add("arr", 1007, "int4").dimensions = 1;
    add("Odd \"name", oid::kText, "text");
    add("ta", oid::kTextArray, "text").dimensions = 1;
    add("iv", oid::kInterval, "interval");
    return out;
  }();
  return table;
}

// A row of test_table(): null but for the columns named.
class TestRow {
 public:
  TestRow() : values_(test_table().columns.size()) {}
  TestRow(std::initializer_list<std::pair<std::string_view, std::optional<std::string_view>>> values) : TestRow() {
    for (auto [name, value] : values) values_[*test_table().find(name)] = value;
  }

  void set(std::string_view name, std::string_view value) { values_[*test_table().find(name)] = value; }

  Row view() const { return values_; }

 private:
  std::vector<std::optional<std::string_view>> values_;
};

}  // namespace sluice::sql

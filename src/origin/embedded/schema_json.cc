#include "origin/embedded/schema_json.h"

#include <fmt/format.h>

#include "base/json_write.h"

namespace sluice::origin::embedded {
namespace {

constexpr std::int32_t kVarHeaderBytes = 4;  // Postgres adds VARHDRSZ to the length it keeps in atttypmod

void append_numeric(std::string& out, std::int32_t mod) {
  std::int32_t packed = mod - kVarHeaderBytes;
  std::int32_t scale = packed & 0x7ff;
  if (scale > 1023) scale -= 2048;  // 11 bits, signed (numeric.c: numeric_typmod_scale)
  fmt::format_to(std::back_inserter(out), R"(,"precision":{},"scale":{})", (packed >> 16) & 0xffff, scale);
}

// Interval keeps the fields it is limited to in the upper half; all of them, and no precision, are the plain type.
void append_interval(std::string& out, std::int32_t mod) {
  std::int32_t precision = mod & 0xffff;
  if (precision != 0xffff) fmt::format_to(std::back_inserter(out), R"(,"precision":{})", precision);
}

void append_modifier(std::string& out, const sql::Column& column) {
  std::int32_t mod = column.type_mod;
  if (mod < 0) return;
  const std::string& type = column.type_name;
  if (type == "varchar") fmt::format_to(std::back_inserter(out), R"(,"max_length":{})", mod - kVarHeaderBytes);
  if (type == "bpchar") fmt::format_to(std::back_inserter(out), R"(,"length":{})", mod - kVarHeaderBytes);
  if (type == "bit" || type == "varbit") fmt::format_to(std::back_inserter(out), R"(,"length":{})", mod);
  if (type == "numeric") append_numeric(out, mod);
  if (type == "time" || type == "timetz" || type == "timestamp" || type == "timestamptz") {
    fmt::format_to(std::back_inserter(out), R"(,"precision":{})", mod);
  }
  if (type == "interval") append_interval(out, mod);
}

}  // namespace

std::string schema_json(const sql::Table& table, const std::vector<std::size_t>& columns) {
  std::string out = "{";
  for (std::size_t index : columns) {
    const sql::Column& column = table.columns[index];
    if (out.size() > 1) out += ',';
    append_json_string(out, column.name);
    out += R"(:{"type":)";
    append_json_string(out, column.type_name);
    if (column.dimensions > 0) fmt::format_to(std::back_inserter(out), R"(,"dims":{})", column.dimensions);
    append_modifier(out, column);
    if (column.not_null) out += R"(,"not_null":true)";
    if (column.pk_index) fmt::format_to(std::back_inserter(out), R"(,"pk_index":{})", *column.pk_index);
    out += '}';
  }
  return out += '}';
}

}  // namespace sluice::origin::embedded

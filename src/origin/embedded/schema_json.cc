#include "origin/embedded/schema_json.h"

#include <fmt/format.h>

#include <array>
#include <utility>

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

// The upper half has the fields that an interval is limited to, a bit each; all of them, and no precision, are the plain
// type (timestamp.c: intervaltypmodout). The bits are of datetime.h: MONTH 1, YEAR 2, DAY 3, HOUR 10, MINUTE 11, SECOND 12.
void append_interval(std::string& out, std::int32_t mod) {
  constexpr std::int32_t kAllFields = 0x7fff;
  constexpr std::int32_t kNoPrecision = 0xffff;
  constexpr std::array kFields = {std::pair{2, "YEAR"},  std::pair{1, "MONTH"},   std::pair{3, "DAY"},
                                  std::pair{10, "HOUR"}, std::pair{11, "MINUTE"}, std::pair{12, "SECOND"}};
  const std::int32_t fields = mod >> 16 & 0xffff;
  const std::int32_t precision = mod & 0xffff;
  if (precision != kNoPrecision) fmt::format_to(std::back_inserter(out), R"(,"precision":{})", precision);
  if (fields == kAllFields) return;
  const char* first = nullptr;
  const char* last = nullptr;
  for (const auto& [bit, name] : kFields) {
    if ((fields >> bit & 1) == 0) continue;
    if (first == nullptr) first = name;
    last = name;
  }
  if (first == nullptr) return;
  fmt::format_to(std::back_inserter(out), R"(,"fields":"{})", first);
  if (last != first) fmt::format_to(std::back_inserter(out), " TO {}", last);
  out += '"';
}

void append_modifier(std::string& out, const sql::Column& column) {
  std::int32_t mod = column.type_mod;
  const std::string& type = column.type_name;
  // A varbit of any length has -1, as Electric has it.
  if (type == "bit" || type == "varbit") fmt::format_to(std::back_inserter(out), R"(,"length":{})", mod);
  if (mod < 0) return;
  if (type == "varchar") fmt::format_to(std::back_inserter(out), R"(,"max_length":{})", mod - kVarHeaderBytes);
  if (type == "bpchar") fmt::format_to(std::back_inserter(out), R"(,"length":{})", mod - kVarHeaderBytes);
  if (type == "numeric") append_numeric(out, mod);
  const bool is_time = type == "time" || type == "timetz" || type == "timestamp" || type == "timestamptz";
  if (is_time && mod > 0) {  // Electric leaves out a precision of 0
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

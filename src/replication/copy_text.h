// One row of COPY's text format (Postgres documentation, COPY, File Formats), decoded in place.
//
// Fields stand between tabs, \N is NULL, and a backslash begins an escape, so a decoded row is never longer than its
// line: texts are unescaped within the caller's buffer and no row costs an allocation once the widest was seen.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "sql/types.h"

namespace sluice::replication {

class CopyTextDecoder {
 public:
  // `line` with or without its line feed, overwritten; the row's texts are views into it. nullopt where the line has not
  // exactly `columns` fields or ends within an escape.
  std::optional<sql::Row> decode(std::span<char> line, std::size_t columns);

 private:
  std::vector<std::optional<std::string_view>> fields_;
};

}  // namespace sluice::replication

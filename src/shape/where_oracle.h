// For tests and fuzzers: what Postgres's own parser says of a where clause.
#pragma once

#include <pg_query.h>

#include <optional>
#include <string>

namespace sluice::shape {

// Postgres's parse tree of `SELECT 1 WHERE <where>`; nullopt where it has none. Without positions: trees of clauses that
// differ in white space only are equal.
inline std::optional<std::string> postgres_tree(const std::string& where) {
  const PgQueryParseResult result = pg_query_parse(("SELECT 1 WHERE " + where).c_str());
  const std::string json = result.error ? "" : result.parse_tree;
  const bool parsed = !result.error;
  pg_query_free_parse_result(result);
  if (!parsed) return std::nullopt;

  // "location":12 and "stmt_len":12 stand as bare numbers; inside a string their quotes would be escaped.
  std::string out;
  for (std::size_t at = 0; at < json.size();) {
    const bool position = json.compare(at, 11, "\"location\":") == 0 || json.compare(at, 11, "\"stmt_len\":") == 0;
    if (position)
      at = json.find_first_not_of("-0123456789", at + 11);
    else
      out += json[at++];
  }
  return out;
}

}  // namespace sluice::shape

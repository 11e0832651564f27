// Whether a condition that a client wrote may run over rows that it may not read.
//
// A conjunct beside those of a grant selects among the granted rows, but Postgres may evaluate it first, on any row: so it
// must neither look at what is hidden nor fail depending on a row. What is permitted is an allow-list of kinds of nodes:
//   - AND, OR, NOT, IS [NOT] NULL, TRUE, FALSE, UNKNOWN, IS [NOT] DISTINCT FROM;
//   - = <> < <= > >=, IN, BETWEEN, = ANY and the like, @> <@ &&;
//   - LIKE and ILIKE with a constant pattern that does not end in its escape (which fails, and only for some rows);
//   - columns that may be queried, by name or qualified by the table; not the whole row, nor a system column;
//   - constants and parameters, casts of those to built-in types, ARRAY[…] of those;
//   - coalesce(), lower(), upper(), length(), char_length(), octet_length().
// Not permitted, because they fail for some rows: casts of columns ("invalid input syntax for integer: <the value>"),
// arithmetic, ARRAY[…] of columns (which may be arrays of other dimensions). (One such failure is left, for types are not
// known here: a numeric beyond float8's range beside a float.) Because their answer is not known to come from the row:
// subqueries, other functions, now(), current_user.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "shape/identifier.h"
#include "sql/parse_tree.h"

namespace sluice::sql {

struct ClientScope {
  const shape::TableName& table;
  const std::vector<std::string>* columns;  // sorted; nullptr: all
  const ParseTree& tree;
  const std::vector<std::string>& params;
};

// The error names what is not permitted, and no value.
std::expected<void, std::string> check_client_condition(simdjson::dom::element condition, const ClientScope& scope);

}  // namespace sluice::sql

// Where clauses: Postgres's grammar, Postgres's types, evaluated here.
//
// compile() parses with libpg_query, resolves columns and parameters, types every node as Postgres would (unknown
// literals take the other side's type), and refuses, naming the construct and its position, whatever it cannot evaluate
// exactly as Postgres does: an answer that might differ is never given.
//
//   auto where = WhereClause::compile("org_id = $1 AND priority > $2", {"7", "15"}, table);
//   if (where && where->matches(row)) …
//
// What is understood is docs/where.md. In short: comparisons, AND, OR, NOT, IN, BETWEEN, LIKE, ILIKE, the IS tests, ANY and
// ALL, @> <@ &&, comparisons of whole arrays; over columns, literals, parameters, and what is computed of them (call.h):
// arithmetic of integers, numeric, floats, dates, times and intervals, bits, text, arrays put together, CASE, coalesce and
// its like, casts. Types are value.h's, domains over them and arrays of them; others with IS NULL only.
//   order of an enum is that of its labels, and refused where they are not known; what has a label that came later cannot
//   be judged
//   order of text is refused unless its collation is C (Collation in types.h): it is the locale's
//   dates and times are read in ISO 8601; a timestamptz constant without an offset is in UTC, whatever the server's setting
// Refused, beside all else: subqueries, casts that depend on settings, subscripts, rows, COLLATE.
// Where Postgres would raise an error while running, the operation is NULL, here and in what is sent to Postgres. (One is
// left: an element of a numeric array beyond float8 beside a float.) A value that Postgres could not have printed counts as
// null, an array with anything of the kind in it included.
//
// Immutable after compile(); matches() may run on many threads at once. compile() may run on any thread.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sql/types.h"

namespace sluice::sql {

inline constexpr std::size_t kWhereBytesMax = 16 * 1024;
inline constexpr std::size_t kExpressionDepthMax = 128;      // of the tree: its walkers recurse
inline constexpr std::size_t kExpressionNodesMax = 4096;     // operators, columns and constants
inline constexpr std::size_t kParamBytesMax = 16 * 1024;     // each
inline constexpr std::size_t kPrintedBytesMax = 256 * 1024;  // of sql(): a parameter used often is printed often

struct WhereError {
  std::size_t position = 0;  // byte offset into the where clause
  std::string message;       // "At location 5: invalid syntax for type int8: x": no more of the table than the caller named
};

class WhereClause {
 public:
  // `params` are text values for $1…; their type comes from where they are used, as an unknown literal's would.
  static std::expected<WhereClause, WhereError> compile(std::string_view where, const std::vector<std::string>& params,
                                                        const Table& table);
  // The same, where only `columns` (indexes into table) may be named; others are "unknown reference".
  static std::expected<WhereClause, WhereError> compile(std::string_view where, const std::vector<std::string>& params,
                                                        const Table& table, const std::vector<std::size_t>& columns);

  // True where the row is in the shape: the clause is true, not false and not null (SQL's WHERE). Not where judge() has
  // nothing.
  bool matches(Row row) const;
  // The same, or nothing where it cannot be said: an enum was given a label since the table was described, the row has it,
  // and the clause asks for its order. Equality can always be judged.
  std::optional<bool> judge(Row row) const;

  // One spelling of the clause with its parameters bound as literals, which Postgres reads as the same condition: sent in
  // COPY, equal for equal trees. Every literal is quoted and cast (an enum's only quoted: a column stands beside it), every
  // operator parenthesised, the column before the constant, lists in order without repetitions; no byte of the client's text
  // is copied but inside a quoted literal or a quoted identifier. Postgres raises no error for it, whatever a row holds:
  // what would fail is written to be NULL (call_print.h).
  const std::string& sql() const;

  // The same without what guards against errors: it compiles, and prints itself, so this is what is kept of a clause. sql()
  // itself where nothing can fail.
  const std::string& canonical() const;

  // Columns (indexes into the table) that the clause looks at.
  const std::vector<std::size_t>& columns() const;

  // What a matching row has: `value` in the column, or, for an element, among its array's elements; in the one spelling in
  // which Postgres prints it.
  struct Key {
    std::size_t column;
    bool element;
    std::string value;
  };
  // Of the keys of a route every matching row has at least one, so that a router may file the clause under them. Each of
  // routes() suffices; none: the clause has to be asked for every row. Keys come of = and IN, constant = ANY(array), @>, &&
  // and booleans, over types of one spelling (integers, text, uuid, bool, dates and times, enums; not float, numeric,
  // char(n)), by themselves, in an OR that has nothing else, and in any AND. Bounds and order: routes.h.
  using Route = std::vector<Key>;
  const std::vector<Route>& routes() const;

  ~WhereClause();
  WhereClause(WhereClause&&) noexcept;
  WhereClause& operator=(WhereClause&&) noexcept;
  WhereClause(const WhereClause&) = delete;
  WhereClause& operator=(const WhereClause&) = delete;

 private:
  struct Impl;
  explicit WhereClause(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace sluice::sql

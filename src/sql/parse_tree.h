// Postgres's own parser, and its tree as far as clauses need it.
//
// A clause is parsed as the tail of a statement and accepted only where the statement has nothing but that clause: no text
// can close a parenthesis, start another clause or another statement. The tree is libpg_query's JSON, read in place.
//
// Any thread may parse. pg_query_exit() is never called: on a worker thread it frees twice; what the library keeps for a
// thread goes when the thread ends.
#pragma once

#include <simdjson.h>

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sql/where.h"

namespace sluice::sql {

enum class ClauseKind { kWhere, kOrderBy };

class ParseTree {
 public:
  static std::expected<ParseTree, WhereError> parse(ClauseKind kind, std::string_view clause);

  // The expression of a WHERE; the array of SortBy nodes of an ORDER BY.
  simdjson::dom::element root() const { return root_; }

  // A node's "location" as an offset into the clause; 0 for none.
  std::size_t position(std::int64_t location) const;
  // The clause from a position on.
  std::string_view source(std::size_t position) const;

 private:
  ParseTree() = default;

  std::unique_ptr<simdjson::dom::parser> parser_;
  simdjson::dom::element root_;
  std::string statement_;
  std::size_t clause_at_ = 0;
};

// A node of the tree: `{"A_Const": {…}}`.
struct TreeNode {
  std::string_view kind;
  simdjson::dom::object fields;

  static TreeNode of(simdjson::dom::element element);

  // Absent members read as empty: libpg_query leaves out whatever is zero, false, "" or null.
  std::string_view text(std::string_view name) const;
  std::int64_t number(std::string_view name) const;
  bool flag(std::string_view name) const;
  bool has(std::string_view name) const;
  TreeNode node(std::string_view name) const;
  simdjson::dom::element element(std::string_view name) const;
  std::vector<simdjson::dom::element> list(std::string_view name) const;
};

// "At location 5: …"
WhereError error_at(std::size_t position, std::string_view message);

}  // namespace sluice::sql

// A shape definition: which rows and columns of which table, and how their changes are told.
//
// A Definition that exists is well formed: its table and columns are parsed identifiers, its params are bound to exactly
// the numbers its where clause uses, and its where clause is in canonical form: one spelling of white space, keyword case
// and identifier quoting (made from the token stream, without a grammar, so the edge can do it too; sql/ goes further).
// Two Definitions that compare equal ask for the same data; the converse is not promised, and nothing relies on it.
//
// Immutable after make(); safe to read from any thread.
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shape/identifier.h"

namespace sluice::shape {

enum class Replica { kDefault, kFull };
enum class LogMode { kFull, kChangesOnly };

inline constexpr std::size_t kWhereBytesMax = 16 * 1024;
inline constexpr std::size_t kParamsMax = 256;
inline constexpr std::size_t kParamBytesMax = 8 * 1024;

// What a definition is made from: the parameters of PROTOCOL "table", "where", "params[n]", "columns",
// "queryable_columns", "replica", "log", decoded but not yet read. Absent and null are the same.
struct DefinitionText {
  std::string table = {};
  std::optional<std::string> where = {};
  std::map<unsigned, std::string> params = {};  // 1-based
  std::optional<std::string> columns = {};
  std::optional<std::string> queryable_columns = {};
  std::optional<std::string> replica = {};
  std::optional<std::string> log = {};
};

// Names the parameter at fault as the client spelled it (`params[2]`, `where`, …), and says what is wrong with it.
struct DefinitionError {
  std::string parameter;
  std::string message;
};

class Definition {
 public:
  static std::expected<Definition, DefinitionError> make(const DefinitionText& text);

  const TableName& table() const { return table_; }
  // Canonical text; absent for the whole table. An empty or blank where is an error.
  const std::optional<std::string>& where() const { return where_; }
  const std::vector<std::string>& params() const { return params_; }
  // A sorted set; absent means all columns.
  const std::optional<std::vector<std::string>>& columns() const { return columns_; }
  const std::optional<std::vector<std::string>>& queryable_columns() const { return queryable_columns_; }
  Replica replica() const { return replica_; }
  LogMode log() const { return log_; }

  // The same definition with another log mode: log is the client's choice and no part of a grant.
  Definition with_log(LogMode log) const;
  // The same definition with other values for its params: exactly as many as it has.
  std::expected<Definition, DefinitionError> with_params(std::vector<std::string> params) const;
  // The same definition with these columns (nullopt: all) and this replica mode. Precondition: the columns are a sorted set.
  Definition with_columns(std::optional<std::vector<std::string>> columns, Replica replica) const;
  // The same definition, restricted in what a subset may refer to.
  Definition with_queryable_columns(std::vector<std::string> columns) const;

  bool operator==(const Definition&) const = default;

  // One line that is equal exactly when definitions are: for map keys, digests and explain. Not a query string.
  std::string canonical_text() const;

 private:
  Definition() = default;

  TableName table_;
  std::optional<std::string> where_;
  std::vector<std::string> params_;
  std::optional<std::vector<std::string>> columns_;
  std::optional<std::vector<std::string>> queryable_columns_;
  Replica replica_ = Replica::kDefault;
  LogMode log_ = LogMode::kFull;
};

// The canonical spelling of a where clause, or what is wrong with its token stream (unterminated quote or comment, NUL,
// unbalanced parentheses, a `;`, a `$n` that is not a number…). Comments are dropped. Postgres parses both spellings to one
// tree, and canonicalising twice changes nothing.
struct CanonicalWhere {
  std::string text;
  std::vector<unsigned> params_used;         // sorted, unique
  std::vector<std::size_t> param_positions;  // of each one's first use: a byte offset into the text given
};
std::expected<CanonicalWhere, std::string> canonicalize_where(std::string_view where);

}  // namespace sluice::shape

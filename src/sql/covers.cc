#include "sql/covers.h"

#include <fmt/format.h>

#include <algorithm>

#include "sql/client_condition.h"
#include "sql/conjuncts.h"

namespace sluice::sql {
namespace {

using shape::Definition;
using shape::Replica;
using Columns = std::optional<std::vector<std::string>>;
using Covered = std::expected<void, std::string>;

Covered not_covered(std::string_view part, std::string_view why) {
  return std::unexpected(fmt::format("{}: {}", part, why));
}

bool same_where(const Definition& a, const Definition& b) {
  return a.where() == b.where() && a.params() == b.params();
}

// Equal but for the log mode.
bool same(const Definition& a, const Definition& b) {
  return a.table() == b.table() && same_where(a, b) && a.columns() == b.columns() &&
         a.queryable_columns() == b.queryable_columns() && a.replica() == b.replica();
}

// Queryable columns are the ones returned where nothing else says which.
const Columns& returned(const Definition& definition) {
  return definition.columns() ? definition.columns() : definition.queryable_columns();
}
// Columns that are not returned are not asked about either.
const Columns& queryable(const Definition& definition) {
  return definition.queryable_columns() ? definition.queryable_columns() : definition.columns();
}

Covered within(std::string_view part, const Columns& granted, const Columns& asked) {
  if (!granted) return {};
  if (!asked) return not_covered(part, "only some are granted, and all are asked for");
  for (const std::string& column : *asked) {
    if (!std::ranges::binary_search(*granted, column)) return not_covered(part, column + " is not granted");
  }
  return {};
}

Covered covers_columns(const Definition& granted, const Definition& asked) {
  // What is there in the grant must be there in the request: the absence of either has a meaning of its own.
  if (granted.columns() && !asked.columns()) return within("columns", granted.columns(), std::nullopt);
  if (granted.queryable_columns() && !asked.queryable_columns()) {
    return within("queryable_columns", granted.queryable_columns(), std::nullopt);
  }
  if (auto ok = within("columns", returned(granted), returned(asked)); !ok) return ok;
  return within("queryable_columns", queryable(granted), queryable(asked));
}

struct Clause {
  ParseTree tree;
  std::vector<Conjunct> conjuncts;
};

std::expected<Clause, std::string> read(std::string_view whose, const Definition& definition, ParamNumbers& numbers) {
  auto tree = ParseTree::parse(ClauseKind::kWhere, *definition.where());
  if (!tree) return std::unexpected(fmt::format("where: the {} one cannot be read", whose));
  auto conjuncts = conjuncts_of(*tree, definition.params(), numbers);
  if (!conjuncts) return std::unexpected(fmt::format("where: the {} one cannot be read", whose));
  return Clause{std::move(*tree), std::move(*conjuncts)};
}

bool has(const std::vector<Conjunct>& conjuncts, const Conjunct& sought) {
  return std::ranges::binary_search(conjuncts, sought.text, {}, &Conjunct::text);
}

// Of the two, the asked one may have more conjuncts, which are the client's.
Covered covers_conjuncts(const std::vector<Conjunct>& granted, const Clause& asked, const ClientScope& scope) {
  for (const Conjunct& conjunct : granted) {
    if (!has(asked.conjuncts, conjunct)) return not_covered("where", "a condition of the grant is not in it");
  }
  for (const Conjunct& conjunct : asked.conjuncts) {
    if (has(granted, conjunct)) continue;
    if (auto ok = check_client_condition(conjunct.tree, scope); !ok) return not_covered("where", ok.error());
  }
  return {};
}

Covered covers_where(const Definition& granted, const Definition& asked) {
  if (same_where(granted, asked)) return {};
  if (!asked.where()) return not_covered("where", "only some rows are granted, and all are asked for");
  ParamNumbers numbers;
  auto narrow = read("asked", asked, numbers);
  if (!narrow) return std::unexpected(narrow.error());
  std::vector<Conjunct> wide;  // their texts: the trees go with the clause
  if (granted.where()) {
    auto clause = read("granted", granted, numbers);
    if (!clause) return std::unexpected(clause.error());
    wide = std::move(clause->conjuncts);
  }
  std::ranges::sort(wide, {}, &Conjunct::text);
  std::ranges::sort(narrow->conjuncts, {}, &Conjunct::text);
  const Columns& columns = queryable(granted);
  return covers_conjuncts(wide, *narrow, {granted.table(), columns ? &*columns : nullptr, narrow->tree, asked.params()});
}

}  // namespace

std::expected<void, std::string> covers(const Definition& granted, const Definition& asked) {
  if (same(granted, asked)) return {};
  if (granted.table() != asked.table()) {
    return not_covered("table", fmt::format("{} is not granted", asked.table().print()));
  }
  if (auto ok = covers_columns(granted, asked); !ok) return ok;
  if (asked.replica() == Replica::kFull && granted.replica() != Replica::kFull) {
    return not_covered("replica", "full is not granted");
  }
  return covers_where(granted, asked);
}

}  // namespace sluice::sql

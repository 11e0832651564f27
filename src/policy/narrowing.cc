#include "policy/narrowing.h"

#include <algorithm>

#include "sql/covers.h"

namespace sluice::policy {
namespace {

using shape::Definition;

// The definition of the same columns for every row of the table.
std::expected<Definition, std::string> of_all_rows(const Definition& definition) {
  shape::DefinitionText text;
  text.table = definition.table().print();
  auto made = Definition::make(text);
  if (!made) return std::unexpected(std::move(made.error().message));
  made = made->with_columns(definition.columns(), definition.replica());
  return definition.queryable_columns() ? made->with_queryable_columns(*definition.queryable_columns()) : std::move(*made);
}

}  // namespace

std::expected<void, std::string> lies_within(const Definition& asked, const Definition& granted) {
  if (asked == granted) return {};
  const bool same_rows = asked.where() == granted.where() && asked.params() == granted.params();
  if (asked.where() && !same_rows) return sql::covers(asked, granted);
  const auto outer = of_all_rows(asked);
  const auto inner = of_all_rows(granted);
  if (!outer) return std::unexpected(outer.error());
  if (!inner) return std::unexpected(inner.error());
  return sql::covers(*outer, *inner);
}

std::expected<shape::GrantedShape, std::string> limited_by_both(const shape::GrantedShape& earlier,
                                                                shape::GrantedShape later) {
  if (earlier.log && later.log && earlier.log != later.log) return std::unexpected("no log mode is allowed by both");
  if (earlier.log) later.log = earlier.log;
  later.subset.allowed = later.subset.allowed && earlier.subset.allowed;
  if (earlier.subset.limit_max)
    later.subset.limit_max = std::min(*earlier.subset.limit_max, later.subset.limit_max.value_or(*earlier.subset.limit_max));
  if (!later.subset.allowed) later.subset.limit_max.reset();
  return later;
}

}  // namespace sluice::policy

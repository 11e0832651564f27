#include "origin/embedded/subset.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "origin/embedded/resolve.h"
#include "origin/embedded/snapshot_writer.h"
#include "sql/order_by.h"

namespace sluice::origin::embedded {
namespace {

constexpr std::size_t kSeparatorBytes = 2;  // ",\n" behind each entry

std::expected<std::vector<std::size_t>, Failure> queryable_columns(const ShapeSpec& spec,
                                                                   const shape::Definition& definition) {
  if (definition.queryable_columns()) return find_columns(*spec.table, *definition.queryable_columns(), "queryable_columns");
  std::vector<std::size_t> all(spec.table->columns.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  return all;
}

// $1 to $n without a gap.
std::expected<std::vector<std::string>, Failure> params_of(const shape::Subset& subset) {
  std::vector<std::string> params;
  for (const auto& [number, value] : subset.params) {
    if (number != params.size() + 1) return std::unexpected(bad_subset("params", "parameters must be numbered from 1"));
    params.push_back(value);
  }
  return params;
}

// The subset's own clause, in SQL. Enums may have labels that they had not when the shape was made; Postgres alone evaluates
// the clause, and knows them.
std::expected<std::string, Failure> compile_where(const shape::Subset& subset, const sql::Table& table,
                                                  const std::vector<std::size_t>& columns,
                                                  std::optional<Failure>& if_invalid) {
  auto params = params_of(subset);
  if (!params) return std::unexpected(params.error());
  auto known = sql::WhereClause::compile(*subset.where, *params, table, columns);
  if (known) return known->sql();
  Failure wrong = bad_subset("where", std::move(known.error().message));
  if (!std::ranges::any_of(table.columns, &sql::Column::is_enum)) return std::unexpected(std::move(wrong));
  sql::Table open = table;
  for (sql::Column& column : open.columns) column.enum_labels.clear();
  auto compiled = sql::WhereClause::compile(*subset.where, *params, open, columns);
  if (!compiled) return std::unexpected(std::move(wrong));
  if_invalid = std::move(wrong);
  return compiled->sql();
}

}  // namespace

std::expected<SubsetQuery, Failure> subset_query(const ShapeSpec& spec, const shape::Definition& definition,
                                                 const shape::Subset& subset, std::chrono::milliseconds timeout) {
  if ((subset.limit || subset.offset) && !subset.order_by) {
    return std::unexpected(bad_subset("order_by", "order_by is required when limit or offset is present"));
  }
  auto queryable = queryable_columns(spec, definition);
  if (!queryable) return std::unexpected(queryable.error());
  SubsetQuery made;
  replication::SnapshotQuery& query = made.rows;
  query.schema = spec.table->schema;
  query.table = spec.table->name;
  for (std::size_t column : spec.encoder.columns()) query.columns.push_back(spec.table->columns[column].name);
  if (spec.where) query.where = spec.where->sql();
  if (subset.where) {
    auto where = compile_where(subset, *spec.table, *queryable, made.if_invalid);
    if (!where) return std::unexpected(std::move(where.error()));
    query.where = spec.where ? fmt::format("({}) AND ({})", query.where, *where) : std::move(*where);
  }
  if (subset.order_by) {
    auto order_by = sql::compile_order_by(*subset.order_by, *spec.table, *queryable);
    if (!order_by) return std::unexpected(bad_subset("order_by", std::move(order_by.error().message)));
    query.order_by = std::move(*order_by);
  }
  query.limit = subset.limit;
  query.offset = subset.offset;
  query.statement_timeout = timeout;
  return made;
}

SubsetWriter::SubsetWriter(std::shared_ptr<Shape> shape)
    : shape_(std::move(shape)), mark_(random_u64() >> 33), text_(R"({"data":[)") {}

void SubsetWriter::begin(const replication::SnapshotInfo& info) {
  if (!sql::is_still(as_published(*info.table), *shape_->spec().table)) {
    failure_ = unavailable("table_altered", "The table was altered meanwhile; try again", 1);
    return;
  }
  columns_ = info.columns;
  values_.assign(info.table->columns.size(), std::nullopt);
}

void SubsetWriter::row(sql::Row values) {
  if (failure_) return;
  for (std::size_t i = 0; i < columns_.size(); ++i) values_[columns_[i]] = values[i];
  shape_->spec().encoder.append_subset_row(text_, values_, mark_);
  if (text_.size() > kSubsetBytesMax) {
    failure_ = bad_subset("limit", "the subset is too large: ask for fewer rows at once");
    text_ = {};
  }
}

std::expected<std::string, Failure> SubsetWriter::finish(const replication::SnapshotInfo& info) {
  if (failure_) return std::unexpected(*failure_);
  if (text_.back() == '\n') text_.resize(text_.size() - kSeparatorBytes);
  fmt::format_to(std::back_inserter(text_), R"(],"metadata":{{{},"snapshot_mark":{},"database_lsn":"{}"}}}})",
                 snapshot_members(info.point), mark_, info.lsn);
  return std::move(text_);
}

}  // namespace sluice::origin::embedded

#include "origin/embedded/resolve.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <deque>
#include <mutex>

namespace sluice::origin::embedded {
namespace {

std::expected<void, Failure> check_primary_key(const sql::Table& table, const std::vector<std::size_t>& columns,
                                               std::string_view parameter) {
  std::vector<std::string_view> missing;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].pk_index && !std::binary_search(columns.begin(), columns.end(), i)) {
      missing.push_back(table.columns[i].name);
    }
  }
  if (missing.empty()) return {};
  return std::unexpected(bad_request(
      std::string(parameter),
      fmt::format("The list of columns must include all primary key columns, missing: {}", fmt::join(missing, ", "))));
}

// Postgres 15 does not publish generated columns: a shape with one could not follow its changes.
std::expected<void, Failure> check_generated(const sql::Table& table, const std::vector<std::size_t>& columns) {
  std::vector<std::string_view> generated;
  for (std::size_t column : columns) {
    if (table.columns[column].generated) generated.push_back(table.columns[column].name);
  }
  if (generated.empty()) return {};
  return std::unexpected(bad_request(
      "columns", fmt::format("The following columns are generated and cannot be included in a shape: {}. Select the "
                             "other columns of the table explicitly.",
                             fmt::join(generated, ", "))));
}

std::expected<std::vector<std::size_t>, Failure> shown_columns(const shape::Definition& definition,
                                                               const sql::Table& table) {
  if (definition.queryable_columns()) {
    auto queryable = find_columns(table, *definition.queryable_columns(), "queryable_columns");
    if (!queryable || !definition.columns()) return queryable;
  }
  if (definition.columns()) return find_columns(table, *definition.columns(), "columns");
  std::vector<std::size_t> all(table.columns.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  return all;
}

// Generated columns are not on the stream, so a where clause that looks at one could not be evaluated there.
std::expected<std::optional<sql::WhereClause>, Failure> compile_where(const shape::Definition& definition,
                                                                      const sql::Table& table) {
  if (!definition.where()) return std::optional<sql::WhereClause>();
  auto where = sql::WhereClause::compile(*definition.where(), definition.params(), table);
  if (!where) return std::unexpected(bad_request("where", std::move(where.error().message)));
  for (std::size_t column : where->columns()) {
    if (table.columns[column].generated) {
      return std::unexpected(bad_request("where", "generated columns cannot be used: " + table.columns[column].name));
    }
  }
  return std::optional<sql::WhereClause>(std::move(*where));
}

std::string make_identity(const sql::Table& table, const std::optional<sql::WhereClause>& where,
                          const std::vector<std::size_t>& columns, shape::Replica replica, shape::LogMode log) {
  // The where clause comes last, so nothing in it can look like another member.
  return fmt::format("{}|{}|{}|{}|{}", table.oid, fmt::join(columns, ","), static_cast<int>(replica), static_cast<int>(log),
                     where ? where->sql() : "");
}

// Shapes of one table mostly show the same columns, and share what encodes them. The last kEncodersKept are remembered.
constexpr std::size_t kEncodersKept = 64;

RowEncoder shared_encoder(const std::shared_ptr<const sql::Table>& table, std::vector<std::size_t> columns) {
  struct Known {
    std::shared_ptr<const sql::Table> table;
    RowEncoder encoder;
  };
  static std::mutex mutex;
  static std::deque<Known> all;
  std::lock_guard lock(mutex);
  auto known =
      std::ranges::find_if(all, [&](const Known& each) { return each.table == table && each.encoder.columns() == columns; });
  if (known != all.end()) return known->encoder;
  if (all.size() == kEncodersKept) all.pop_front();
  return all.emplace_back(Known{table, RowEncoder(*table, std::move(columns))}).encoder;
}

}  // namespace

std::expected<std::vector<std::size_t>, Failure> find_columns(const sql::Table& table, const std::vector<std::string>& names,
                                                              std::string_view parameter) {
  std::vector<std::size_t> found;
  std::vector<std::string_view> missing;
  for (const std::string& name : names) {
    if (auto index = table.find(name)) {
      found.push_back(*index);
    } else {
      missing.push_back(name);
    }
  }
  if (!missing.empty()) {
    return std::unexpected(
        bad_request(std::string(parameter),
                    fmt::format("The following columns are not found on the table: {}", fmt::join(missing, ", "))));
  }
  std::sort(found.begin(), found.end());
  if (auto key = check_primary_key(table, found, parameter); !key) return std::unexpected(key.error());
  return found;
}

std::expected<std::shared_ptr<const ShapeSpec>, Failure> resolve(const shape::Definition& definition,
                                                                 std::shared_ptr<const sql::Table> table) {
  auto columns = shown_columns(definition, *table);
  if (!columns) return std::unexpected(columns.error());
  if (auto plain = check_generated(*table, *columns); !plain) return std::unexpected(plain.error());
  auto where = compile_where(definition, *table);
  if (!where) return std::unexpected(where.error());
  return make_spec(std::move(table), std::move(*where), std::move(*columns), definition.replica(), definition.log());
}

std::shared_ptr<const ShapeSpec> make_spec(std::shared_ptr<const sql::Table> table, std::optional<sql::WhereClause> where,
                                           std::vector<std::size_t> columns, shape::Replica replica, shape::LogMode log) {
  std::string identity = make_identity(*table, where, columns, replica, log);
  RowEncoder encoder = shared_encoder(table, std::move(columns));
  return std::make_shared<const ShapeSpec>(ShapeSpec{.identity = std::move(identity),
                                                     .table = std::move(table),
                                                     .where = std::move(where),
                                                     .encoder = std::move(encoder),
                                                     .full = replica == shape::Replica::kFull,
                                                     .log = log});
}

}  // namespace sluice::origin::embedded

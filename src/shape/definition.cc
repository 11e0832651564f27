#include "shape/definition.h"

#include <simdjson.h>

#include <algorithm>
#include <array>

#include "base/json_write.h"

namespace sluice::shape {
namespace {

using Failure = std::unexpected<DefinitionError>;

Failure fail(std::string parameter, std::string_view message) {
  return Failure({std::move(parameter), std::string(message)});
}

std::string param_name(unsigned number) {
  return "params[" + std::to_string(number) + "]";
}

std::expected<std::optional<std::vector<std::string>>, DefinitionError> read_columns(
    const char* parameter, const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  auto columns = parse_columns(*text);
  if (!columns) return fail(parameter, to_string(columns.error()));
  return std::move(*columns);
}

std::expected<void, DefinitionError> check_param(unsigned number, const std::string& value) {
  if (value.size() > kParamBytesMax) return fail(param_name(number), "is too long");
  if (value.find('\0') != std::string::npos) return fail(param_name(number), "has a NUL");
  if (!simdjson::validate_utf8(value)) return fail(param_name(number), "is not UTF-8");
  return {};
}

// The values alone, once their numbers are 1..n.
std::expected<std::vector<std::string>, DefinitionError> read_params(const std::map<unsigned, std::string>& params) {
  if (params.size() > kParamsMax) return fail("params", "too many");
  std::vector<std::string> values;
  for (const auto& [number, value] : params) {
    if (number != values.size() + 1) return fail("params", "must be numbered 1, 2, 3 without a gap");
    if (auto checked = check_param(number, value); !checked) return std::unexpected(std::move(checked.error()));
    values.push_back(value);
  }
  return values;
}

// Every $n has a value and every value its $n.
std::expected<void, DefinitionError> check_params(const CanonicalWhere& where, std::size_t given) {
  for (std::size_t i = 0; i < where.params_used.size(); ++i) {
    if (where.params_used[i] <= given) continue;
    return fail("where", "At location " + std::to_string(where.param_positions[i]) + ": parameter $" +
                             std::to_string(where.params_used[i]) + " was not provided");
  }
  for (unsigned number = 1; number <= given; ++number)
    if (!std::ranges::binary_search(where.params_used, number)) return fail(param_name(number), "is not used by where");
  return {};
}

std::expected<std::optional<std::string>, DefinitionError> read_where(const std::optional<std::string>& text,
                                                                      std::size_t params) {
  if (!text) {
    if (params > 0) return fail("params", "need a where that uses them");
    return std::nullopt;
  }
  auto where = canonicalize_where(*text);
  if (!where) return fail("where", where.error());
  if (auto checked = check_params(*where, params); !checked) return std::unexpected(std::move(checked.error()));
  return std::move(where->text);
}

std::expected<TableName, DefinitionError> read_table(const std::string& text) {
  if (text.empty()) return fail("table", "can't be blank");
  auto table = TableName::parse(text);
  if (!table) return fail("table", to_string(table.error()));
  return std::move(*table);
}

std::expected<Replica, DefinitionError> read_replica(const std::optional<std::string>& text) {
  if (!text || *text == "default") return Replica::kDefault;
  if (*text == "full") return Replica::kFull;
  return fail("replica", "is invalid");
}

std::expected<LogMode, DefinitionError> read_log(const std::optional<std::string>& text) {
  if (!text || *text == "full") return LogMode::kFull;
  if (*text == "changes_only") return LogMode::kChangesOnly;
  return fail("log", "is invalid");
}

template <typename Items>
void append_list(std::string& out, std::string_view name, const Items& items) {
  if (!out.empty()) out += ' ';
  out += name;
  out += " [";
  for (const std::string_view item : items) {
    append_json_string(out, item);
    out += ',';
  }
  out += ']';
}

}  // namespace

std::expected<Definition, DefinitionError> Definition::make(const DefinitionText& text) {
  auto table = read_table(text.table);
  if (!table) return std::unexpected(std::move(table.error()));
  auto params = read_params(text.params);
  if (!params) return std::unexpected(std::move(params.error()));
  auto where = read_where(text.where, params->size());
  if (!where) return std::unexpected(std::move(where.error()));
  auto columns = read_columns("columns", text.columns);
  if (!columns) return std::unexpected(std::move(columns.error()));
  auto queryable = read_columns("queryable_columns", text.queryable_columns);
  if (!queryable) return std::unexpected(std::move(queryable.error()));
  const auto replica = read_replica(text.replica);
  if (!replica) return std::unexpected(replica.error());
  const auto log = read_log(text.log);
  if (!log) return std::unexpected(log.error());

  Definition made;
  made.table_ = std::move(*table);
  made.where_ = std::move(*where);
  made.params_ = std::move(*params);
  made.columns_ = std::move(*columns);
  made.queryable_columns_ = std::move(*queryable);
  made.replica_ = *replica;
  made.log_ = *log;
  return made;
}

Definition Definition::with_log(LogMode log) const {
  Definition changed = *this;
  changed.log_ = log;
  return changed;
}

std::expected<Definition, DefinitionError> Definition::with_params(std::vector<std::string> params) const {
  if (params.size() != params_.size()) return fail("params", "are not as many as the definition has");
  for (std::size_t i = 0; i < params.size(); ++i) {
    auto checked = check_param(static_cast<unsigned>(i + 1), params[i]);
    if (!checked) return std::unexpected(std::move(checked.error()));
  }
  Definition changed = *this;
  changed.params_ = std::move(params);
  return changed;
}

Definition Definition::with_columns(std::optional<std::vector<std::string>> columns, Replica replica) const {
  Definition changed = *this;
  changed.columns_ = std::move(columns);
  changed.replica_ = replica;
  return changed;
}

Definition Definition::with_queryable_columns(std::vector<std::string> columns) const {
  Definition changed = *this;
  std::ranges::sort(columns);
  const auto repeated = std::ranges::unique(columns);
  columns.erase(repeated.begin(), repeated.end());
  changed.queryable_columns_ = std::move(columns);
  return changed;
}

std::string Definition::canonical_text() const {
  constexpr std::size_t kUsualBytes = 128;
  std::string out;
  out.reserve(kUsualBytes);
  append_list(out, "table", std::array<std::string_view, 2>{table_.schema, table_.name});
  if (where_) {
    out += " where ";
    append_json_string(out, *where_);
  }
  if (!params_.empty()) append_list(out, "params", params_);
  if (columns_) append_list(out, "columns", *columns_);
  if (queryable_columns_) append_list(out, "queryable_columns", *queryable_columns_);
  if (replica_ == Replica::kFull) out += " replica full";
  if (log_ == LogMode::kChangesOnly) out += " log changes_only";
  return out;
}

}  // namespace sluice::shape

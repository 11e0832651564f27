#include "shape/claim_codec.h"

#include "base/json_write.h"
#include "shape/params_json.h"

namespace sluice::shape {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

using Result = std::expected<void, DefinitionError>;

std::unexpected<DefinitionError> fail(std::string_view member, std::string_view message) {
  return std::unexpected(DefinitionError{std::string(member), std::string(message)});
}

struct Gathered {
  std::optional<std::string> schema;
  std::optional<std::string> table;
  DefinitionText text;
  std::optional<LogMode> log;
  SubsetRights subset;
};

std::expected<std::string, DefinitionError> read_text(std::string_view member, element value) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) return fail(member, "must be a string");
  return std::string(text);
}

Result read_identifier(std::optional<std::string>& field, std::string_view member, element value) {
  const auto text = read_text(member, value);
  if (!text) return std::unexpected(text.error());
  auto name = parse_identifier(*text);
  if (!name) return fail(member, to_string(name.error()));
  field = std::move(*name);
  return {};
}

Result read_string(std::optional<std::string>& field, std::string_view member, element value) {
  auto text = read_text(member, value);
  if (!text) return std::unexpected(std::move(text.error()));
  field = std::move(*text);
  return {};
}

// The items of an array are the names themselves: nothing is folded, no quotes are taken off.
Result read_columns(std::optional<std::string>& field, std::string_view member, element value) {
  if (value.type() != element_type::ARRAY) return read_string(field, member, value);
  std::vector<std::string> names;
  for (const element item : value.get_array().value_unsafe()) {
    auto name = read_text(member, item);
    if (!name) return std::unexpected(std::move(name.error()));
    if (names.size() == kColumnsMax) return fail(member, to_string(IdentifierError::kTooMany));
    names.push_back(std::move(*name));
  }
  field = print_columns(names);
  return {};
}

Result read_params(DefinitionText& text, element value) {
  auto params = read_params_json(value);
  if (!params) return fail("params", "must be an object of numbers from 1 to strings");
  text.params = std::move(*params);
  return {};
}

Result read_log(std::optional<LogMode>& log, element value) {
  const auto text = read_text("log", value);
  if (!text) return std::unexpected(text.error());
  if (*text == "full")
    log = LogMode::kFull;
  else if (*text == "changes_only")
    log = LogMode::kChangesOnly;
  else
    return fail("log", "is invalid");
  return {};
}

Result read_subset(SubsetRights& rights, element value) {
  if (value.get(rights.allowed) == simdjson::SUCCESS) return {};
  simdjson::dom::object object;
  if (value.get(object) != simdjson::SUCCESS) return fail("subset", "must be true, false or an object");
  for (const auto member : object) {
    if (member.key != "limit_max") return fail("subset." + std::string(member.key), "is not a member of subset");
    // get() would take a double that happens to be whole.
    if (member.value.type() != element_type::INT64) return fail("subset.limit_max", "must be an integer");
    const std::int64_t limit = member.value.get_int64().value_unsafe();
    if (limit < 1 || static_cast<std::uint64_t>(limit) > kLimitMaxMax) return fail("subset.limit_max", "is out of range");
    rights.limit_max = static_cast<std::uint64_t>(limit);
  }
  return rights.limit_max ? Result() : Result(fail("subset", "must have limit_max"));
}

Result read_member(Gathered& to, std::string_view name, element value) {
  if (name == "namespace") return value.is_null() ? Result() : read_identifier(to.schema, name, value);
  if (name == "table") return read_string(to.table, name, value);
  if (name == "where") return value.is_null() ? Result() : read_string(to.text.where, name, value);
  if (name == "replica") return value.is_null() ? Result() : read_string(to.text.replica, name, value);
  if (name == "params") return value.is_null() ? Result() : read_params(to.text, value);
  if (name == "columns") return value.is_null() ? Result() : read_columns(to.text.columns, name, value);
  if (name == "queryable_columns") return value.is_null() ? Result() : read_columns(to.text.queryable_columns, name, value);
  if (name == "log") return value.is_null() ? Result() : read_log(to.log, value);
  if (name == "subset") return value.is_null() ? Result() : read_subset(to.subset, value);
  return fail(name, "is not a member of a shape");
}

// `table` may bring its own schema only where there is no `namespace`.
Result join_table(Gathered& to) {
  if (!to.table) return fail("table", "can't be blank");
  to.text.table = std::move(*to.table);
  if (!to.schema) return {};
  auto table = parse_identifier(to.text.table);
  if (!table) return fail("table", to_string(table.error()));
  to.text.table = TableName{std::move(*to.schema), std::move(*table)}.print();
  return {};
}

// Bare where that reads back to the same name, else quoted.
std::string print_name(const std::string& name) {
  const auto read = parse_identifier(name);
  return read && *read == name ? name : quote_identifier(name);
}

void append_columns(std::string& out, std::string_view member, const std::optional<std::vector<std::string>>& columns) {
  if (!columns) return;
  out += ",\"";
  out += member;
  out += "\":[";
  for (const std::string& column : *columns) {
    if (out.back() != '[') out += ',';
    append_json_string(out, column);
  }
  out += ']';
}

void append_params(std::string& out, const std::vector<std::string>& params) {
  if (params.empty()) return;
  out += ",\"params\":{";
  for (std::size_t i = 0; i < params.size(); ++i) {
    out += (i == 0 ? "\"" : ",\"") + std::to_string(i + 1) + "\":";
    append_json_string(out, params[i]);
  }
  out += '}';
}

void append_subset(std::string& out, const SubsetRights& subset) {
  if (!subset.allowed)
    out += ",\"subset\":false";
  else if (subset.limit_max)
    out += ",\"subset\":{\"limit_max\":" + std::to_string(*subset.limit_max) + '}';
}

std::expected<std::vector<GrantedShape>, DefinitionError> read_list(element claim) {
  simdjson::dom::array array;
  if (claim.get(array) != simdjson::SUCCESS) return fail("shapes", "must be an array");
  std::vector<GrantedShape> shapes;
  for (const element item : array) {
    if (shapes.size() == kGrantedShapesMax) return fail("shapes", "are too many");
    auto granted = read_claim(item);
    if (!granted) return std::unexpected(std::move(granted.error()));
    shapes.push_back(std::move(*granted));
  }
  if (shapes.empty()) return fail("shapes", "are none");
  return shapes;
}

}  // namespace

std::expected<GrantedShape, DefinitionError> read_claim(element claim) {
  simdjson::dom::object object;
  if (claim.get(object) != simdjson::SUCCESS) return fail("shape", "must be an object");
  Gathered to;
  for (const auto member : object)
    if (auto read = read_member(to, member.key, member.value); !read) return std::unexpected(std::move(read.error()));
  if (auto joined = join_table(to); !joined) return std::unexpected(std::move(joined.error()));
  auto definition = Definition::make(to.text);
  if (!definition) return std::unexpected(std::move(definition.error()));
  return GrantedShape{std::move(*definition), to.log, to.subset};
}

std::expected<std::vector<GrantedShape>, DefinitionError> read_shape_claims(std::optional<element> shape,
                                                                            std::optional<element> shapes) {
  if (shape && shapes) return fail("shapes", "stand beside a shape");
  if (shapes) return read_list(*shapes);
  if (!shape) return fail("shape", "is missing");
  auto granted = read_claim(*shape);
  if (!granted) return std::unexpected(std::move(granted.error()));
  std::vector<GrantedShape> one;
  one.push_back(std::move(*granted));
  return one;
}

std::string write_claim(const GrantedShape& granted) {
  const Definition& definition = granted.definition;
  std::string out = "{\"namespace\":";
  append_json_string(out, print_name(definition.table().schema));
  out += ",\"table\":";
  append_json_string(out, print_name(definition.table().name));
  if (definition.where()) {
    out += ",\"where\":";
    append_json_string(out, *definition.where());
  }
  append_params(out, definition.params());
  append_columns(out, "columns", definition.columns());
  append_columns(out, "queryable_columns", definition.queryable_columns());
  if (definition.replica() == Replica::kFull) out += ",\"replica\":\"full\"";
  if (granted.log) out += *granted.log == LogMode::kFull ? ",\"log\":\"full\"" : ",\"log\":\"changes_only\"";
  append_subset(out, granted.subset);
  return out += '}';
}

bool same_grant(const Definition& grant, const Definition& asked) {
  return grant.table() == asked.table() && grant.where() == asked.where() && grant.params() == asked.params() &&
         grant.columns() == asked.columns() && grant.queryable_columns() == asked.queryable_columns() &&
         grant.replica() == asked.replica();
}

}  // namespace sluice::shape

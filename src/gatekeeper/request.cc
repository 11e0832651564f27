#include "gatekeeper/request.h"

#include "base/json.h"
#include "shape/params_json.h"
#include "shape/request_codec.h"

namespace sluice::gatekeeper {
namespace {

using shape::DefinitionError;
using shape::DefinitionText;
using simdjson::dom::element;
using Filled = std::expected<void, DefinitionError>;

Filled fail(std::string_view parameter, std::string message) {
  return std::unexpected(DefinitionError{std::string(parameter), std::move(message)});
}

std::optional<std::string>* text_field(DefinitionText& text, std::string_view name) {
  if (name == "where") return &text.where;
  if (name == "columns") return &text.columns;
  if (name == "replica") return &text.replica;
  return nullptr;
}

Filled read_pair(DefinitionText& text, const std::string& key, const std::string& value) {
  if (auto* field = text_field(text, key)) {
    if (field->has_value()) return fail(key, "is given twice");
    *field = value;
    return {};
  }
  if (key.starts_with("params[") && key.ends_with(']')) {
    const auto number = shape::parse_param_number(std::string_view(key).substr(7, key.size() - 8));
    if (!number) return fail(key, "params are numbered from 1");
    if (!text.params.emplace(*number, value).second) return fail(key, "is given twice");
    return {};
  }
  return fail(key, "is no parameter of a shape; where, columns, replica and params[n] are");
}

Filled read_query(DefinitionText& text, std::string_view query) {
  const auto pairs = shape::parse_query(query);
  if (!pairs) return fail(pairs.error().parameter, pairs.error().message);
  for (const auto& [key, value] : *pairs)
    if (auto read = read_pair(text, key, value); !read) return read;
  return {};
}

Filled read_columns(DefinitionText& text, element value) {
  if (value.is_string()) {
    text.columns = std::string(value.get_string().value_unsafe());
    return {};
  }
  if (!value.is_array()) return fail("columns", "is neither a text nor a list");
  std::vector<std::string> names;
  for (const element item : value.get_array().value_unsafe()) {
    if (!item.is_string()) return fail("columns", "holds something that is no text");
    names.emplace_back(item.get_string().value_unsafe());
  }
  text.columns = shape::print_columns(names);
  return {};
}

Filled read_param(DefinitionText& text, unsigned number, element value) {
  const std::string name = "params[" + std::to_string(number) + "]";
  if (!value.is_string()) return fail(name, "is no text");
  text.params.emplace(number, value.get_string().value_unsafe());
  return {};
}

Filled read_params(DefinitionText& text, element value) {
  if (value.is_array()) {
    unsigned number = 0;
    for (const element item : value.get_array().value_unsafe())
      if (auto read = read_param(text, ++number, item); !read) return read;
    return {};
  }
  if (!value.is_object()) return fail("params", "is neither a list nor an object");
  for (const auto member : value.get_object().value_unsafe()) {
    const auto number = shape::parse_param_number(member.key);
    if (!number) return fail("params[" + std::string(member.key) + "]", "params are numbered from 1");
    if (auto read = read_param(text, *number, member.value); !read) return read;
  }
  return {};
}

Filled read_member(DefinitionText& text, std::string_view name, element value) {
  if (value.is_null()) return {};
  if (name == "columns") return read_columns(text, value);
  if (name == "params") return read_params(text, value);
  auto* field = text_field(text, name);
  if (!field) return fail(name, "is no member of a shape; where, columns, replica and params are");
  if (!value.is_string()) return fail(name, "is no text");
  *field = std::string(value.get_string().value_unsafe());
  return {};
}

Filled read_body(DefinitionText& text, std::string_view body) {
  const auto json = Json::parse(body);
  if (!json) return fail("body", std::string(to_string(json.error())));
  if (!json->root().is_object()) return fail("body", "is no JSON object");
  for (const auto member : json->root().get_object().value_unsafe())
    if (auto read = read_member(text, member.key, member.value); !read) return read;
  return {};
}

std::unexpected<DefinitionError> of_shape(std::size_t index, DefinitionError error) {
  error.parameter = "shapes[" + std::to_string(index) + "]." + error.parameter;
  return std::unexpected(std::move(error));
}

Filled read_table(DefinitionText& text, element value) {
  if (!value.is_string()) return fail("table", "is no text");
  text.table = std::string(value.get_string().value_unsafe());
  return {};
}

std::expected<shape::Definition, DefinitionError> read_shape(element value) {
  if (!value.is_object()) return std::unexpected(DefinitionError{"table", "is missing: this is no JSON object"});
  DefinitionText text;
  for (const auto member : value.get_object().value_unsafe()) {
    const bool is_table = member.key == "table";
    if (auto read = is_table ? read_table(text, member.value) : read_member(text, member.key, member.value); !read)
      return std::unexpected(std::move(read.error()));
  }
  return shape::Definition::make(text);
}

}  // namespace

std::expected<shape::Definition, DefinitionError> parse_request(std::string_view table, std::string_view query,
                                                                std::string_view body) {
  DefinitionText text;
  text.table = std::string(table);
  if (!query.empty() && !body.empty())
    return std::unexpected(DefinitionError{"body", "the shape is given in the query string and in the body"});
  if (auto read = body.empty() ? read_query(text, query) : read_body(text, body); !read)
    return std::unexpected(read.error());
  return shape::Definition::make(text);
}

std::expected<std::vector<shape::Definition>, DefinitionError> parse_requests(std::string_view body) {
  const auto error = [](std::string parameter, std::string message) {
    return std::unexpected(DefinitionError{std::move(parameter), std::move(message)});
  };
  const auto json = Json::parse(body);
  if (!json) return error("body", std::string(to_string(json.error())));
  simdjson::dom::object object;
  if (json->root().get(object) != simdjson::SUCCESS) return error("body", "is no JSON object");
  std::vector<shape::Definition> asked;
  for (const auto member : object) {
    simdjson::dom::array list;
    if (member.key != "shapes") return error(std::string(member.key), "is no member of a request; shapes is");
    if (member.value.get(list) != simdjson::SUCCESS) return error("shapes", "is no list");
    for (const element item : list) {
      if (asked.size() == kRequestShapesMax) return error("shapes", "are too many");
      auto definition = read_shape(item);
      if (!definition) return of_shape(asked.size(), std::move(definition.error()));
      asked.push_back(*std::move(definition));
    }
  }
  if (asked.empty()) return error("shapes", "are none");
  return asked;
}

}  // namespace sluice::gatekeeper

#include "shape/subset_codec.h"

#include "base/json.h"
#include "base/json_write.h"
#include "shape/params_json.h"

namespace sluice::shape {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

std::unexpected<QueryError> fail(std::string_view name, std::string_view message) {
  return std::unexpected(subset_error(name, message));
}

std::unexpected<QueryError> fail_body(std::string_view message) {
  return std::unexpected(QueryError{QueryErrorCode::kInvalid, "", std::string(message)});
}

std::expected<std::string, QueryError> bounded(std::string_view name, std::string_view text, std::size_t bytes_max) {
  if (text.empty()) return fail(name, "can't be blank");
  if (text.size() > bytes_max) return fail(name, "is too long");
  return std::string(text);
}

std::expected<std::string_view, QueryError> text_of(std::string_view name, element value) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) return fail(name, "must be a string");
  return text;
}

std::expected<std::uint64_t, QueryError> count_of(std::string_view name, element value) {
  std::uint64_t count = 0;
  if (value.type() != element_type::INT64 && value.type() != element_type::UINT64) return fail(name, "must be an integer");
  if (value.get(count) != simdjson::SUCCESS) return fail(name, "must not be negative");
  return count;
}

template <typename T>
std::expected<void, QueryError> store(std::optional<T>& field, std::expected<T, QueryError> value) {
  if (!value) return std::unexpected(std::move(value.error()));
  field = std::move(*value);
  return {};
}

std::expected<void, QueryError> read_text(std::optional<std::string>& field, std::string_view name, element value) {
  const auto text = text_of(name, value);
  if (!text) return std::unexpected(text.error());
  return store(field, name == "where" ? subset_where(*text) : subset_order_by(*text));
}

std::expected<void, QueryError> read_count(std::optional<std::uint64_t>& field, std::string_view name, element value) {
  const auto count = count_of(name, value);
  if (!count) return std::unexpected(count.error());
  return store(field, name == "limit" ? subset_limit(*count) : subset_offset(*count));
}

std::expected<void, QueryError> read_member(Subset& subset, std::string_view name, element value) {
  if (name == "where_expr" || name == "order_by_expr" || value.is_null()) return {};
  if (name == "where") return read_text(subset.where, name, value);
  if (name == "order_by") return read_text(subset.order_by, name, value);
  if (name == "limit") return read_count(subset.limit, name, value);
  if (name == "offset") return read_count(subset.offset, name, value);
  auto params = subset_params(value);
  if (!params) return std::unexpected(std::move(params.error()));
  subset.params = std::move(*params);
  return {};
}

bool is_member(std::string_view name) {
  return name == "where" || name == "params" || name == "limit" || name == "offset" || name == "order_by" ||
         name == "where_expr" || name == "order_by_expr";
}

bool is_empty(const Subset& subset) {
  return !subset.where && subset.params.empty() && !subset.limit && !subset.offset && !subset.order_by;
}

std::expected<std::optional<Subset>, QueryError> read_object(simdjson::dom::object object) {
  Subset subset;
  for (const auto member : object) {
    if (!is_member(member.key))
      return std::unexpected(QueryError{QueryErrorCode::kUnknown, std::string(member.key), "is not a member of a subset"});
    if (auto read = read_member(subset, member.key, member.value); !read) return std::unexpected(std::move(read.error()));
  }
  if (is_empty(subset)) return std::nullopt;
  if (auto checked = check_subset(subset); !checked) return std::unexpected(std::move(checked.error()));
  return subset;
}

}  // namespace

QueryError subset_error(std::string_view name, std::string_view message) {
  return {QueryErrorCode::kInvalid, "subset__" + std::string(name), std::string(message)};
}

std::expected<std::string, QueryError> subset_where(std::string_view text) {
  return bounded("where", text, kWhereBytesMax);
}

std::expected<std::string, QueryError> subset_order_by(std::string_view text) {
  return bounded("order_by", text, kOrderByBytesMax);
}

std::expected<std::map<unsigned, std::string>, QueryError> subset_params(element value) {
  auto params = read_params_json(value);
  if (!params) return fail("params", "must be an object of numbers from 1 to strings");
  unsigned expected = 0;
  for (const auto& [number, text] : *params) {
    if (number != ++expected) return fail("params", "must be numbered 1, 2, 3 without a gap");
    if (text.size() > kParamBytesMax) return fail("params", "a value is too long");
  }
  return std::move(*params);
}

std::expected<std::uint64_t, QueryError> subset_limit(std::uint64_t value) {
  if (value == 0) return fail("limit", "must be greater than 0");
  if (value > kRowCountMax) return fail("limit", "is too large");
  return value;
}

std::expected<std::uint64_t, QueryError> subset_offset(std::uint64_t value) {
  if (value > kRowCountMax) return fail("offset", "is too large");
  return value;
}

std::expected<void, QueryError> check_subset(const Subset& subset) {
  if ((subset.limit || subset.offset) && !subset.order_by)
    return fail("order_by", "order_by is required when limit or offset is present");
  return {};
}

std::expected<std::optional<Subset>, QueryError> parse_subset_body(std::string_view body) {
  if (body.empty()) return std::nullopt;
  const auto json = Json::parse(body);
  if (!json) return fail_body("Invalid JSON in request body");
  simdjson::dom::object object;
  if (json->root().get(object) != simdjson::SUCCESS) return fail_body("Request body must be a JSON object");
  element inner;
  if (object.at_key("subset").get(inner) != simdjson::SUCCESS) return read_object(object);
  if (object.size() != 1) return fail_body("subset must be the only member");
  if (inner.get(object) != simdjson::SUCCESS) return fail_body("subset must be a JSON object");
  return read_object(object);
}

std::string print_subset_params(const std::map<unsigned, std::string>& params) {
  std::string out = "{";
  for (const auto& [number, text] : params) {
    if (out.size() > 1) out += ',';
    out += '"' + std::to_string(number) + "\":";
    append_json_string(out, text);
  }
  return out += '}';
}

std::string print_subset_body(const Subset& subset) {
  std::string out;
  const auto begin_member = [&out](std::string_view name) {
    out += out.empty() ? "" : ",";
    append_json_string(out, name);
    out += ':';
  };
  if (subset.limit) begin_member("limit"), out += std::to_string(*subset.limit);
  if (subset.offset) begin_member("offset"), out += std::to_string(*subset.offset);
  if (subset.order_by) begin_member("order_by"), append_json_string(out, *subset.order_by);
  if (!subset.params.empty()) begin_member("params"), out += print_subset_params(subset.params);
  if (subset.where) begin_member("where"), append_json_string(out, *subset.where);
  return "{\"subset\":{" + out + "}}";
}

}  // namespace sluice::shape

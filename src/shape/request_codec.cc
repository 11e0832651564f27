#include "shape/request_codec.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/json.h"
#include "shape/params_json.h"
#include "shape/subset_codec.h"

namespace sluice::shape {
namespace {

using Result = std::expected<void, QueryError>;

std::unexpected<QueryError> fail(QueryErrorCode code, std::string_view parameter, std::string_view message) {
  return std::unexpected(QueryError{code, std::string(parameter), std::string(message)});
}

std::unexpected<QueryError> invalid(std::string_view parameter, std::string_view message) {
  return fail(QueryErrorCode::kInvalid, parameter, message);
}

// What is gathered while the keys are read, in whatever order they come.
struct Gathered {
  QueryRequest request;
  bool live = false;
  bool live_sse = false;

  Subset& subset() {
    if (!request.subset) request.subset.emplace();
    return *request.subset;
  }
};

// "false" is false and everything else is true, as every server of the protocol has it.
bool truth(std::string_view value) {
  return value != "false";
}

// The alphabet of handles, cursors and cache busters.
bool is_token_text(std::string_view text, std::size_t bytes_max) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  return !text.empty() && text.size() <= bytes_max && std::ranges::all_of(text, allowed);
}

Result read_token_text(std::optional<std::string>& field, std::string_view key, std::string&& value, std::size_t bytes_max) {
  if (!is_token_text(value, bytes_max)) return invalid(key, "has invalid format");
  field = std::move(value);
  return {};
}

Result read_offset(Gathered& to, std::string_view key, std::string&& value) {
  if (value.empty()) return invalid(key, "can't be blank");
  const auto offset = Offset::parse(value);
  if (!offset) return invalid(key, "has invalid format");
  to.request.position.offset = *offset;
  to.request.offset_given = true;
  return {};
}

// The client's first live request carries an empty cursor: it has none yet.
Result read_cursor(Gathered& to, std::string_view key, std::string&& value) {
  if (value.empty()) return {};
  return read_token_text(to.request.position.cursor, key, std::move(value), kCursorBytesMax);
}

Result read_log(Gathered& to, std::string_view key, std::string&& value) {
  if (value != "full" && value != "changes_only") return invalid(key, "is invalid");
  to.request.log = value == "full" ? LogMode::kFull : LogMode::kChangesOnly;
  if (to.request.definition) to.request.definition->log = std::move(value);
  return {};
}

std::expected<std::uint64_t, QueryError> read_count(std::string_view key, std::string_view value) {
  std::uint64_t count = 0;
  const char* end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, count);
  if (error != std::errc() || stop != end) return invalid(key, "is invalid");
  return count;
}

template <typename T>
Result store(std::optional<T>& field, std::expected<T, QueryError> value) {
  if (!value) return std::unexpected(std::move(value.error()));
  field = std::move(*value);
  return {};
}

Result read_subset_limit(Gathered& to, std::string_view key, std::string&& value) {
  const auto count = read_count(key, value);
  if (!count) return std::unexpected(count.error());
  return store(to.subset().limit, subset_limit(*count));
}

Result read_subset_offset(Gathered& to, std::string_view key, std::string&& value) {
  const auto count = read_count(key, value);
  if (!count) return std::unexpected(count.error());
  return store(to.subset().offset, subset_offset(*count));
}

Result read_subset_params(Gathered& to, std::string_view key, std::string&& value) {
  const auto json = Json::parse(value);
  if (!json) return invalid(key, "is not valid JSON");
  auto params = subset_params(json->root());
  if (!params) return std::unexpected(std::move(params.error()));
  to.subset().params = std::move(*params);
  return {};
}

using Read = Result (*)(Gathered& to, std::string_view key, std::string&& value);

enum class Place { kDefinition, kProtocol, kServer };

struct Parameter {
  std::string_view name;
  Place place;
  Read read;
};

Result drop(Gathered&, std::string_view, std::string&&) {
  return {};
}

// Every key there is, but params[n]. A key of the definition sets a field as it came: Definition::make reads it.
constexpr std::array kParameters = {
    Parameter{"api_secret", Place::kServer, drop},
    Parameter{"cache-buster", Place::kProtocol,
              [](Gathered& to, std::string_view key, std::string&& value) {
                return read_token_text(to.request.position.cache_buster, key, std::move(value), kCacheBusterBytesMax);
              }},
    Parameter{"columns", Place::kDefinition,
              [](Gathered& to, std::string_view, std::string&& value) -> Result {
                to.request.definition->columns = std::move(value);
                return {};
              }},
    Parameter{"cursor", Place::kProtocol, read_cursor},
    Parameter{"experimental_compaction", Place::kProtocol, drop},
    Parameter{"experimental_live_sse", Place::kProtocol,
              [](Gathered& to, std::string_view, std::string&& value) -> Result {
                to.live_sse |= truth(value);
                return {};
              }},
    Parameter{"expired_handle", Place::kProtocol,
              [](Gathered& to, std::string_view key, std::string&& value) {
                return read_token_text(to.request.position.expired_handle, key, std::move(value), kHandleBytesMax);
              }},
    Parameter{"handle", Place::kProtocol,
              [](Gathered& to, std::string_view key, std::string&& value) {
                return read_token_text(to.request.position.handle, key, std::move(value), kHandleBytesMax);
              }},
    Parameter{"live", Place::kProtocol,
              [](Gathered& to, std::string_view, std::string&& value) -> Result {
                to.live = truth(value);
                return {};
              }},
    Parameter{"live_sse", Place::kProtocol,
              [](Gathered& to, std::string_view, std::string&& value) -> Result {
                to.live_sse |= truth(value);
                return {};
              }},
    Parameter{"log", Place::kProtocol, read_log},
    Parameter{"offset", Place::kProtocol, read_offset},
    Parameter{"queryable_columns", Place::kDefinition,
              [](Gathered& to, std::string_view, std::string&& value) -> Result {
                to.request.definition->queryable_columns = std::move(value);
                return {};
              }},
    Parameter{"replica", Place::kDefinition,
              [](Gathered& to, std::string_view, std::string&& value) -> Result {
                to.request.definition->replica = std::move(value);
                return {};
              }},
    Parameter{"secret", Place::kServer, drop},
    Parameter{"source_id", Place::kServer, drop},
    Parameter{"subset__limit", Place::kProtocol, read_subset_limit},
    Parameter{"subset__offset", Place::kProtocol, read_subset_offset},
    Parameter{"subset__order_by", Place::kProtocol,
              [](Gathered& to, std::string_view, std::string&& value) {
                return store(to.subset().order_by, subset_order_by(value));
              }},
    Parameter{"subset__order_by_expr", Place::kProtocol, drop},
    Parameter{"subset__params", Place::kProtocol, read_subset_params},
    Parameter{
        "subset__where", Place::kProtocol,
        [](Gathered& to, std::string_view, std::string&& value) { return store(to.subset().where, subset_where(value)); }},
    Parameter{"subset__where_expr", Place::kProtocol, drop},
    Parameter{"table", Place::kDefinition,
              [](Gathered& to, std::string_view, std::string&& value) -> Result {
                to.request.definition->table = std::move(value);
                return {};
              }},
    Parameter{"where", Place::kDefinition,
              [](Gathered& to, std::string_view, std::string&& value) -> Result {
                to.request.definition->where = std::move(value);
                return {};
              }},
};
static_assert(std::ranges::is_sorted(kParameters, {}, &Parameter::name));

Result not_allowed(std::string_view key) {
  return fail(QueryErrorCode::kNotAllowed, key, "is not a client's to set");
}

// The n of params[n] in its one spelling.
std::optional<unsigned> param_number(std::string_view key) {
  constexpr std::string_view kPrefix = "params[";
  if (!key.starts_with(kPrefix) || !key.ends_with("]")) return std::nullopt;
  key.remove_prefix(kPrefix.size());
  key.remove_suffix(1);
  return parse_param_number(key);
}

Result read_pair(Gathered& to, std::string_view key, std::string&& value) {
  if (const auto number = param_number(key)) {
    if (!to.request.definition) return not_allowed(key);
    to.request.definition->params.emplace(*number, std::move(value));
    return {};
  }
  const auto found = std::ranges::lower_bound(kParameters, key, {}, &Parameter::name);
  if (found == kParameters.end() || found->name != key)
    return fail(QueryErrorCode::kUnknown, key, "is not a known parameter");
  const bool allowed = found->place == Place::kProtocol || (found->place == Place::kDefinition && to.request.definition);
  if (!allowed) return not_allowed(key);
  return found->read(to, key, std::move(value));
}

// Keys and values in the order they are sent.
using Printed = std::vector<std::pair<std::string, std::string>>;

void print_definition(Printed& out, const Definition& definition) {
  out.emplace_back("table", definition.table().print());
  if (definition.where()) out.emplace_back("where", *definition.where());
  for (std::size_t i = 0; i < definition.params().size(); ++i)
    out.emplace_back("params[" + std::to_string(i + 1) + "]", definition.params()[i]);
  if (definition.columns()) out.emplace_back("columns", print_columns(*definition.columns()));
  if (definition.queryable_columns()) out.emplace_back("queryable_columns", print_columns(*definition.queryable_columns()));
  if (definition.replica() == Replica::kFull) out.emplace_back("replica", "full");
  if (definition.log() == LogMode::kChangesOnly) out.emplace_back("log", "changes_only");
}

void print_position(Printed& out, const Position& position) {
  out.emplace_back("offset", position.offset.print());
  if (position.handle) out.emplace_back("handle", *position.handle);
  if (position.live != Live::kNo) out.emplace_back("live", "true");
  if (position.live == Live::kSse) {
    out.emplace_back("live_sse", "true");
    out.emplace_back("experimental_live_sse", "true");
  }
  if (position.cursor) out.emplace_back("cursor", *position.cursor);
  if (position.expired_handle) out.emplace_back("expired_handle", *position.expired_handle);
  if (position.cache_buster) out.emplace_back("cache-buster", *position.cache_buster);
}

void print_subset(Printed& out, const Subset& subset) {
  if (subset.where) out.emplace_back("subset__where", *subset.where);
  if (!subset.params.empty()) out.emplace_back("subset__params", print_subset_params(subset.params));
  if (subset.limit) out.emplace_back("subset__limit", std::to_string(*subset.limit));
  if (subset.offset) out.emplace_back("subset__offset", std::to_string(*subset.offset));
  if (subset.order_by) out.emplace_back("subset__order_by", *subset.order_by);
}

}  // namespace

std::expected<QueryRequest, QueryError> parse_shape_query(std::string_view query, Dialect dialect) {
  auto pairs = parse_query(query);
  if (!pairs) return std::unexpected(std::move(pairs.error()));
  return parse_shape_query(std::move(*pairs), dialect);
}

std::expected<QueryRequest, QueryError> parse_shape_query(QueryPairs pairs, Dialect dialect) {
  Gathered to;
  if (dialect != Dialect::kProtocol) to.request.definition.emplace();
  for (auto& [key, value] : pairs)
    if (auto read = read_pair(to, key, std::move(value)); !read) return std::unexpected(std::move(read.error()));
  if (to.live) to.request.position.live = to.live_sse ? Live::kSse : Live::kLongPoll;
  to.request.live_sse_given = to.live_sse;
  if (to.request.subset)
    if (auto checked = check_subset(*to.request.subset); !checked) return std::unexpected(std::move(checked.error()));
  return std::move(to.request);
}

std::expected<void, QueryError> check_position(const QueryRequest& request) {
  const Position& position = request.position;
  if (!request.offset_given) return invalid("offset", "can't be blank");
  const bool anywhere = position.offset.is_before_all() || position.offset.is_now();
  if (!anywhere && !position.handle) return invalid("handle", "can't be blank when offset != -1");
  if (position.live != Live::kNo && position.offset.is_before_all())
    return invalid("live", "can't be true when offset == -1");
  if (position.live != Live::kNo && position.offset.is_now()) return invalid("live", "can't be true when offset is 'now'");
  if (request.live_sse_given && position.live == Live::kNo)
    return invalid("live_sse", "can't be true unless live is also true");
  return {};
}

std::string print_query(const Request& request) {
  Printed pairs;
  print_definition(pairs, request.definition);
  print_position(pairs, request.position);
  if (request.subset) print_subset(pairs, *request.subset);
  std::ranges::sort(pairs);
  std::string out;
  for (const auto& [key, value] : pairs) {
    if (!out.empty()) out += '&';
    out += percent_encode(key) + '=' + percent_encode(value);
  }
  return out;
}

}  // namespace sluice::shape

#include "gateway/origin_api.h"

#include <fmt/format.h>

#include <array>
#include <expected>
#include <stdexcept>

#include "base/bytes.h"
#include "base/json_write.h"

namespace sluice::gateway {
namespace {

using http::Method;
using shape::QueryError;

constexpr std::string_view kJson = "application/json; charset=utf-8";
constexpr std::string_view kExposed =
    "electric-cursor,electric-handle,electric-has-data,electric-offset,electric-schema,electric-up-to-date,"
    "electric-internal-known-error,electric-snapshot,retry-after,etag,x-request-id";
constexpr std::string_view kPrivate = "max-age=0, private, must-revalidate";
constexpr std::string_view kBadJson = "Invalid JSON in request body";  // as shape::parse_subset_body says it
constexpr std::string_view kSubsetPrefix = "subset__";

void add_cors(http::Response& response) {
  static const http::FixedFields fields{{"access-control-allow-origin", "*"},
                                        {"access-control-allow-methods", "GET, POST, HEAD, DELETE, OPTIONS"},
                                        {"access-control-expose-headers", kExposed}};
  response.fields.add(fields);
}

void answer(http::Response& response, int status, std::string body) {
  response.status = status;
  response.fields.add("content-type", kJson);
  response.buffers.push_back(Buffer::of(std::move(body)));
}

void answer_preflight(http::Response& response) {
  response.status = 204;
  response.fields.add("access-control-allow-headers", "if-none-match, traceparent, content-type");
  response.fields.add("access-control-max-age", "86400");
}

void answer_unknown_path(http::Response& response) {
  response.status = 404;
  response.fields.add("cache-control", kPrivate);
  response.buffers.push_back(Buffer::of_static("Not found"));
}

void answer_unauthorized(http::Response& response) {
  answer(response, 401, R"({"message":"Unauthorized - Invalid API secret"})");
}

// Where a text that is not JSON goes wrong, as far as its first byte shows it.
std::string describe_bad_json(std::string_view body) {
  std::size_t at = body.find_first_not_of(" \t\r\n");
  if (at == std::string_view::npos) return "unexpected end of input at position 0";
  auto byte = static_cast<unsigned char>(body[at]);
  if (byte == '{' || byte == '[') return fmt::format("unexpected byte after position {}", at);
  std::string out = fmt::format("unexpected byte at position {}: 0x{:02X}", at, byte);
  if (byte > ' ' && byte < 0x7f) out += fmt::format(" (\"{}\")", static_cast<char>(byte));
  return out;
}

// The body is not JSON, or JSON but not an object.
void answer_bad_body(const QueryError& error, std::string_view body, http::Response& response) {
  response.fields.add("cache-control", kPrivate);
  std::string text = fmt::format(R"({{"error":{})", json_string(error.message));
  if (error.message == kBadJson) text += fmt::format(R"(,"details":{})", json_string(describe_bad_json(body)));
  answer(response, 400, text + '}');
}

// {"errors":{"offset":[…]}}, and {"errors":{"subset":{"limit":[…]}}} for what is of a subset.
void answer_bad_request(const QueryError& error, bool cacheable, http::Response& response) {
  if (cacheable) {
    response.fields.add("cache-control", "no-store");
    response.fields.add("surrogate-control", "no-store");
  } else {
    response.fields.add("cache-control", "no-cache");
  }
  std::string_view name = error.parameter;
  bool of_subset = name.starts_with(kSubsetPrefix);
  if (of_subset) name.remove_prefix(kSubsetPrefix.size());
  std::string blamed = fmt::format("{}:[{}]", json_string(name), json_string(error.message));
  if (of_subset) blamed = fmt::format(R"("subset":{{{}}})", blamed);
  answer(response, 400, fmt::format(R"({{"message":"Invalid request","errors":{{{}}}}})", blamed));
}

std::expected<shape::Request, QueryError> parse_request(std::expected<shape::QueryPairs, QueryError> pairs) {
  if (!pairs) return std::unexpected(std::move(pairs.error()));
  auto parsed = shape::parse_shape_query(std::move(*pairs), shape::Dialect::kOrigin);
  if (!parsed) return std::unexpected(std::move(parsed.error()));
  if (auto whole = shape::check_position(*parsed); !whole) return std::unexpected(std::move(whole.error()));
  if (parsed->definition->table.empty()) {
    return std::unexpected(QueryError{shape::QueryErrorCode::kInvalid, "table", "can't be blank"});
  }
  auto definition = shape::Definition::make(*parsed->definition);
  if (!definition) {
    auto& error = definition.error();
    return std::unexpected(
        QueryError{shape::QueryErrorCode::kInvalid, std::move(error.parameter), std::move(error.message)});
  }
  return shape::Request{std::move(*definition), std::move(parsed->position), std::move(parsed->subset)};
}

// A POST names its subset in the body.
std::expected<std::optional<shape::Subset>, QueryError> parse_body(const http::Request& request) {
  if (request.method != Method::kPost) return std::nullopt;
  return shape::parse_subset_body(request.body);
}

// Nothing where `response` says what is wrong with the request.
std::optional<shape::Request> read_request(const http::Request& request, std::expected<shape::QueryPairs, QueryError> pairs,
                                           http::Response& response) {
  bool cacheable = request.method == Method::kGet || request.method == Method::kHead;
  auto subset = parse_body(request);
  if (!subset) {
    const QueryError& error = subset.error();
    error.parameter.empty() ? answer_bad_body(error, request.body, response)
                            : answer_bad_request(error, cacheable, response);
    return std::nullopt;
  }
  auto parsed = parse_request(std::move(pairs));
  if (!parsed) {
    answer_bad_request(parsed.error(), cacheable, response);
    return std::nullopt;
  }
  if (*subset) parsed->subset = std::move(*subset);
  return std::move(*parsed);
}

std::optional<origin::Verb> verb_of(Method method) {
  switch (method) {
    case Method::kGet: return origin::Verb::kGet;
    case Method::kHead: return origin::Verb::kHead;
    case Method::kPost: return origin::Verb::kPost;
    case Method::kDelete: return origin::Verb::kDelete;
    default: return std::nullopt;
  }
}

bool names_secret(std::string_view name) {
  return name == "secret" || name == "api_secret";
}

// What only routing and the secret are about; no part of a shape.
bool is_of_the_route(std::string_view name) {
  return names_secret(name) || name == "source_id";
}

bool has_secret(const shape::QueryPairs& pairs, std::string_view secret) {
  bool found = false;
  for (const auto& [name, value] : pairs)
    if (names_secret(name)) found = constant_time_equal(value, secret) || found;
  return found;
}

std::string new_request_id() {
  const std::array<std::uint64_t, 2> words{random_u64(), random_u64()};
  return hex_encode({reinterpret_cast<const char*>(words.data()), sizeof words});
}

}  // namespace

OriginApi::OriginApi(OriginApiOptions options, origin::Origin& origin) : options_(std::move(options)), origin_(origin) {
  if (options_.secret.empty() && !options_.insecure) throw std::invalid_argument("the shape API needs a secret");
}

Task<void> OriginApi::handle(const http::Request& request, http::Response& response) {
  response.fields.add("electric-server", options_.server);
  response.fields.add("x-request-id", new_request_id());
  if (request.path == "/v1/shape") return handle_shape(request, response);
  add_cors(response);
  bool reading = request.method == Method::kGet || request.method == Method::kHead;
  if (request.path == "/" && reading) return {};
  if (request.path == "/v1/health" && reading) {
    answer_health(response);
    return {};
  }
  answer_unknown_path(response);
  return {};
}

Task<void> OriginApi::handle_shape(const http::Request& request, http::Response& response) {
  const bool plain = request.method == Method::kGet && !request.fields->get("if-none-match");
  if (plain) {
    if (auto known = memo_.find(request.query)) {
      add_cors(response);
      return origin_.serve(std::move(known), response);
    }
  }
  auto verb = verb_of(request.method);
  auto pairs = shape::parse_query(request.query);
  const bool authorized = options_.insecure || (pairs && has_secret(*pairs, options_.secret));
  if (verb && !authorized) {
    answer_unauthorized(response);
    return {};
  }
  add_cors(response);
  if (!verb) {
    request.method == Method::kOptions ? answer_preflight(response) : answer_unknown_path(response);
    return {};
  }
  if (pairs) std::erase_if(*pairs, [](const auto& pair) { return is_of_the_route(pair.first); });
  auto shape = read_request(request, std::move(pairs), response);
  if (!shape) return {};
  std::optional<std::string> if_none_match;
  if (auto field = request.fields->get("if-none-match")) if_none_match.emplace(*field);
  std::shared_ptr<const origin::AuthorizedRequest> asked(
      new origin::AuthorizedRequest(std::move(*shape), *verb, std::move(if_none_match)));
  if (plain) memo_.add(request.query, asked);
  return origin_.serve(std::move(asked), response);
}

void OriginApi::answer_health(http::Response& response) const {
  response.fields.add("cache-control", "no-cache, no-store, must-revalidate");
  switch (origin_.health()) {
    case origin::Origin::Health::kActive: return answer(response, 200, R"({"status":"active"})");
    case origin::Origin::Health::kStarting: return answer(response, 202, R"({"status":"starting"})");
    case origin::Origin::Health::kUnavailable: return answer(response, 202, R"({"status":"waiting"})");
  }
}

}  // namespace sluice::gateway

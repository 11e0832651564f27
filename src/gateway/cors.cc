#include "gateway/cors.h"

#include <algorithm>

namespace sluice::gateway {
namespace {

// What the client needs to read (PROTOCOL section 3), without which it stops with MissingHeadersError, and our own.
constexpr std::string_view kExposed =
    "electric-cursor,electric-handle,electric-has-data,electric-offset,electric-schema,electric-snapshot,"
    "electric-up-to-date,electric-internal-known-error,retry-after,etag,x-request-id,sluice-token-expires-in";
constexpr std::string_view kMethods = "GET, POST, HEAD, OPTIONS";
constexpr std::string_view kRequestFields =
    "authorization, content-type, if-none-match, traceparent, tracestate, x-request-id";

// The one value of a field; nothing where it is absent or repeated.
std::optional<std::string_view> only(const http::Fields& fields, std::string_view name) {
  return fields.count(name) == 1 ? fields.get(name) : std::nullopt;
}

}  // namespace

std::string origin_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  std::string origin(url.substr(0, url.find('/', scheme + 3)));
  for (char& c : origin)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  const std::string_view default_port = origin.starts_with("https:") ? ":443" : ":80";
  if (origin.ends_with(default_port)) origin.resize(origin.size() - default_port.size());
  return origin;
}

Cors::Cors(CorsOptions options) : options_(std::move(options)) {
  any_ = std::find(options_.origins.begin(), options_.origins.end(), "*") != options_.origins.end();
}

bool Cors::listed(std::string_view origin) const {
  return origin != "null" && origin != "*" &&
         std::find(options_.origins.begin(), options_.origins.end(), origin) != options_.origins.end();
}

bool Cors::allow_origin(const http::Request& request, http::Response& response) const {
  const auto origin = only(*request.fields, "origin");
  if (!origin) return false;
  const bool exact = listed(*origin);
  if (!exact && !any_) return false;
  const bool with_cookies = exact && options_.cookies;
  response.fields.add("access-control-allow-origin", any_ && !with_cookies ? "*" : *origin);
  if (with_cookies) response.fields.add("access-control-allow-credentials", "true");
  return true;
}

void Cors::add_fields(const http::Request& request, http::Response& response) const {
  response.fields.add("vary", options_.cookies ? "Origin, Authorization, Cookie" : "Origin, Authorization");
  if (allow_origin(request, response)) response.fields.add("access-control-expose-headers", kExposed);
}

void Cors::answer_preflight(const http::Request& request, http::Response& response) const {
  response.status = 204;
  response.fields.add("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
  if (!allow_origin(request, response)) return;
  response.fields.add("access-control-allow-methods", kMethods);
  response.fields.add("access-control-allow-headers", kRequestFields);
  response.fields.add("access-control-max-age", "86400");
}

bool Cors::may_use_cookies(const http::Request& request) const {
  const http::Fields& fields = *request.fields;
  if (fields.count("origin") > 0) {
    const auto origin = only(fields, "origin");
    return origin && *origin != "null" && (*origin == options_.own_origin || listed(*origin));
  }
  if (request.method == http::Method::kPost) return false;
  return fields.count("sec-fetch-site") == 0 || only(fields, "sec-fetch-site") == "same-origin" ||
         only(fields, "sec-fetch-site") == "same-site" || only(fields, "sec-fetch-site") == "none";
}

}  // namespace sluice::gateway

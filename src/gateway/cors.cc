#include "gateway/cors.h"

#include <algorithm>

namespace sluice::gateway {
namespace {

// What the client needs to read (PROTOCOL section 3), without which it stops with MissingHeadersError.
constexpr std::string_view kExposed =
    "electric-cursor,electric-handle,electric-has-data,electric-offset,electric-schema,electric-snapshot,"
    "electric-up-to-date,electric-internal-known-error,retry-after,etag,x-request-id";
constexpr std::string_view kMethods = "GET, POST, HEAD, OPTIONS";
constexpr std::string_view kRequestFields =
    "authorization, content-type, if-none-match, traceparent, tracestate, x-request-id";

}  // namespace

Cors::Cors(std::vector<std::string> origins) : origins_(std::move(origins)) {
  any_ = std::find(origins_.begin(), origins_.end(), "*") != origins_.end();
}

std::string_view Cors::allowed(const http::Request& request) const {
  const auto origin = request.fields->get("origin");
  if (!origin || request.fields->count("origin") != 1) return {};
  if (any_) return "*";
  const auto listed = std::find(origins_.begin(), origins_.end(), *origin);
  return listed == origins_.end() || *origin == "null" ? std::string_view{} : std::string_view(*listed);
}

void Cors::add_fields(const http::Request& request, http::Response& response) const {
  response.fields.add("vary", "Origin, Authorization");
  const std::string_view origin = allowed(request);
  if (origin.empty()) return;
  response.fields.add("access-control-allow-origin", origin);
  response.fields.add("access-control-expose-headers", kExposed);
}

void Cors::answer_preflight(const http::Request& request, http::Response& response) const {
  response.status = 204;
  response.fields.add("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
  const std::string_view origin = allowed(request);
  if (origin.empty()) return;
  response.fields.add("access-control-allow-origin", origin);
  response.fields.add("access-control-allow-methods", kMethods);
  response.fields.add("access-control-allow-headers", kRequestFields);
  response.fields.add("access-control-max-age", "86400");
}

}  // namespace sluice::gateway

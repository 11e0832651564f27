#include "origin/remote/remote_origin.h"

#include <algorithm>
#include <array>

#include "base/log.h"
#include "shape/request_codec.h"

namespace sluice::origin {
namespace {

constexpr std::string_view kHandleField = "electric-handle";

// What the client may learn of the server's answer, beside the handle. CORS fields, cookies and the like stay behind.
constexpr std::array<std::string_view, 13> kPassedFields = {
    "content-type",    "cache-control",     "surrogate-control", "etag",
    "retry-after",     "electric-offset",   "electric-schema",   "electric-up-to-date",
    "electric-cursor", "electric-has-data", "electric-snapshot", "electric-internal-known-error",
    "content-encoding"};

bool is_passed(std::string_view name) {
  return std::any_of(kPassedFields.begin(), kPassedFields.end(),
                     [&](std::string_view passed) { return http::equal_ignoring_case(name, passed); });
}

bool is_protocol_status(int status) {
  if (status == 401 || status == 403) return false;
  return (status >= 200 && status < 300) || status == 304 || (status >= 400 && status < 600);
}

void fail(int status, Buffer body, http::Response& response) {
  response.clear();
  response.status = status;
  response.fields.add("content-type", "application/json; charset=utf-8");
  response.fields.add("cache-control", "no-store");
  if (status == 503) response.fields.add("retry-after", "5");
  response.buffers.push_back(std::move(body));
}

constexpr std::string_view kBadGateway =
    R"({"error":"bad_gateway","message":"The origin answered in a way that makes no sense."})";
constexpr std::string_view kUnavailable = R"({"error":"origin_unavailable","message":"The origin cannot be reached."})";

http::Method method_of(Verb verb) {
  switch (verb) {
    case Verb::kHead: return http::Method::kHead;
    case Verb::kPost: return http::Method::kPost;
    case Verb::kDelete: return http::Method::kDelete;
    case Verb::kGet: break;
  }
  return http::Method::kGet;
}

std::string shape_path(const http::Url& url) {
  std::string path = url.path;
  while (!path.empty() && path.back() == '/') path.pop_back();
  return path.ends_with("/v1/shape") ? path : path + "/v1/shape";
}

}  // namespace

RemoteOrigin::RemoteOrigin(RemoteOptions options)
    : options_(std::move(options)),
      seal_(options_.handle_key ? *options_.handle_key : HandleSeal::derive_key(options_.secret)),
      path_(shape_path(options_.client.origin)),
      client_(options_.client) {}

Origin::Health RemoteOrigin::health() const {
  const bool unavailable = Clock::now() < unavailable_until_.load(std::memory_order_relaxed);
  return unavailable ? Health::kUnavailable : Health::kActive;
}

Task<void> RemoteOrigin::serve(std::shared_ptr<const AuthorizedRequest> request, http::Response& response) {
  return ask(std::move(request), response);
}

http::ClientRequest RemoteOrigin::upstream_request(const AuthorizedRequest& request,
                                                   std::string_view definition_text) const {
  http::ClientRequest upstream;
  upstream.method = method_of(request.verb());
  shape::Request asked = request.shape();
  asked.position = seal_.open_position(definition_text, std::move(asked.position));
  if (request.verb() == Verb::kPost && asked.subset) {
    upstream.body = shape::print_subset_body(*asked.subset);
    upstream.fields.add("content-type", "application/json");
    asked.subset.reset();
  }
  upstream.target = path_ + '?' + shape::print_query(asked);
  if (!options_.secret.empty()) upstream.target += "&secret=" + shape::percent_encode(options_.secret);
  upstream.fields.add("accept", asked.position.live == shape::Live::kSse ? "text/event-stream" : "application/json");
  if (request.if_none_match()) upstream.fields.add("if-none-match", *request.if_none_match());
  return upstream;
}

// False where a handle came that cannot be sealed, or several.
bool RemoteOrigin::pass_fields(const http::Fields& from, std::string_view definition_text, http::Response& response) const {
  for (std::size_t i = 0; i < from.size(); ++i)
    if (const auto field = from.at(i); is_passed(field.name)) response.fields.add(field.name, field.value);
  const auto handle = from.get(kHandleField);
  if (!handle) return true;
  const auto sealed = seal_.seal(definition_text, *handle);
  if (!sealed || from.count(kHandleField) != 1) return false;
  response.fields.add(kHandleField, *sealed);
  return true;
}

Task<void> RemoteOrigin::ask(std::shared_ptr<const AuthorizedRequest> request, http::Response& response) {
  const std::string definition_text = request->shape().definition.canonical_text();
  auto answer = co_await client_.send(upstream_request(*request, definition_text));
  if (!answer) {
    // That whoever asked has gone, or was cut, says nothing about the origin.
    if (answer.error() != http::ClientError::kCancelled) {
      unavailable_until_.store(Clock::now() + kUnavailableFor, std::memory_order_relaxed);
      log::warn("origin_unreachable", {{"error", to_string(answer.error())}});
    }
    fail(503, Buffer::of_static(kUnavailable), response);
    co_return;
  }
  unavailable_until_.store(Clock::time_point::min(), std::memory_order_relaxed);
  if (!is_protocol_status(answer->status) || !pass_fields(answer->fields, definition_text, response)) {
    log::error("origin_bad_answer", {{"status", answer->status}});
    fail(502, Buffer::of_static(kBadGateway), response);
    co_return;
  }
  response.status = answer->status;
  response.stream_bytes = answer->body_bytes;
  response.stream = std::move(answer->body);
}

}  // namespace sluice::origin

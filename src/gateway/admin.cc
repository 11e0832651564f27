#include "gateway/admin.h"

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include <chrono>
#include <stdexcept>

#include "base/bytes.h"
#include "base/json_write.h"
#include "base/promise.h"
#include "base/sha256.h"
#include "gateway/admin_request.h"
#include "gateway/clock.h"
#include "identity/credentials.h"

namespace sluice::gateway {
namespace {

using gatekeeper::Revocation;
using http::Method;

constexpr std::size_t kTokenBytesMin = 32;
// Longer than a store takes to give up.
constexpr std::chrono::seconds kKeepTimeout{30};

// Of equal length whatever was sent, so that the comparison tells nothing of the length either.
bool same_credential(std::string_view a, std::string_view b) {
  const auto bytes = [](const Sha256& digest) {
    return std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size());
  };
  const auto left = sha256(a), right = sha256(b);
  return constant_time_equal(bytes(left), bytes(right));
}

bool is_call(std::string_view path) {
  return path == "/admin/revoke" || path == "/admin/explain" || path == "/admin/policy";
}

Refusal wrong_method(std::string_view right) {
  return {405, "method_not_allowed", fmt::format("This is called with {}.", right)};
}

}  // namespace

Admin::Admin(AdminOptions options, Gateway& gateway, GatewayParts parts)
    : options_(std::move(options)), gateway_(gateway), parts_(parts) {
  if (!options_.token.empty() && options_.token.size() < kTokenBytesMin)
    throw std::invalid_argument("the admin token must be 32 bytes or more");
}

Admin::~Admin() {
  keeper_.join();
}

Task<void> Admin::handle(const http::Request& request, http::Response& response) {
  if (answer_health(request, gateway_.readiness(), true, response)) return {};
  if (request.path == "/metrics" && request.method == Method::kGet) {
    response.fields.add("content-type", "text/plain; version=0.0.4; charset=utf-8");
    response.buffers.push_back(Buffer::of(parts_.metrics.text()));
    return {};
  }
  if (is_call(request.path) && !options_.token.empty()) return handle_call(request, response);
  answer_refusal(not_found(), response);
  return {};
}

Task<void> Admin::handle_call(const http::Request& request, http::Response& response) {
  if (!may_call(request, response)) return {};
  if (request.path == "/admin/policy") {
    if (!options_.policy)
      answer_refusal(not_found(), response);
    else if (request.method != Method::kGet)
      answer_refusal(wrong_method("GET"), response);
    else
      answer_json(200, Buffer::of(options_.policy()), response);
    return {};
  }
  if (request.method != Method::kPost) {
    answer_refusal(wrong_method("POST"), response);
    return {};
  }
  if (request.path == "/admin/revoke") return revoke(request, response);
  auto asked = read_explain_request(request.body);
  if (asked) return explain(*std::move(asked), response);
  answer_refusal(asked.error(), response);
  return {};
}

bool Admin::may_call(const http::Request& request, http::Response& response) const {
  const auto bearer = identity::bearer_token(*request.fields);
  if (bearer && same_credential(*bearer, options_.token)) return true;
  const bool missing = !bearer && bearer.error() == identity::CredentialError::kMissing;
  parts_.metrics.refused(missing ? "admin_token_missing" : "admin_token_invalid");
  answer_refusal(missing ? token_missing() : token_invalid({}), response);
  return false;
}

Task<void> Admin::revoke(const http::Request& request, http::Response& response) {
  auto revocation = read_revocation(request.body, now_s(), gateway_.state()->options.token_lifetime_max_s);
  if (revocation) return keep(*std::move(revocation), response);
  answer_refusal(revocation.error(), response);
  return {};
}

Task<void> Admin::keep(Revocation revocation, http::Response& response) {
  using Kept = std::expected<void, std::string>;
  auto kept = std::make_shared<Promise<Kept>>();
  boost::asio::post(keeper_, [kept, revocation, &store = parts_.store] { kept->set(store.add(revocation)); });
  const auto done = co_await kept->get(std::chrono::steady_clock::now() + kKeepTimeout);
  if (!done || !*done) {
    const std::string why = done ? done->error() : "it takes too long; it may come into force yet";
    co_return answer_refusal({503, "not_revoked", "The revocation could not be kept: " + why, {}, {}, 1}, response);
  }
  record(revocation);
  answer_json(
      200,
      Buffer::of(fmt::format(R"({{"revoked":"{}","known":{}}})", to_string(revocation.kind), parts_.revocations.size())),
      response);
}

void Admin::record(const Revocation& revocation) {
  AuditEvent event;
  event.kind = AuditEvent::Kind::kRevoked;
  event.route = "admin";
  event.reason = to_string(revocation.kind);
  event.issuer = revocation.kind == Revocation::Kind::kIssuer ? revocation.value : revocation.issuer;
  if (revocation.kind == Revocation::Kind::kSubject) event.subject = revocation.value;
  parts_.audit.record(event);
}

Task<void> Admin::explain(ExplainRequest request, http::Response& response) {
  const Explanation why = co_await gateway::explain(gateway_.state(), parts_.revocations, std::move(request));
  answer_json(200, Buffer::of(to_json(why)), response);
}

}  // namespace sluice::gateway

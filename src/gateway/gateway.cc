#include "gateway/gateway.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <limits>

#include "base/bytes.h"
#include "base/log.h"
#include "gatekeeper/request.h"
#include "gatekeeper/shape_options.h"
#include "gateway/admin.h"

namespace sluice::gateway {
namespace {

using http::Method;

constexpr std::string_view kGatekeeperPrefix = "/gatekeeper/";
constexpr std::string_view kShapesPrefix = "/v1/shapes/";

std::int64_t now_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::vector<token::Verifier> grant_verifiers(const GatewayOptions& options) {
  std::vector<token::Verifier> verifiers;
  if (options.minter) verifiers.emplace_back(gatekeeper::Minter(*options.minter).verifier());
  verifiers.insert(verifiers.end(), options.grants.begin(), options.grants.end());
  return verifiers;
}

// Unique in this process and unlikely elsewhere: enough to find a request in a log.
std::string next_request_id() {
  static const std::uint64_t start = random_u64();
  static std::atomic<std::uint64_t> count{0};
  return fmt::format("{:016x}", start + count.fetch_add(1, std::memory_order_relaxed) * 0x9e3779b97f4a7c15ull);
}

// One path segment, not empty.
bool is_segment(std::string_view text) {
  return !text.empty() && text.find('/') == std::string_view::npos;
}

bool reads_shapes(Method method) {
  return method == Method::kGet || method == Method::kPost || method == Method::kHead;
}

Refusal not_found() {
  return {404, "not_found", "There is nothing at this path."};
}

Refusal method_not_allowed() {
  return {405, "method_not_allowed", "Shapes are read with GET or POST."};
}

}  // namespace

Gateway::Gateway(GatewayOptions options, origin::Origin& origin, Metrics& metrics)
    : options_(std::move(options)),
      origin_(origin),
      metrics_(metrics),
      held_(metrics),
      cors_(options_.cors_origins),
      gate_(grant_verifiers(options_)),
      proxy_url_(options_.public_url + "/v1/shape") {
  if (options_.minter) minter_.emplace(*options_.minter);
}

Gateway::Target Gateway::route(std::string_view path) {
  if (path == "/v1/shape" || path == "/proxy/v1/shape") return {Route::kGrantedShape, {}};
  if (path == "/healthz" || path == "/readyz") return {Route::kHealth, {}};
  if (path.starts_with(kShapesPrefix) && is_segment(path.substr(kShapesPrefix.size())))
    return {Route::kNamedShape, path.substr(kShapesPrefix.size())};
  if (path.starts_with(kGatekeeperPrefix) && is_segment(path.substr(kGatekeeperPrefix.size())))
    return {Route::kGatekeeper, path.substr(kGatekeeperPrefix.size())};
  return {};
}

Task<void> Gateway::handle(const http::Request& request, http::Response& response) {
  const Target target = route(request.path);
  if (target.route == Route::kHealth) {
    answer_health(request, origin_, response);
    metrics_.answered(target.route, response.status);
    return {};
  }
  Task<void> work = dispatch(target, request, response);
  if (work.valid()) return finish_later(std::move(work), target.route, request, response);
  finish(target.route, request, response);
  return {};
}

Task<void> Gateway::dispatch(const Target& target, const http::Request& request, http::Response& response) {
  if (request.method == Method::kOptions && target.route != Route::kNone) {
    cors_.answer_preflight(request, response);
    return {};
  }
  switch (target.route) {
    case Route::kGrantedShape: return granted_shape(request, response);
    case Route::kNamedShape: return named_shape(target.argument, request, response);
    case Route::kGatekeeper: return gatekeeper(target.argument, request, response);
    default: refuse(not_found(), response); return {};
  }
}

Task<void> Gateway::granted_shape(const http::Request& request, http::Response& response) {
  if (!reads_shapes(request.method)) {
    refuse(method_not_allowed(), response);
    return {};
  }
  auto admission = gate_.admit_grant(request, now_s());
  if (!admission) {
    refuse(admission.error(), response);
    return {};
  }
  return serve(*std::move(admission), {.shared = false, .debug = options_.debug}, response);
}

Task<void> Gateway::named_shape(std::string_view name, const http::Request& request, http::Response& response) {
  if (!reads_shapes(request.method)) {
    refuse(method_not_allowed(), response);
    return {};
  }
  const auto found = options_.shapes.find(name);
  const bool is_public = found != options_.shapes.end() && found->second.is_public;
  std::shared_ptr<const token::VerifiedToken> identity;
  if (!is_public) {
    // Before it is said whether the name exists.
    auto verified = verify_bearer(request, options_.identities, now_s());
    if (!verified) {
      refuse(verified.error(), response);
      return {};
    }
    identity = *std::move(verified);
  }
  if (found == options_.shapes.end()) {
    refuse({403, "shape_forbidden", "The credentials do not cover this shape.", {}, "no shape of this name"}, response);
    return {};
  }
  auto definition = found->second.shape.fill(identity ? &identity->claims() : nullptr);
  if (!definition) {
    refuse({403, "shape_forbidden", "The credentials do not cover this shape.", {}, definition.error()}, response);
    return {};
  }
  const std::int64_t expires_at_s = identity ? identity->claims().expires_at_s() : std::numeric_limits<std::int64_t>::max();
  auto admission = gate_.admit_defined(request, *definition, expires_at_s);
  if (!admission) {
    refuse(admission.error(), response);
    return {};
  }
  return serve(*std::move(admission), {.shared = is_public, .debug = options_.debug}, response);
}

Task<void> Gateway::serve(Admission admission, ShapeAnswerOptions answer, http::Response& response) {
  const bool live = admission.request->shape().position.live != shape::Live::kNo;
  // Leeway is for answers given at once. An event stream that begins only to end would make clients give up on events.
  if (live && now_s() >= admission.expires_at_s) {
    refuse(HeldRequests::expired(), response);
    return {};
  }
  metrics_.asked_origin();
  Task<void> work = origin_.serve(admission.request, response);
  // An event stream may begin at once, and is held all the same.
  if (work.valid() || (live && response.stream)) return serve_later(std::move(work), std::move(admission), answer, response);
  finish_shape_answer(answer, response);
  return {};
}

Task<void> Gateway::serve_later(Task<void> work, Admission admission, ShapeAnswerOptions answer, http::Response& response) {
  if (admission.request->shape().position.live == shape::Live::kNo) {
    co_await std::move(work);
  } else if (const auto ended = co_await held_.hold(std::move(work), admission.expires_at_s, response)) {
    co_return refuse(*ended, response);
  }
  finish_shape_answer(answer, response);
}

Task<void> Gateway::gatekeeper(std::string_view table, const http::Request& request, http::Response& response) {
  if (!minter_ || request.method != Method::kPost) {
    refuse(not_found(), response);
    return {};
  }
  auto identity = verify_bearer(request, options_.identities, now_s());
  if (!identity) {
    refuse(identity.error(), response);
    return {};
  }
  auto asked = gatekeeper::parse_request(table, request.query, request.body);
  if (!asked) {
    refuse({400, "invalid_request", asked.error().message, asked.error().parameter}, response);
    return {};
  }
  return decide_and_mint(policy::Principal(*std::move(identity)), *std::move(asked), response);
}

Task<void> Gateway::decide_and_mint(policy::Principal principal, shape::Definition asked, http::Response& response) {
  const policy::Decision decision = co_await options_.authorizer->authorize(principal, asked);
  if (decision.kind == policy::Decision::Kind::kFailed) {
    refuse({503, "authorizer_unavailable", "The decision could not be made.", {}, decision.reason}, response);
    co_return;
  }
  if (decision.kind == policy::Decision::Kind::kDeny) {
    refuse({403, "shape_forbidden", "The credentials do not cover this shape.", {}, decision.reason}, response);
    co_return;
  }
  const gatekeeper::Grant grant = minter_->mint(principal, *decision.definition, now_s());
  metrics_.minted();
  answer_json(200, Buffer::of(gatekeeper::shape_options_json(proxy_url_, *decision.definition, grant)), response);
}

Task<void> Gateway::finish_later(Task<void> work, Route route, const http::Request& request, http::Response& response) {
  co_await std::move(work);
  finish(route, request, response);
}

void Gateway::finish(Route route, const http::Request& request, http::Response& response) {
  if (request.method != Method::kOptions || response.status != 204) cors_.add_fields(request, response);
  response.fields.set("x-request-id", next_request_id());
  metrics_.answered(route, response.status);
}

void Gateway::refuse(const Refusal& refusal, http::Response& response) {
  metrics_.refused(refusal.code);
  log::info(
      "refused",
      {{"status", refusal.status}, {"code", refusal.code}, {"parameter", refusal.parameter}, {"reason", refusal.reason}});
  answer_refusal(refusal, response);
}

}  // namespace sluice::gateway

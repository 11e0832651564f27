#include "gateway/gateway.h"

#include "base/log.h"
#include "gateway/audit_event.h"
#include "gateway/clock.h"

namespace sluice::gateway {
namespace {

using http::Method;

constexpr std::string_view kGatekeeper = "/gatekeeper";
constexpr std::string_view kGatekeeperPrefix = "/gatekeeper/";
constexpr std::string_view kShapesPrefix = "/v1/shapes/";

// One path segment, not empty.
bool is_segment(std::string_view text) {
  return !text.empty() && text.find('/') == std::string_view::npos;
}

// What one memory of tokens has done since it was made, and holds.
void sample_authenticator(std::vector<Sample>& samples, const std::string& kind, const identity::Authenticator* tokens) {
  if (!tokens) return;
  const identity::Authenticator::Counts counts = tokens->counts();
  const auto add = [&](const char* name, const char* help, bool counter, auto value) {
    samples.push_back({name, help, counter, {{"tokens", kind}}, static_cast<double>(value)});
  };
  add("sluice_tokens_remembered_total", "Tokens found good from memory.", true, counts.hits);
  add("sluice_tokens_verified_total", "Tokens that had to be verified.", true, counts.misses);
  add("sluice_tokens_refused_total", "Tokens refused.", true, counts.refused);
  add("sluice_tokens_refused_from_memory_total", "Tokens refused without verifying them again.", true,
      counts.refused_from_memory);
  add("sluice_token_storms_total", "Tokens told to stay away, having come too often.", true, counts.storms);
  add("sluice_tokens_known", "Good tokens remembered.", false, counts.entries);
  add("sluice_refused_tokens_known", "Refused tokens remembered.", false, counts.refused_entries);
}

// Somebody was kept from something, or a decision could not be made; the others are faults of form, or of ours.
bool is_audited(const Refusal& refusal, const AuditEvent& event) {
  return refusal.status == 400 || refusal.status == 401 || refusal.status == 403 || event.definition;
}

std::string_view audit_route(Route route) {
  switch (route) {
    case Route::kGrantedShape: return "proxy";
    case Route::kNamedShape: return "shapes";
    case Route::kGatekeeper: return "gatekeeper";
    default: return "none";
  }
}

}  // namespace

Gateway::Gateway(GatewayOptions options, GatewayParts parts)
    : parts_(parts),
      held_(parts.metrics, parts.revocations),
      newest_(std::make_shared<const State>(std::move(options), 0)),
      state_(newest_) {
  parts_.revocations.on_new([this] { held_.revoked(); });
  parts_.metrics.sample_with([this](std::vector<Sample>& samples) { sample(samples); });
}

std::weak_ptr<const void> Gateway::reload(GatewayOptions options) {
  const std::lock_guard lock(reloading_);
  auto next = std::make_shared<const State>(std::move(options), newest_->revision + 1);
  const std::weak_ptr<const void> old = std::exchange(newest_, next);
  state_.set(next);
  held_.policy_changed(next->revision);
  return old;
}

Readiness Gateway::readiness() const {
  return {parts_.origin.health(), state()->has_keys(), parts_.store.connected()};
}

void Gateway::find_route(Exchange& exchange) {
  const std::string_view path = exchange.request.path;
  if (path == "/v1/shape" || path == "/proxy/v1/shape") {
    exchange.route = Route::kGrantedShape;
  } else if (path == "/healthz" || path == "/readyz") {
    exchange.route = Route::kHealth;
  } else if (path == kGatekeeper) {
    exchange.route = Route::kGatekeeper;
  } else if (path.starts_with(kShapesPrefix) && is_segment(path.substr(kShapesPrefix.size()))) {
    exchange.route = Route::kNamedShape;
    exchange.argument = path.substr(kShapesPrefix.size());
  } else if (path.starts_with(kGatekeeperPrefix) && is_segment(path.substr(kGatekeeperPrefix.size()))) {
    exchange.route = Route::kGatekeeper;
    exchange.argument = path.substr(kGatekeeperPrefix.size());
  }
}

Task<void> Gateway::handle(const http::Request& request, http::Response& response) {
  Exchange exchange{request, response, state_.get(), RequestId::next()};
  find_route(exchange);
  if (exchange.route == Route::kHealth) {
    answer_health(request, readiness(), false, response);
    parts_.metrics.answered(exchange.route, response.status);
    return {};
  }
  Task<void> work = dispatch(exchange);
  if (work.valid()) return finish_later(std::move(work), std::move(exchange));
  finish(exchange);
  return {};
}

Task<void> Gateway::dispatch(const Exchange& exchange) {
  if (exchange.request.method == Method::kOptions && exchange.route != Route::kNone) {
    exchange.state->cors.answer_preflight(exchange.request, exchange.response);
    return {};
  }
  switch (exchange.route) {
    case Route::kGrantedShape: return granted_shape(exchange);
    case Route::kNamedShape: return named_shape(exchange);
    case Route::kGatekeeper: return gatekeeper(exchange);
    default: refuse(exchange, not_found()); return {};
  }
}

Task<void> Gateway::identify(const Exchange& exchange, Identified next) {
  const State& state = *exchange.state;
  const auto credential = identity_credential(exchange.request, state.options, state.cors);
  if (!credential) {
    refuse(exchange, credential.error());
    return {};
  }
  if (!*credential) return (this->*next)(exchange, policy::Principal::anonymous());
  auto known = verify(**credential, parts_.revocations, now_s());
  if (known) return (this->*next)(exchange, policy::Principal(std::move(known->token), known->digest));
  if (known.error().may_change) {
    Task<void> new_keys = (*credential)->authenticator->look_again((*credential)->token);
    if (new_keys.valid()) return identify_again(std::move(new_keys), exchange, **credential, next);
  }
  refuse(exchange, known.error().refusal, event_of(known.error().token.get()));
  return {};
}

Task<void> Gateway::identify_again(Task<void> new_keys, Exchange exchange, Credential credential, Identified next) {
  co_await std::move(new_keys);
  auto known = verify(credential, parts_.revocations, now_s());
  if (!known) co_return refuse(exchange, known.error().refusal, event_of(known.error().token.get()));
  Task<void> work = (this->*next)(exchange, policy::Principal(std::move(known->token), known->digest));
  if (work.valid()) co_await std::move(work);
}

Task<void> Gateway::finish_later(Task<void> work, Exchange exchange) {
  co_await std::move(work);
  finish(exchange);
}

void Gateway::finish(const Exchange& exchange) {
  http::Response& response = exchange.response;
  if (exchange.request.method != Method::kOptions || response.status != 204)
    exchange.state->cors.add_fields(exchange.request, response);
  response.fields.set("x-request-id", exchange.id.text());
  parts_.metrics.answered(exchange.route, response.status);
}

void Gateway::deny(const Exchange& exchange, const policy::Principal& principal, std::string reason, AuditEvent event) {
  if (principal.is_anonymous()) {
    Refusal refusal = token_missing();
    refusal.reason = std::move(reason);
    return refuse(exchange, refusal, event);
  }
  name_who(event, principal.token().get());
  refuse(exchange, shape_forbidden(std::move(reason)), event);
}

void Gateway::refuse(const Exchange& exchange, const Refusal& refusal, AuditEvent event) {
  parts_.metrics.refused(refusal.code);
  if (is_audited(refusal, event)) {
    event.kind = AuditEvent::Kind::kDenied;
    event.code = refusal.code;
    event.reason = refusal.reason.empty() ? refusal.message : refusal.reason;
    record(exchange, event);
  } else {
    log::info("refused", {{"request_id", exchange.id.text()},
                          {"status", refusal.status},
                          {"code", refusal.code},
                          {"reason", refusal.reason}});
  }
  answer_refusal(refusal, exchange.response);
}

void Gateway::record(const Exchange& exchange, AuditEvent event) {
  name_where(exchange, event);
  parts_.audit.record(event);
}

void Gateway::name_where(const Exchange& exchange, AuditEvent& event) {
  event.request_id = exchange.id.text();
  event.route = audit_route(exchange.route);
  if (exchange.route == Route::kNamedShape && exchange.state->options.shapes.contains(exchange.argument))
    event.shape = exchange.argument;
}

void Gateway::sample(std::vector<Sample>& samples) const {
  const auto state = state_.get();
  sample_authenticator(samples, "identity", state->options.identities.get());
  for (const CookieIdentity& cookie : state->options.cookies)
    sample_authenticator(samples, "cookie:" + cookie.cookie, cookie.authenticator.get());
  sample_authenticator(samples, "grant", state->gate.grants().get());
  samples.push_back({"sluice_policy_revision",
                     "Configurations taken over since the start.",
                     false,
                     {},
                     static_cast<double>(state->revision)});
  samples.push_back({"sluice_revocations", "Revocations known.", false, {}, static_cast<double>(parts_.revocations.size())});
  samples.push_back({"sluice_revocations_connected",
                     "Whether what others revoke is learnt.",
                     false,
                     {},
                     parts_.store.connected() ? 1.0 : 0.0});
  samples.push_back({"sluice_audit_dropped_total",
                     "Lines of the audit log that were lost.",
                     true,
                     {},
                     static_cast<double>(parts_.audit.dropped())});
  samples.push_back({"sluice_limited_callers",
                     "Callers whose subsets and cache-busters are remembered.",
                     false,
                     {},
                     static_cast<double>(state->gate.limits().callers())});
}

}  // namespace sluice::gateway

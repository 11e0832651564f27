// The gateway's routes to shapes: a grant's, and the configuration's own.
#include <utility>

#include "gateway/audit_event.h"
#include "gateway/clock.h"
#include "gateway/gateway.h"
#include "gateway/shape_answer.h"

namespace sluice::gateway {
namespace {

using http::Method;

constexpr std::string_view kExpiresIn = "sluice-token-expires-in";

bool reads_shapes(Method method) {
  return method == Method::kGet || method == Method::kPost || method == Method::kHead;
}

Refusal method_not_allowed() {
  return {405, "method_not_allowed", "Shapes are read with GET or POST."};
}

bool is_live(const Admission& admission) {
  return admission.request->shape().position.live != shape::Live::kNo;
}

// Keeps a subset's lease until its answer has been sent.
class LeasedStream : public http::BodyStream {
 public:
  LeasedStream(std::unique_ptr<http::BodyStream> inner, Limits::Lease lease)
      : inner_(std::move(inner)), lease_(std::move(lease)) {}
  Task<std::expected<Buffer, http::BodyError>> next() override { return inner_->next(); }

 private:
  std::unique_ptr<http::BodyStream> inner_;
  Limits::Lease lease_;
};

}  // namespace

Task<void> Gateway::granted_shape(const Exchange& exchange) {
  if (!reads_shapes(exchange.request.method)) {
    refuse(exchange, method_not_allowed());
    return {};
  }
  const Gate& gate = exchange.state->gate;
  auto admission = gate.admit_grant(exchange.request, parts_.revocations, now_s());
  if (admission) return serve(exchange, *std::move(admission), false);
  if (admission.error().may_change) {
    Task<void> new_keys = gate.look_again(exchange.request);
    if (new_keys.valid()) return granted_shape_again(std::move(new_keys), exchange);
  }
  refuse(exchange, admission.error().refusal, event_of(admission.error().token.get()));
  return {};
}

Task<void> Gateway::granted_shape_again(Task<void> new_keys, Exchange exchange) {
  co_await std::move(new_keys);
  auto admission = exchange.state->gate.admit_grant(exchange.request, parts_.revocations, now_s());
  if (!admission) co_return refuse(exchange, admission.error().refusal, event_of(admission.error().token.get()));
  Task<void> work = serve(exchange, *std::move(admission), false);
  if (work.valid()) co_await std::move(work);
}

Task<void> Gateway::named_shape(const Exchange& exchange) {
  if (!reads_shapes(exchange.request.method)) {
    refuse(exchange, method_not_allowed());
    return {};
  }
  const auto& shapes = exchange.state->options.shapes;
  const auto found = shapes.find(exchange.argument);
  if (found != shapes.end() && found->second.is_public)
    return serve_named(exchange, found->second, policy::Principal::anonymous());
  // Before it is said whether the name exists.
  return identify(exchange, &Gateway::named_shape_for);
}

Task<void> Gateway::named_shape_for(const Exchange& exchange, policy::Principal principal) {
  const auto& shapes = exchange.state->options.shapes;
  const auto found = shapes.find(exchange.argument);
  if (found == shapes.end()) {
    deny(exchange, principal, "no shape of this name");
    return {};
  }
  // Only an authorizer may let nobody in particular in, or `public` (SECURITY H62).
  if (principal.is_anonymous() && !found->second.authorizer) {
    deny(exchange, principal, "the shape is not public");
    return {};
  }
  return serve_named(exchange, found->second, std::move(principal));
}

Task<void> Gateway::serve_named(const Exchange& exchange, const NamedShape& named, policy::Principal principal) {
  auto request = Gate::read_named(exchange.request, named.shape.query_names());
  if (!request) {
    refuse(exchange, request.error(), event_of(principal.token().get()));
    return {};
  }
  auto definition = named.shape.fill({.principal = principal, .query = &request->values});
  if (!definition) {
    deny(exchange, principal, std::move(definition.error()));
    return {};
  }
  if (named.authorizer)
    return authorize_named(exchange, named, std::move(principal), *std::move(request), *std::move(definition));
  return admit_named(exchange, principal, *std::move(request), {.definition = *std::move(definition)}, named.is_public);
}

Task<void> Gateway::authorize_named(Exchange exchange, const NamedShape& named, policy::Principal principal,
                                    NamedRequest request, shape::Definition definition) {
  policy::Decision decision = co_await named.authorizer->authorize(principal, definition);
  auto granted = granted_by(exchange, principal, definition, std::move(decision));
  if (!granted) co_return;
  Task<void> work = admit_named(exchange, principal, std::move(request), *std::move(granted), false);
  if (work.valid()) co_await std::move(work);
}

Task<void> Gateway::admit_named(const Exchange& exchange, const policy::Principal& principal, NamedRequest request,
                                shape::GrantedShape shape, bool shared) {
  auto admission =
      exchange.state->gate.admit_named(exchange.request, std::move(request), std::move(shape), principal.token(), now_s());
  if (!admission) {
    refuse(exchange, admission.error(), event_of(principal.token().get()));
    return {};
  }
  admission->token_digest = principal.token_digest();
  return serve(exchange, *std::move(admission), shared);
}

Task<void> Gateway::serve(const Exchange& exchange, Admission admission, bool shared) {
  const bool live = is_live(admission);
  // Leeway is for answers given at once. An event stream that begins only to end would make clients give up on events.
  if (live && now_s() >= admission.expires_at_s) {
    refuse(exchange, token_expired(), event_of(admission.token.get()));
    return {};
  }
  record_allowed(exchange, admission);
  parts_.metrics.asked_origin();
  Task<void> work = parts_.origin.serve(admission.request, exchange.response);
  // An event stream may begin at once, and is held all the same; so may a subset, and counts until it has been sent.
  const bool streams = exchange.response.stream && (live || admission.lease);
  if (work.valid() || streams) return serve_later(std::move(work), exchange, std::move(admission), shared);
  finish_answer(exchange, admission, shared);
  return {};
}

Task<void> Gateway::serve_later(Task<void> work, Exchange exchange, Admission admission, bool shared) {
  http::Response& response = exchange.response;
  if (is_live(admission)) {
    const Right right{admission.token, admission.expires_at_s, exchange.state->revision};
    if (const auto ended = co_await held_.hold(std::move(work), right, response))
      co_return refuse(exchange, *ended, event_of(admission.token.get()));
  } else if (work.valid()) {
    co_await std::move(work);
  }
  if (admission.lease && response.stream)
    response.stream = std::make_unique<LeasedStream>(std::move(response.stream), *std::move(admission.lease));
  finish_answer(exchange, admission, shared);
}

void Gateway::record_allowed(const Exchange& exchange, const Admission& admission) {
  if (admission.is_repeated) return;
  AuditToken token{};
  std::ranges::copy_n(admission.token_digest.begin(), token.size(), token.begin());
  AuditEvent event = event_of(admission.token.get());
  name_where(exchange, event);
  event.definition = &admission.request->shape().definition;
  parts_.audit.allowed(token, event);
}

void Gateway::finish_answer(const Exchange& exchange, const Admission& admission, bool shared) {
  const GatewayOptions& options = exchange.state->options;
  finish_shape_answer({.shared = shared, .debug = options.debug}, exchange.response);
  if (!admission.token || options.refresh_ahead_s == 0) return;
  const std::int64_t left_s = admission.expires_at_s - now_s();
  if (left_s < options.refresh_ahead_s)
    exchange.response.fields.set(kExpiresIn, std::to_string(std::max<std::int64_t>(left_s, 0)));
}

}  // namespace sluice::gateway

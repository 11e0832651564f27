// The gateway's route to the gatekeeper: who asks, what is decided, and the grant that says it.
#include "gatekeeper/request.h"
#include "gatekeeper/shape_options.h"
#include "gateway/audit_event.h"
#include "gateway/clock.h"
#include "gateway/gateway.h"

namespace sluice::gateway {
namespace {

using policy::Decision;
using Definitions = std::vector<shape::Definition>;

std::string_view to_string(Decision::Kind kind) {
  switch (kind) {
    case Decision::Kind::kAllow: return "allow";
    case Decision::Kind::kDeny: return "deny";
    case Decision::Kind::kAbstain: return "abstain";
    case Decision::Kind::kFailed: break;
  }
  return "failed";
}

std::expected<Definitions, shape::DefinitionError> read_request(const http::Request& request, std::string_view table) {
  if (!table.empty()) {
    auto one = gatekeeper::parse_request(table, request.query, request.body);
    if (!one) return std::unexpected(std::move(one.error()));
    return Definitions{*std::move(one)};
  }
  if (!request.query.empty())
    return std::unexpected(shape::DefinitionError{"", "several shapes are given in the body, not in the query string"});
  return gatekeeper::parse_requests(request.body);
}

Refusal not_minted(gatekeeper::MintError error) {
  if (error == gatekeeper::MintError::kExpired) return token_expired();
  return invalid_request("The shapes are too long for one token.");
}

}  // namespace

Task<void> Gateway::gatekeeper(const Exchange& exchange) {
  if (exchange.state->minter && exchange.request.method == http::Method::kPost)
    return identify(exchange, &Gateway::gatekeeper_for);
  refuse(exchange, not_found());
  return {};
}

Task<void> Gateway::gatekeeper_for(const Exchange& exchange, policy::Principal principal) {
  auto asked = read_request(exchange.request, exchange.argument);
  if (asked) return decide_and_mint(exchange, std::move(principal), *std::move(asked));
  refuse(exchange, invalid_request(std::move(asked.error().message), std::move(asked.error().parameter)),
         event_of(principal.token().get()));
  return {};
}

Task<void> Gateway::decide_and_mint(Exchange exchange, policy::Principal principal, Definitions asked) {
  const State& state = *exchange.state;
  if (!state.options.authorizer) co_return deny(exchange, principal, "no authorizer is configured");
  std::vector<shape::GrantedShape> granted;
  for (const shape::Definition& definition : asked) {
    policy::Decision decision = co_await state.options.authorizer->authorize(principal, definition);
    auto one = granted_by(exchange, principal, definition, std::move(decision));
    if (!one) co_return;
    granted.push_back(*std::move(one));
  }
  const auto grant = state.minter->mint(principal, granted, now_s());
  if (!grant) co_return refuse(exchange, not_minted(grant.error()), event_of(principal.token().get()));
  parts_.metrics.minted();
  for (const shape::GrantedShape& shape : granted) {
    AuditEvent event = event_of(principal.token().get());
    event.kind = AuditEvent::Kind::kMinted;
    event.definition = &shape.definition;
    record(exchange, event);
  }
  const bool one = !exchange.argument.empty();
  std::string json = one ? gatekeeper::shape_options_json(state.proxy_url, granted.front(), *grant)
                         : gatekeeper::shape_options_json(state.proxy_url, granted, *grant);
  answer_json(200, Buffer::of(std::move(json)), exchange.response);
}

std::optional<shape::GrantedShape> Gateway::granted_by(const Exchange& exchange, const policy::Principal& principal,
                                                       const shape::Definition& asked, Decision decision) {
  parts_.metrics.decided(decision.authorizer, to_string(decision.kind));
  if (decision.kind == Decision::Kind::kAllow && decision.granted) return std::move(decision.granted);
  AuditEvent event;
  event.definition = &asked;
  event.authorizer = decision.authorizer;
  event.line = decision.line;
  if (decision.kind == Decision::Kind::kFailed)
    refuse(exchange, authorizer_unavailable(std::move(decision.reason)), event);
  else
    deny(exchange, principal, std::move(decision.reason), event);
  return std::nullopt;
}

}  // namespace sluice::gateway

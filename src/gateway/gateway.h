// The gateway: routes of a Sluice deployment, from a request to an answer.
//
//   POST     /gatekeeper/<table>          credentials and a definition in, ShapeStream options out
//   POST     /gatekeeper                  the same for several shapes and one token
//   GET|POST /v1/shape, /proxy/v1/shape   a grant and a shape request in, the origin's answer out
//   GET|POST /v1/shapes/<name>            credentials in, the configured shape's answer out
//   GET      /healthz, /readyz            the process runs; it can answer
//
// A path is compared byte for byte and once (SECURITY E2, H57); every other one is 404 here and goes nowhere. OPTIONS is
// answered here; DELETE is 405 for end users (E11).
//
// One Gateway serves all connections. What it decides by is one State, which reload() replaces as a whole while requests
// run; a request that needs no waiting is answered without a coroutine.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>

#include "gatekeeper/revocations.h"
#include "gateway/audit.h"
#include "gateway/gate.h"
#include "gateway/held_requests.h"
#include "gateway/metrics.h"
#include "gateway/options.h"
#include "gateway/published.h"
#include "gateway/readiness.h"
#include "gateway/request_id.h"
#include "gateway/state.h"
#include "http/message.h"
#include "origin/origin.h"
#include "policy/authorizer.h"

namespace sluice::gateway {

// What a Gateway works with. All of it outlives the Gateway; `store` adds nothing to `revocations` after the Gateway or an
// io_context with held requests has begun to end (RevocationStore::stop).
struct GatewayParts {
  origin::Origin& origin;
  Metrics& metrics;
  gatekeeper::Revocations& revocations;
  gatekeeper::RevocationStore& store;
  Audit& audit;
};

class Gateway : public http::Handler {
 public:
  // Throws std::invalid_argument where an option is out of range. Listens to `parts.revocations`: nothing has been added to
  // them before.
  Gateway(GatewayOptions options, GatewayParts parts);

  Task<void> handle(const http::Request& request, http::Response& response) override;

  // Decides by these options from now on. Requests on their way keep what they began with; those being held are ended, so
  // that nobody goes on reading what is not theirs any more (SECURITY H69, J42, H70). Throws as the constructor, and then
  // nothing has changed. What is returned expires when the last request with the old options has ended. Any thread.
  std::weak_ptr<const void> reload(GatewayOptions options);

  // Answers every held request now. Any thread.
  void drain() { held_.stop(); }

  // As it is now. Any thread.
  std::shared_ptr<const State> state() const { return state_.get(); }
  Readiness readiness() const;

 private:
  // One request on its way through. Its references are valid until it has been answered.
  struct Exchange {
    const http::Request& request;
    http::Response& response;
    std::shared_ptr<const State> state;
    RequestId id;
    Route route = Route::kNone;
    std::string_view argument = {};  // the table, or the shape's name
  };
  // Goes on where the caller is known.
  using Identified = Task<void> (Gateway::*)(const Exchange&, policy::Principal);

  static void find_route(Exchange& exchange);
  Task<void> dispatch(const Exchange& exchange);

  Task<void> granted_shape(const Exchange& exchange);
  Task<void> granted_shape_again(Task<void> new_keys, Exchange exchange);

  Task<void> named_shape(const Exchange& exchange);
  Task<void> named_shape_for(const Exchange& exchange, policy::Principal principal);
  Task<void> serve_named(const Exchange& exchange, const NamedShape& named, policy::Principal principal);
  Task<void> authorize_named(Exchange exchange, const NamedShape& named, policy::Principal principal,
                             NamedRequest named_request, shape::Definition definition);
  Task<void> admit_named(const Exchange& exchange, const policy::Principal& principal, NamedRequest named_request,
                         shape::GrantedShape shape, bool shared);

  Task<void> gatekeeper(const Exchange& exchange);
  Task<void> gatekeeper_for(const Exchange& exchange, policy::Principal principal);
  Task<void> decide_and_mint(Exchange exchange, policy::Principal principal, std::vector<shape::Definition> asked);

  // Finds out who asks and goes on with `next`, or refuses.
  Task<void> identify(const Exchange& exchange, Identified next);
  Task<void> identify_again(Task<void> new_keys, Exchange exchange, Credential credential, Identified next);
  // What a decision grants; nothing where it has been refused here.
  std::optional<shape::GrantedShape> granted_by(const Exchange& exchange, const policy::Principal& principal,
                                                const shape::Definition& asked, policy::Decision decision);

  // `shared`: the answer is anybody's, and may be kept by any cache.
  Task<void> serve(const Exchange& exchange, Admission admission, bool shared);
  Task<void> serve_later(Task<void> work, Exchange exchange, Admission admission, bool shared);
  void finish_answer(const Exchange& exchange, const Admission& admission, bool shared);

  Task<void> finish_later(Task<void> work, Exchange exchange);
  void finish(const Exchange& exchange);
  // `event` says what is known beside the exchange and the refusal: who, and who decided (audit.h).
  void deny(const Exchange& exchange, const policy::Principal& principal, std::string reason, AuditEvent event = {});
  void refuse(const Exchange& exchange, const Refusal& refusal, AuditEvent event = {});
  void record(const Exchange& exchange, AuditEvent event);
  static void name_where(const Exchange& exchange, AuditEvent& event);
  void record_allowed(const Exchange& exchange, const Admission& admission);
  void sample(std::vector<Sample>& samples) const;

  const GatewayParts parts_;
  HeldRequests held_;
  std::mutex reloading_;
  std::shared_ptr<const State> newest_;  // guarded by reloading_
  Published<State> state_;
};

}  // namespace sluice::gateway

// Whether a gateway can answer, and what it lacks where it cannot.
//
// /healthz says that the process runs. /readyz says 200 where requests can be answered as they should be, else 503: the
// origin is there, every issuer has keys, and what other gateways revoke is learnt. A gateway that has lost its Redis still
// answers, by what it knows; it is not ready, so that a balancer prefers one that knows everything.
#pragma once

#include "http/message.h"
#include "origin/origin.h"

namespace sluice::gateway {

struct Readiness {
  origin::Origin::Health origin;
  bool keys;         // every issuer has some
  bool revocations;  // others' are learnt

  bool ready() const { return origin == origin::Origin::Health::kActive && keys && revocations; }
};

// The answer to /healthz and /readyz; false where the path is neither. `detailed`: for the operator, what is lacking by
// name; the public is told yes or no.
bool answer_health(const http::Request& request, const Readiness& readiness, bool detailed, http::Response& response);

}  // namespace sluice::gateway

// The gate: lets shape requests through that a grant, or a named shape, covers.
//
// It is the one place that makes an AuthorizedRequest for end users. What it hands to the origin is made of parsed values:
// the definition is the granted one (with the client's log mode), never the client's spelling of it.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <vector>

#include "gateway/refusal.h"
#include "http/message.h"
#include "origin/authorized_request.h"
#include "shape/request_codec.h"
#include "token/verifier.h"

namespace sluice::gateway {

// A request that may go to the origin, and until when its right lasts (seconds since the epoch).
struct Admission {
  std::shared_ptr<const origin::AuthorizedRequest> request;
  std::int64_t expires_at_s;
};

class Gate {
 public:
  // Whose grants are accepted, tried in this order.
  explicit Gate(std::vector<token::Verifier> grant_verifiers) : verifiers_(std::move(grant_verifiers)) {}

  // `/v1/shape`, `/proxy/v1/shape`: a grant in Authorization, the definition in the query string.
  std::expected<Admission, Refusal> admit_grant(const http::Request& request, std::int64_t now_s) const;

  // `/v1/shapes/<name>`: the definition is the server's; the query string holds protocol parameters only.
  std::expected<Admission, Refusal> admit_defined(const http::Request& request, const shape::Definition& definition,
                                                  std::int64_t expires_at_s) const;

 private:
  // The one place where an AuthorizedRequest is made for end users: of the definition that was found to be theirs.
  static Admission admit(const http::Request& request, shape::Definition definition, shape::QueryRequest asked,
                         std::int64_t expires_at_s);

  std::vector<token::Verifier> verifiers_;
};

// Tries each verifier; the refusal tells the client missing, expired or invalid, and the log more.
std::expected<std::shared_ptr<const token::VerifiedToken>, Refusal> verify_bearer(
    const http::Request& request, const std::vector<token::Verifier>& verifiers, std::int64_t now_s);

}  // namespace sluice::gateway

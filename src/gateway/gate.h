// The gate: lets shape requests through that a grant, or a named shape, covers.
//
// It is the one place that makes an AuthorizedRequest for end users. What it hands to the origin is made of parsed values,
// never of the client's spelling of them. What a token may read is looked at for every request anew, whatever is remembered
// of the token itself (SECURITY J41).
//
// Immutable but for the counts behind its Limits; any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/sha256.h"
#include "gateway/credentials.h"
#include "gateway/limits.h"
#include "gateway/refusal.h"
#include "http/message.h"
#include "identity/authenticator.h"
#include "origin/authorized_request.h"
#include "shape/request_codec.h"

namespace sluice::gateway {

// A request that may go to the origin.
struct Admission {
  std::shared_ptr<const origin::AuthorizedRequest> request;
  // Who was let through, and until when (seconds since the epoch). Null for nobody in particular.
  std::shared_ptr<const token::VerifiedToken> token;
  std::int64_t expires_at_s;
  // Of a subset: to be kept until its answer has been sent.
  std::optional<Limits::Lease> lease;
  // The same token was let through to the same definition before, and that was recorded.
  bool is_repeated = false;
  Sha256 token_digest = {};  // of the token's text
};

// A request to a named shape: what it may say of the protocol, and the values that the shape's template takes.
struct NamedRequest {
  std::map<std::string, std::string, std::less<>> values;
  shape::QueryPairs rest;
};

class Gate {
 public:
  // `grants` reads GrantContent (grant_content.h). Null: no grant is good.
  Gate(std::shared_ptr<identity::Authenticator> grants, LimitsOptions limits);

  // `/v1/shape`, `/proxy/v1/shape`: a grant in Authorization, the definition in the query string.
  std::expected<Admission, Unverified> admit_grant(const http::Request& request, const gatekeeper::Revocations& revocations,
                                                   std::int64_t now_s) const;
  // Where admit_grant said that new keys may change its mind: empty where nobody asks for any.
  Task<void> look_again(const http::Request& request) const;

  // `/v1/shapes/<name>`: the definition is the server's; the query string holds protocol parameters, and those that the
  // template names: they are taken out first, and each must be there.
  static std::expected<NamedRequest, Refusal> read_named(const http::Request& request,
                                                         const std::vector<std::string>& template_names);
  // `shape` was filled, and allowed by who decides on it. `token`: whose request it is; null for anonymous.
  std::expected<Admission, Refusal> admit_named(const http::Request& request, NamedRequest named, shape::GrantedShape shape,
                                                std::shared_ptr<const token::VerifiedToken> token, std::int64_t now_s) const;

  const std::shared_ptr<identity::Authenticator>& grants() const { return grants_; }
  const Limits& limits() const { return *limits_; }

 private:
  // The one place where an AuthorizedRequest is made for end users: of the definition that was found to be theirs.
  std::expected<Admission, Refusal> admit(const http::Request& request, shape::Definition definition,
                                          const shape::SubsetRights& rights, shape::QueryRequest asked,
                                          std::shared_ptr<const token::VerifiedToken> token, std::int64_t now_s) const;

  std::shared_ptr<identity::Authenticator> grants_;
  std::unique_ptr<Limits> limits_;
};

}  // namespace sluice::gateway

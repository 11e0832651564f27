// What a configuration says of the gateway: values that are whole already (keys loaded, templates parsed, names resolved).
//
// A Gateway takes one at its start and may take others while it runs (Gateway::reload). What it shares (authenticators,
// authorizers, key sources) has to be started before, and may be stopped when no request uses it any more.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gatekeeper/minter.h"
#include "gateway/limits.h"
#include "identity/authenticator.h"
#include "policy/authorizer.h"
#include "policy/shape_template.h"

namespace sluice::gateway {

// Identity tokens in a cookie, as a session of the user's web application keeps them: `[[identity]] cookie`.
struct CookieIdentity {
  std::string cookie;  // its exact name
  std::shared_ptr<identity::Authenticator> authenticator;
};

// `[[shape]]`: served at /v1/shapes/<name>.
struct NamedShape {
  policy::ShapeTemplate shape;
  // Nobody needs to authenticate. Said by the configuration in so many words (SECURITY H62).
  bool is_public = false;
  // Asked on each request, beside the template; what it allows may be narrower. Null: the template decides alone, and
  // then not for anonymous callers.
  std::shared_ptr<policy::Authorizer> authorizer = nullptr;
};

struct GatewayOptions {
  // Where browsers and clients find this deployment: scheme://host[:port][/path], without a trailing slash.
  std::string public_url;
  // Each `scheme://host[:port]` as a browser sends it, or `*`.
  std::vector<std::string> cors_origins;
  // Whether errors of the origin reach clients in its own words.
  bool debug = false;

  // Identity tokens in the Authorization field; null: none are accepted there.
  std::shared_ptr<identity::Authenticator> identities;
  // Identity tokens in cookies, each cookie its own issuers.
  std::vector<CookieIdentity> cookies;

  // Whose grants are accepted beside the minter's own: `[[gate.issuer]]`.
  std::vector<identity::Issuer> grant_issuers;
  // No gatekeeper without it.
  std::optional<gatekeeper::MinterOptions> minter;
  // Decides what the gatekeeper mints. Null: it denies everything.
  std::shared_ptr<policy::Authorizer> authorizer;

  std::map<std::string, NamedShape, std::less<>> shapes;

  // Answers to a token that ends within this time carry sluice-token-expires-in; 0: none do.
  std::int64_t refresh_ahead_s = 60;

  // The longest that any token which is accepted here can live: what was revoked may be forgotten after as long.
  std::int64_t token_lifetime_max_s = std::int64_t{10} * 365 * 24 * 3600;

  LimitsOptions limits;
};

}  // namespace sluice::gateway

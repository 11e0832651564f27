#include "gateway/credentials.h"

#include "identity/credentials.h"

namespace sluice::gateway {
namespace {

using Found = std::expected<std::optional<Credential>, Refusal>;

std::unexpected<Refusal> two_credentials() {
  return std::unexpected(Refusal{400, "invalid_request", "The request has more than one credential.", "authorization"});
}

// Tokens stand in cookies as they are: nothing to decode.
Found cookie_credential(const http::Request& request, const CookieIdentity& identity) {
  const auto token = identity::cookie_token(*request.fields, identity.cookie);
  if (token) return Credential{*token, identity.authenticator.get()};
  switch (token.error()) {
    case identity::CredentialError::kMissing: return std::nullopt;
    case identity::CredentialError::kRepeated: return two_credentials();
    case identity::CredentialError::kMalformed: break;
  }
  return std::unexpected(token_invalid("no token in the cookie"));
}

}  // namespace

Found bearer_credential(const http::Request& request, identity::Authenticator* authenticator) {
  const auto bearer = identity::bearer_token(*request.fields);
  if (bearer) return Credential{*bearer, authenticator};
  switch (bearer.error()) {
    case identity::CredentialError::kMissing: return std::nullopt;
    case identity::CredentialError::kRepeated:
      return std::unexpected(invalid_request("The Authorization field is repeated.", "authorization"));
    case identity::CredentialError::kMalformed: break;
  }
  return std::unexpected(token_invalid("no bearer token in Authorization"));
}

Found identity_credential(const http::Request& request, const GatewayOptions& options, const Cors& cors) {
  auto found = bearer_credential(request, options.identities.get());
  if (options.cookies.empty()) return found;
  // However bad the Authorization field is, it is a credential: beside a cookie it makes two.
  const bool has_field = !found || *found;
  std::optional<Credential> cookie;
  for (const CookieIdentity& identity : options.cookies) {
    auto in_cookie = cookie_credential(request, identity);
    if (!in_cookie) return in_cookie;
    if (!*in_cookie) continue;
    if (has_field || cookie) return two_credentials();
    cookie = *in_cookie;
  }
  if (!cookie) return found;
  if (!cors.may_use_cookies(request))
    return std::unexpected(Refusal{403, "origin_forbidden", "Cookies are not accepted from this origin.", "origin"});
  return cookie;
}

std::expected<identity::Authenticated, Unverified> verify(const Credential& credential,
                                                          const gatekeeper::Revocations& revocations, std::int64_t now_s) {
  if (!credential.authenticator) return std::unexpected(Unverified{token_invalid("no issuer is configured")});
  auto known = credential.authenticator->verify(credential.token, now_s);
  if (!known) {
    identity::Refused& refused = known.error();
    if (refused.retry_after_s > 0)
      return std::unexpected(Unverified{{429,
                                         "too_many_requests",
                                         "This token was refused too often.",
                                         {},
                                         std::string(to_string(refused.error)),
                                         refused.retry_after_s}});
    Refusal refusal = token_refused(refused.error);
    if (!refused.reason.empty()) refusal.reason = std::move(refused.reason);
    return std::unexpected(Unverified{std::move(refusal), refused.may_change});
  }
  if (revocations.revoked(known->token->claims()))
    return std::unexpected(Unverified{token_revoked(), false, std::move(known->token)});
  return *std::move(known);
}

}  // namespace sluice::gateway

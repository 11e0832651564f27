// Who sends a request: the credential, from the one place where it may be, and the principal that it stands for.
//
// A credential is a bearer token in Authorization, or a token in one of the configured cookies. Two at once are an error
// (SECURITY J44). None at all is the anonymous principal; one that is there and is not good is always 401 (J38). A cookie
// counts only where the request shows that a page of ours sent it (E16).
//
// The usual case is answered without a coroutine: verify() first, and look_again() only where it says that new keys might
// change the answer.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "gatekeeper/revocations.h"
#include "gateway/cors.h"
#include "gateway/options.h"
#include "gateway/refusal.h"
#include "http/message.h"
#include "identity/authenticator.h"

namespace sluice::gateway {

// A token and who can say whether it is good. Valid as long as the request and the State it came from.
struct Credential {
  std::string_view token;
  identity::Authenticator* authenticator;
};

// The bearer token of Authorization, for `authenticator` (which may be null: then none is good).
std::expected<std::optional<Credential>, Refusal> bearer_credential(const http::Request& request,
                                                                    identity::Authenticator* authenticator);

// From any place that the options name.
std::expected<std::optional<Credential>, Refusal> identity_credential(const http::Request& request,
                                                                      const GatewayOptions& options, const Cors& cors);

struct Unverified {
  Refusal refusal;
  bool may_change = false;  // identity::Refused::may_change
  // Whose request it is, where its token is good and the request is refused for another reason.
  std::shared_ptr<const token::VerifiedToken> token = nullptr;
};

// A verified token that has not been revoked.
std::expected<identity::Authenticated, Unverified> verify(const Credential& credential,
                                                          const gatekeeper::Revocations& revocations, std::int64_t now_s);

}  // namespace sluice::gateway

#include "gateway/state.h"

#include <algorithm>

#include "gateway/grant_content.h"

namespace sluice::gateway {
namespace {

std::shared_ptr<identity::Authenticator> grant_authenticator(const GatewayOptions& options) {
  identity::AuthenticatorOptions grants;
  if (options.minter) {
    token::VerifierOptions own = gatekeeper::Minter(*options.minter).verifier();
    auto keys = std::make_shared<identity::FixedKeys>(own.keys);
    grants.issuers.push_back({token::Verifier(std::move(own)), std::move(keys)});
  }
  grants.issuers.insert(grants.issuers.end(), options.grant_issuers.begin(), options.grant_issuers.end());
  if (grants.issuers.empty()) return nullptr;
  grants.read_content = read_grant_content;
  return std::make_shared<identity::Authenticator>(std::move(grants));
}

CorsOptions cors_options(const GatewayOptions& options) {
  return {options.cors_origins, origin_of(options.public_url), !options.cookies.empty()};
}

std::optional<gatekeeper::Minter> make_minter(const GatewayOptions& options) {
  if (!options.minter) return std::nullopt;
  return gatekeeper::Minter(*options.minter);
}

bool is_ready(const std::shared_ptr<identity::Authenticator>& authenticator) {
  return !authenticator || authenticator->ready();
}

}  // namespace

State::State(GatewayOptions given, std::uint64_t its_revision)
    : options(std::move(given)),
      revision(its_revision),
      cors(cors_options(options)),
      gate(grant_authenticator(options), options.limits),
      minter(make_minter(options)),
      proxy_url(options.public_url + "/v1/shape") {}

bool State::has_keys() const {
  return is_ready(options.identities) && is_ready(gate.grants()) &&
         std::all_of(options.cookies.begin(), options.cookies.end(),
                     [](const CookieIdentity& cookie) { return is_ready(cookie.authenticator); });
}

}  // namespace sluice::gateway

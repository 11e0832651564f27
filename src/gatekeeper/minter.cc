#include "gatekeeper/minter.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "base/bytes.h"
#include "base/json_write.h"
#include "shape/claim_codec.h"
#include "token/jws.h"

namespace sluice::gatekeeper {
namespace {

// Signed and verified by machines of one deployment, whose clocks agree.
constexpr std::int64_t kLeeway_s = 2;
constexpr std::int64_t kTtlMax_s = std::int64_t{10} * 365 * 24 * 3600;  // as the verifier's bound
constexpr double kJitterMax = 0.5;

std::string new_token_id() {
  std::array<std::uint8_t, 16> bytes{};
  fill_random(bytes);
  return base64url_encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

// A random part of up to `share` of `time_s`, in whole seconds.
std::int64_t random_share(std::int64_t time_s, double share) {
  const auto most = static_cast<std::uint64_t>(static_cast<double>(time_s) * share);
  return static_cast<std::int64_t>(random_u64() % (most + 1));
}

void check_keys(const std::vector<token::Key>& keys) {
  if (keys.empty()) throw std::invalid_argument("the gatekeeper has no key");
  if (!keys.front().can_sign()) throw std::invalid_argument("the gatekeeper's first key cannot sign");
  for (auto key = keys.begin(); key != keys.end(); ++key)
    for (auto other = keys.begin(); other != key; ++other)
      if (key->algorithm() == other->algorithm() && key->key_id() == other->key_id() && !key->key_id().empty())
        throw std::invalid_argument("two of the gatekeeper's keys are named '" + key->key_id() + "'");
}

std::string shapes_member(std::span<const shape::GrantedShape> granted) {
  if (granted.size() == 1) return R"("shape":)" + shape::write_claim(granted.front());
  std::string json = R"("shapes":[)";
  for (const shape::GrantedShape& one : granted) {
    if (json.back() != '[') json += ',';
    json += shape::write_claim(one);
  }
  return json + ']';
}

}  // namespace

std::string_view to_string(MintError error) {
  switch (error) {
    case MintError::kTooLong: return "the shapes are too long for one token";
    case MintError::kExpired: return "the identity token has ended";
  }
  return "unknown";
}

Minter::Minter(MinterOptions options) : options_(std::move(options)) {
  check_keys(options_.keys);
  if (options_.ttl_s < 1 || options_.ttl_s > kTtlMax_s) throw std::invalid_argument("the gatekeeper's ttl is out of range");
  if (!(options_.jitter >= 0 && options_.jitter <= kJitterMax))
    throw std::invalid_argument("the gatekeeper's jitter must be 0 to 0.5");
  if (options_.refresh_ahead_s < 0 || options_.refresh_ahead_s > kTtlMax_s)
    throw std::invalid_argument("the gatekeeper's refresh_ahead is out of range");
}

std::expected<Grant, MintError> Minter::mint(const policy::Principal& principal,
                                             std::span<const shape::GrantedShape> granted, std::int64_t now_s) const {
  Grant grant;
  grant.token_id = new_token_id();
  grant.expires_at_s =
      std::min(now_s + options_.ttl_s - random_share(options_.ttl_s, options_.jitter), principal.expires_at_s());
  const std::int64_t lifetime_s = grant.expires_at_s - now_s;
  if (lifetime_s <= 0) return std::unexpected(MintError::kExpired);
  const std::int64_t ahead_s = options_.refresh_ahead_s + random_share(options_.refresh_ahead_s, options_.jitter);
  grant.refresh_at_s = grant.expires_at_s - std::min(ahead_s, lifetime_s / 2);
  grant.token = token::sign(options_.keys.front(), claims_json(principal, granted, now_s, grant), kGrantType);
  if (grant.token.size() > token::kTokenBytesMax) return std::unexpected(MintError::kTooLong);
  return grant;
}

std::string Minter::claims_json(const policy::Principal& principal, std::span<const shape::GrantedShape> granted,
                                std::int64_t now_s, const Grant& grant) const {
  std::string json = fmt::format(R"({{"iss":{},"aud":{})", json_string(options_.issuer), json_string(kGrantAudience));
  if (!principal.subject().empty()) json += R"(,"sub":)" + json_string(principal.subject());
  if (!principal.issuer().empty()) json += R"(,"sub_iss":)" + json_string(principal.issuer());
  json += fmt::format(R"(,"iat":{},"exp":{},"jti":{},)", now_s, grant.expires_at_s, json_string(grant.token_id));
  return json + shapes_member(granted) + '}';
}

token::VerifierOptions Minter::verifier() const {
  token::VerifierOptions verifier;
  verifier.name = "gatekeeper";
  verifier.keys = options_.keys;
  verifier.issuer = options_.issuer;
  verifier.audience = std::string(kGrantAudience);
  verifier.type = std::string(kGrantType);
  verifier.leeway_s = kLeeway_s;
  return verifier;
}

}  // namespace sluice::gatekeeper

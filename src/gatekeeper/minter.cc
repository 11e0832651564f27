#include "gatekeeper/minter.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/json_write.h"
#include "shape/claim_codec.h"

namespace sluice::gatekeeper {
namespace {

// Signed and verified by machines of one deployment, whose clocks agree.
constexpr std::int64_t kLeeway_s = 2;

std::string token_id() {
  std::array<std::uint8_t, 16> bytes{};
  fill_random(bytes);
  return base64url_encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace

Grant Minter::mint(const policy::Principal& principal, const shape::Definition& definition, std::int64_t now_s) const {
  const std::int64_t expires_at_s = std::min(now_s + options_.ttl_s, principal.expires_at_s());
  const std::string claims =
      fmt::format(R"({{"iss":{},"aud":{},"sub":{},"iat":{},"exp":{},"jti":{},"shape":{}}})", json_string(options_.issuer),
                  json_string(kGrantAudience), json_string(principal.subject()), now_s, expires_at_s,
                  json_string(token_id()), shape::write_claim(definition));
  return {token::sign(options_.key, claims, kGrantType), expires_at_s};
}

token::VerifierOptions Minter::verifier() const {
  token::VerifierOptions verifier;
  verifier.name = "gatekeeper";
  verifier.keys = {options_.key};
  verifier.issuer = options_.issuer;
  verifier.audience = std::string(kGrantAudience);
  verifier.type = std::string(kGrantType);
  verifier.leeway_s = kLeeway_s;
  return verifier;
}

}  // namespace sluice::gatekeeper

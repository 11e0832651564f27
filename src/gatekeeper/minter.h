// Mints grants: signs the right to read shapes until a time.
//
// A grant is a compact JWS with `typ: shape+jwt` and the gatekeeper's own keys, issuer and audience, so that an identity
// token is never taken for a grant or a grant for an identity token (SECURITY J37). Its claims:
//
//   iss, aud            the deployment, "sluice:gate"
//   sub, sub_iss        whose it is: subject and issuer of the identity token; neither where the caller is anonymous
//   iat, exp, jti       exp never after the identity token's own
//   shape, or shapes    what may be read (shape/claim_codec.h)
//
// Any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/principal.h"
#include "shape/granted_shape.h"
#include "token/key.h"
#include "token/verifier.h"

namespace sluice::gatekeeper {

inline constexpr std::string_view kGrantType = "shape+jwt";
inline constexpr std::string_view kGrantAudience = "sluice:gate";

struct MinterOptions {
  // The first signs, all verify: a new key is put first, and an old one taken away once what it signed has ended.
  std::vector<token::Key> keys = {};
  std::string issuer = {};  // the deployment's public URL
  std::int64_t ttl_s = 3600;
  // Up to this share of ttl_s is taken off each grant's life, at random, so that what was granted at one time does not end
  // at one time. 0 to 0.5.
  double jitter = 0.1;
  std::int64_t refresh_ahead_s = 60;  // how long before its end a grant says that it should be renewed
};

struct Grant {
  std::string token;
  std::string token_id;  // jti
  std::int64_t expires_at_s = 0;
  // When to ask for the next: refresh_ahead_s before the end and a little sooner at random, but never in the first half of
  // its life.
  std::int64_t refresh_at_s = 0;
};

// kTooLong: a token that says all this would be refused for its length (token::kTokenBytesMax). kExpired: the principal's
// own token has ended.
enum class MintError { kTooLong, kExpired };
std::string_view to_string(MintError error);

class Minter {
 public:
  // Throws std::invalid_argument, a fault of the configuration: no keys, a first one that cannot sign, two of one name and
  // algorithm, a time or share out of range.
  explicit Minter(MinterOptions options);

  // One token for all of them. Ends after ttl_s less the jitter, or when the principal's own token does, if that is sooner.
  // Precondition: 1 to shape::kGrantedShapesMax of them.
  std::expected<Grant, MintError> mint(const policy::Principal& principal, std::span<const shape::GrantedShape> granted,
                                       std::int64_t now_s) const;
  std::expected<Grant, MintError> mint(const policy::Principal& principal, const shape::GrantedShape& granted,
                                       std::int64_t now_s) const {
    return mint(principal, std::span(&granted, 1), now_s);
  }

  // What verifies the grants minted here.
  token::VerifierOptions verifier() const;

 private:
  std::string claims_json(const policy::Principal& principal, std::span<const shape::GrantedShape> granted,
                          std::int64_t now_s, const Grant& grant) const;

  MinterOptions options_;
};

}  // namespace sluice::gatekeeper

// Mints grants: signs the right to read one shape definition until a time.
//
// A grant is a compact JWS with `typ: shape+jwt` and the gatekeeper's own key, issuer and audience, so that an identity
// token is never taken for a grant or a grant for an identity token (SECURITY J37). Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "policy/principal.h"
#include "shape/definition.h"
#include "token/key.h"
#include "token/verifier.h"

namespace sluice::gatekeeper {

inline constexpr std::string_view kGrantType = "shape+jwt";
inline constexpr std::string_view kGrantAudience = "sluice:gate";

struct MinterOptions {
  token::Key key;      // can_sign()
  std::string issuer;  // the deployment's public URL
  std::int64_t ttl_s = 3600;
};

struct Grant {
  std::string token;
  std::int64_t expires_at_s;
};

class Minter {
 public:
  explicit Minter(MinterOptions options) : options_(std::move(options)) {}

  // Ends at ttl_s from now, or when the principal's own token does, if that is sooner.
  Grant mint(const policy::Principal& principal, const shape::Definition& definition, std::int64_t now_s) const;

  // What verifies the grants minted here.
  token::VerifierOptions verifier() const;

 private:
  MinterOptions options_;
};

}  // namespace sluice::gatekeeper

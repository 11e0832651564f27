// Verifying and signing compact JWS (RFC 7515 section 3.1) with JWT claims (RFC 7519), strictly.
//
// Claims are reachable only through a VerifiedToken, which only a Verifier makes: an unverified token exposes nothing.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "token/key.h"
#include "token/token_error.h"

namespace sluice::token {

// Claims of a verified token, typed. iss, sub, jti are strings where present; exp, nbf, iat are whole seconds since the
// epoch (a fraction, a string, a negative or beyond 2^53 is kBadClaims).
class Claims {
 public:
  std::string_view issuer() const;    // "" where absent
  std::string_view subject() const;   // "" where absent
  std::string_view token_id() const;  // jti; "" where absent
  std::int64_t expires_at_s() const;
  std::optional<std::int64_t> issued_at_s() const;
  // All of them: an object.
  simdjson::dom::element json() const { return json_.root(); }
  // Any claim by name, as strictly parsed JSON; nullopt where absent.
  std::optional<simdjson::dom::element> find(std::string_view name) const;
  // A path of member names ("org", "id"); nullopt where a step is absent or no object.
  std::optional<simdjson::dom::element> find_path(std::string_view dotted) const;

 private:
  friend class Verifier;
  explicit Claims(Json json);
  Json json_;
  std::string_view issuer_, subject_, token_id_;
  std::int64_t expires_at_s_ = 0;
  std::optional<std::int64_t> issued_at_s_;
};

class VerifiedToken {
 public:
  const Claims& claims() const { return claims_; }
  // Of the issuer configuration that verified it (VerifierOptions::name).
  const std::string& verified_by() const { return verified_by_; }

 private:
  friend class Verifier;
  VerifiedToken(Claims claims, std::string verified_by);
  Claims claims_;
  std::string verified_by_;
};

struct VerifierOptions {
  std::string name = {};                     // "api": for logs
  std::vector<Key> keys = {};                // any verifies; a token's kid chooses among them (jws.h)
  std::optional<std::string> issuer = {};    // exact match when given (J36)
  std::optional<std::string> audience = {};  // must be among the token's when given (J37); when not, any and none will do
  std::optional<std::string> type = {};      // header `typ` exactly when given ("shape+jwt")
  // Header `typ` values that are refused: an identity verifier refuses "shape+jwt" (J37).
  std::vector<std::string> types_refused = {};
  std::int64_t leeway_s = 30;       // at most 60 (J40)
  std::int64_t lifetime_max_s = 0;  // exp - iat (or exp - now without iat) at most this; 0: 10 years
};

class Verifier {
 public:
  // Throws std::invalid_argument where leeway or lifetime is out of range: a fault of the configuration.
  explicit Verifier(VerifierOptions options);

  std::expected<std::shared_ptr<const VerifiedToken>, TokenError> verify(std::string_view token, std::int64_t now_s) const;
  // With these keys in the place of its own, which change while the rest of the configuration does not.
  std::expected<std::shared_ptr<const VerifiedToken>, TokenError> verify(std::string_view token, std::span<const Key> keys,
                                                                         std::int64_t now_s) const;
  const VerifierOptions& options() const { return options_; }

 private:
  std::expected<Claims, TokenError> read_claims(std::string_view payload, std::int64_t now_s) const;

  VerifierOptions options_;
};

// Signs `claims_json` (an object) with the key, `typ` in the header where not empty. Precondition: key.can_sign().
std::string sign(const Key& key, std::string_view claims_json, std::string_view type = "JWT");

}  // namespace sluice::token

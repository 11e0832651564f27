#include "token/token_error.h"

namespace sluice::token {

std::string_view to_string(TokenError error) {
  switch (error) {
    case TokenError::kTooLong: return "too_long";
    case TokenError::kNotCompact: return "not_compact";
    case TokenError::kBadBase64: return "bad_base64";
    case TokenError::kBadHeader: return "bad_header";
    case TokenError::kBadAlgorithm: return "bad_algorithm";
    case TokenError::kCritical: return "critical_extension";
    case TokenError::kEmbeddedKey: return "embedded_key";
    case TokenError::kBadKeyId: return "bad_key_id";
    case TokenError::kUnknownKey: return "unknown_key";
    case TokenError::kBadSignature: return "bad_signature";
    case TokenError::kBadClaims: return "bad_claims";
    case TokenError::kExpired: return "expired";
    case TokenError::kNotYetValid: return "not_yet_valid";
    case TokenError::kWrongIssuer: return "wrong_issuer";
    case TokenError::kWrongAudience: return "wrong_audience";
    case TokenError::kWrongType: return "wrong_type";
    case TokenError::kLifetimeTooLong: return "lifetime_too_long";
  }
  return "invalid";
}

bool is_final(TokenError error) {
  switch (error) {
    case TokenError::kTooLong:
    case TokenError::kNotCompact:
    case TokenError::kBadBase64:
    case TokenError::kBadHeader:
    case TokenError::kCritical:
    case TokenError::kEmbeddedKey:
    case TokenError::kBadKeyId:
    case TokenError::kBadClaims:
    case TokenError::kExpired:
    case TokenError::kWrongIssuer:
    case TokenError::kWrongAudience:
    case TokenError::kWrongType: return true;
    // Another key set may have a key of that name or algorithm, or another key under the name.
    case TokenError::kBadAlgorithm:
    case TokenError::kUnknownKey:
    case TokenError::kBadSignature:
    // Time passes; and without `iat` a lifetime is counted from now.
    case TokenError::kNotYetValid:
    case TokenError::kLifetimeTooLong: return false;
  }
  return false;
}

}  // namespace sluice::token

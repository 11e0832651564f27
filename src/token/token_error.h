// Why a token was refused.
#pragma once

#include <cstddef>
#include <string_view>

namespace sluice::token {

// A longer token is refused before anything is allocated for it.
inline constexpr std::size_t kTokenBytesMax = 8 * 1024;

enum class TokenError {
  kTooLong,
  kNotCompact,
  kBadBase64,
  kBadHeader,
  kBadAlgorithm,
  kCritical,
  kEmbeddedKey,
  kBadKeyId,
  kUnknownKey,
  kBadSignature,
  kBadClaims,
  kExpired,
  kNotYetValid,
  kWrongIssuer,
  kWrongAudience,
  kWrongType,
  kLifetimeTooLong,
};

std::string_view to_string(TokenError error);  // for logs and audit: "bad_signature"

// Neither time nor other keys change the verdict: under one configuration the token is refused for ever, and may be
// remembered as bad.
bool is_final(TokenError error);

}  // namespace sluice::token

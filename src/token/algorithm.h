// What RFC 7518 section 3 and RFC 8037 say of each algorithm, as a table. For the sources of this part.
#pragma once

#include <cstddef>
#include <string_view>

#include "token/key.h"

namespace sluice::token {

enum class Family : std::uint8_t { kHmac, kRsa, kRsaPss, kEcdsa, kEdDsa };

struct AlgorithmTraits {
  std::string_view name;
  Family family;
  const char* digest;            // OpenSSL's name; nullptr for EdDSA, which hashes by itself
  std::size_t digest_bytes;      // 0 for EdDSA
  const char* curve;             // OpenSSL's name; nullptr but for ECDSA
  std::string_view jwk_curve;    // `crv`; "" for HMAC and RSA
  std::size_t coordinate_bytes;  // of a point, and of r and s; 0 but for ECDSA
};

const AlgorithmTraits& traits_of(Algorithm algorithm);

}  // namespace sluice::token

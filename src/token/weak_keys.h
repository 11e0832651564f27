// Public keys that can be read and must not be trusted. For the sources of this part.
#pragma once

#include <openssl/bn.h>

#include <string_view>

namespace sluice::token {

inline constexpr int kRsaBitsMin = 2048;        // RFC 7518 section 3.3
inline constexpr int kRsaBitsMax = 8192;        // beyond: verifying costs so much that a key is an attack
inline constexpr int kRsaExponentBitsMax = 64;  // so too; everybody's is 17 bits

// Too small or too large a modulus, an even one, an exponent that is even, below 3 or huge, or a modulus made by the
// generator of CVE-2017-15361 (ROCA), which can be factored.
bool is_weak_rsa(const BIGNUM* modulus, const BIGNUM* exponent);

// RFC 8032 section 5.1.3: 32 bytes that encode a point of the curve in the one canonical way. Points of small order, under
// which anyone can sign, are refused too.
bool is_ed25519_public(std::string_view bytes);

}  // namespace sluice::token

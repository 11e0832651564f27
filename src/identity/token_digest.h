// By what a token is remembered: the SHA-256 of all of its bytes (SECURITY J41). Two tokens never share it, whatever they
// have in common, and what is remembered holds no token.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sluice::identity {

using TokenDigest = std::array<std::uint8_t, 32>;

// The SHA-256 of any text. Any thread. Allocates nothing.
TokenDigest digest_of(std::string_view text);

// Eight bytes of it, evenly spread.
inline std::uint64_t hash_of(const TokenDigest& digest) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, digest.data(), sizeof bits);
  return bits;
}

}  // namespace sluice::identity

// SHA-256 (FIPS 180-4) of texts that are kept by it: a token that is remembered without being held, a definition that can
// be compared in a log without being read. Two texts never share it. Any thread; allocates nothing.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sluice {

using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(std::string_view text);

// Eight bytes of it, evenly spread.
inline std::uint64_t hash_of(const Sha256& digest) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, digest.data(), sizeof bits);
  return bits;
}

}  // namespace sluice

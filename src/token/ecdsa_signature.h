// ECDSA signatures in the two forms there are: JWS has r and s one after the other, each as long as the curve's order (RFC
// 7518 section 3.4, IEEE P1363); OpenSSL has DER. For the sources of this part.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::token {

inline constexpr std::size_t kCoordinateBytesMax = 66;  // P-521
inline constexpr std::size_t kEcdsaDerBytesMax = 3 + 2 * (2 + 1 + kCoordinateBytesMax);

struct EcdsaDer {
  std::array<unsigned char, kEcdsaDerBytesMax> bytes;
  std::size_t size;
};

// nullopt where the signature is not exactly two numbers of the order's length, or one of them is zero or not below the
// order (CVE-2022-21449; SECURITY J23). `order` is big-endian.
std::optional<EcdsaDer> ecdsa_to_der(std::string_view signature, std::string_view order);

// "" where `der` is no signature or does not fit.
std::string ecdsa_from_der(std::string_view der, std::size_t coordinate_bytes);

}  // namespace sluice::token

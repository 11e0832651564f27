#include "token/algorithm.h"

#include <array>

namespace sluice::token {
namespace {

// In the order of Algorithm.
constexpr std::array<AlgorithmTraits, 13> kTraits = {{
    {"HS256", Family::kHmac, "SHA256", 32, nullptr, "", 0},
    {"HS384", Family::kHmac, "SHA384", 48, nullptr, "", 0},
    {"HS512", Family::kHmac, "SHA512", 64, nullptr, "", 0},
    {"RS256", Family::kRsa, "SHA256", 32, nullptr, "", 0},
    {"RS384", Family::kRsa, "SHA384", 48, nullptr, "", 0},
    {"RS512", Family::kRsa, "SHA512", 64, nullptr, "", 0},
    {"ES256", Family::kEcdsa, "SHA256", 32, "prime256v1", "P-256", 32},
    {"ES384", Family::kEcdsa, "SHA384", 48, "secp384r1", "P-384", 48},
    {"ES512", Family::kEcdsa, "SHA512", 64, "secp521r1", "P-521", 66},
    {"PS256", Family::kRsaPss, "SHA256", 32, nullptr, "", 0},
    {"PS384", Family::kRsaPss, "SHA384", 48, nullptr, "", 0},
    {"PS512", Family::kRsaPss, "SHA512", 64, nullptr, "", 0},
    {"EdDSA", Family::kEdDsa, nullptr, 0, nullptr, "Ed25519", 0},
}};
static_assert(kTraits[static_cast<std::size_t>(Algorithm::kHs256)].name == "HS256");
static_assert(kTraits[static_cast<std::size_t>(Algorithm::kRs512)].name == "RS512");
static_assert(kTraits[static_cast<std::size_t>(Algorithm::kEs512)].name == "ES512");
static_assert(kTraits[static_cast<std::size_t>(Algorithm::kEdDsa)].name == "EdDSA");

}  // namespace

const AlgorithmTraits& traits_of(Algorithm algorithm) {
  return kTraits[static_cast<std::size_t>(algorithm)];
}

std::string_view to_string(Algorithm algorithm) {
  return traits_of(algorithm).name;
}

std::optional<Algorithm> parse_algorithm(std::string_view name) {
  for (std::size_t i = 0; i < kTraits.size(); ++i)
    if (kTraits[i].name == name) return static_cast<Algorithm>(i);
  return std::nullopt;
}

}  // namespace sluice::token

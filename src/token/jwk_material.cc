#include "token/jwk_material.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>

#include <initializer_list>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "token/algorithm.h"
#include "token/weak_keys.h"

namespace sluice::token {
namespace {

constexpr std::size_t kEd25519KeyBytes = 32;

using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freer<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freer<OSSL_PARAM_free>>;
using Read = std::expected<JwkMaterial, const char*>;

std::optional<std::string> bytes_at(simdjson::dom::object jwk, std::string_view name) {
  std::string_view text;
  if (jwk.at_key(name).get(text) != simdjson::SUCCESS) return std::nullopt;
  return base64url_decode(text);
}

// Lengths stand between the parts, so that no two lists have one digest.
std::string digest_of(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts) text.append(std::to_string(part.size())).append(":").append(part);
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(bytes_of(text), text.size(), bytes_of(digest.data()));
  OPENSSL_cleanse(text.data(), text.size());
  return digest;
}

PKey build(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const PKeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
    return nullptr;
  return PKey(key);
}

BigNumber number(std::string_view bytes) {
  return BigNumber(BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr));
}

std::string_view without_leading_zeros(std::string_view bytes) {
  bytes.remove_prefix(std::min(bytes.find_first_not_of('\0'), bytes.size()));
  return bytes;
}

Read read_rsa(simdjson::dom::object jwk) {
  const auto n = bytes_at(jwk, "n"), e = bytes_at(jwk, "e");
  if (!n || !e) return std::unexpected("n or e is missing or not base64url");
  const std::string_view modulus = without_leading_zeros(*n), exponent = without_leading_zeros(*e);
  if (modulus.size() * 8 > kRsaBitsMax || exponent.size() * 8 > kRsaExponentBitsMax)
    return std::unexpected("n or e too long");
  const BigNumber n_number = number(modulus), e_number = number(exponent);
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!n_number || !e_number || !builder ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n_number.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e_number.get()) != 1)
    return std::unexpected("no memory");
  JwkMaterial material;
  material.key = build("RSA", builder.get());
  if (!material.key) return std::unexpected("n and e are no RSA key");
  material.digest = digest_of({"RSA", modulus, exponent});
  return material;
}

Read read_ec(simdjson::dom::object jwk, const AlgorithmTraits& traits) {
  const auto x = bytes_at(jwk, "x"), y = bytes_at(jwk, "y");
  if (!x || !y) return std::unexpected("x or y is missing or not base64url");
  if (x->size() != traits.coordinate_bytes || y->size() != traits.coordinate_bytes)
    return std::unexpected("x or y is not of the curve's length");
  const std::string point = '\x04' + *x + *y;  // SEC 1 section 2.3.3, uncompressed
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, traits.curve, 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1)
    return std::unexpected("no memory");
  JwkMaterial material;
  material.key = build("EC", builder.get());
  if (!material.key) return std::unexpected("x and y are no point of the curve");
  material.digest = digest_of({"EC", traits.curve, *x, *y});
  return material;
}

Read read_ed25519(simdjson::dom::object jwk) {
  const auto x = bytes_at(jwk, "x");
  if (!x || x->size() != kEd25519KeyBytes) return std::unexpected("x is missing or not of the curve's length");
  JwkMaterial material;
  material.key.reset(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(*x), x->size()));
  if (!material.key) return std::unexpected("no memory");
  material.digest = digest_of({"Ed25519", *x});
  return material;
}

Read read_secret(simdjson::dom::object jwk) {
  auto k = bytes_at(jwk, "k");
  if (!k) return std::unexpected("k is missing or not base64url");
  JwkMaterial material;
  material.digest = digest_of({"oct", *k});
  material.secret = std::move(*k);
  return material;
}

}  // namespace

JwkMaterial::~JwkMaterial() {
  OPENSSL_cleanse(secret.data(), secret.size());
}

bool fits(Algorithm algorithm, std::string_view type, std::string_view curve) {
  const AlgorithmTraits& traits = traits_of(algorithm);
  switch (traits.family) {
    case Family::kHmac: return type == "oct";
    case Family::kRsa:
    case Family::kRsaPss: return type == "RSA";
    case Family::kEcdsa: return type == "EC" && curve == traits.jwk_curve;
    case Family::kEdDsa: return type == "OKP" && curve == traits.jwk_curve;
  }
  return false;
}

Read read_material(simdjson::dom::object jwk, Algorithm algorithm) {
  const ErrorsCleared errors;
  const AlgorithmTraits& traits = traits_of(algorithm);
  switch (traits.family) {
    case Family::kHmac: return read_secret(jwk);
    case Family::kRsa:
    case Family::kRsaPss: return read_rsa(jwk);
    case Family::kEcdsa: return read_ec(jwk, traits);
    case Family::kEdDsa: return read_ed25519(jwk);
  }
  return std::unexpected("unknown type");
}

}  // namespace sluice::token

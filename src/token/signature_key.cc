// RSASSA-PKCS1-v1_5, RSASSA-PSS, ECDSA (RFC 7518 sections 3.3 to 3.5) and Ed25519 (RFC 8037).
//
// OpenSSL looks algorithms up by name each time a context is set up, which costs more than a microsecond and a lock. So each
// key keeps a context that is set up and never used, and every operation works on a copy of it: copying only reads.
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

#include <new>
#include <stdexcept>

#include "token/algorithm.h"
#include "token/ecdsa_signature.h"
#include "token/key_impl.h"
#include "token/weak_keys.h"

namespace sluice::token {
namespace {

constexpr std::size_t kEd25519KeyBytes = 32;
constexpr std::size_t kEd25519SignatureBytes = 64;

using Check = std::expected<void, KeyError>;
using InitFunction = int (*)(EVP_MD_CTX*, EVP_PKEY_CTX**, const char*, OSSL_LIB_CTX*, const char*, EVP_PKEY*,
                             const OSSL_PARAM*);

// The salt is as long as the hash, and the mask's hash is the hash: never what the signature says (RFC 7518 section 3.5).
bool set_pss(EVP_PKEY_CTX* context, const AlgorithmTraits& traits) {
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md_name(context, traits.digest, nullptr) == 1;
}

// nullptr where OpenSSL cannot do this with this key.
MdContext set_up(InitFunction init, const AlgorithmTraits& traits, EVP_PKEY* key) {
  MdContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;  // the context's
  if (!context || init(context.get(), &options, traits.digest, nullptr, nullptr, key, nullptr) != 1) return nullptr;
  if (traits.family == Family::kRsaPss && !set_pss(options, traits)) return nullptr;
  // It is used once: OpenSSL need not copy it again to keep it usable.
  EVP_MD_CTX_set_flags(context.get(), EVP_MD_CTX_FLAG_FINALISE);
  return context;
}

MdContext copy_of(const MdContext& prepared) {
  MdContext context(EVP_MD_CTX_new());
  if (!context || EVP_MD_CTX_copy_ex(context.get(), prepared.get()) != 1) return nullptr;
  return context;
}

// Big-endian, as long as a coordinate; "" where the algorithm has no curve.
std::string order_of(const AlgorithmTraits& traits) {
  if (traits.family != Family::kEcdsa) return "";
  const std::unique_ptr<EC_GROUP, Freer<EC_GROUP_free>> group(EC_GROUP_new_by_curve_name(OBJ_sn2nid(traits.curve)));
  if (!group) throw std::bad_alloc();
  std::string order(traits.coordinate_bytes, '\0');
  BN_bn2binpad(EC_GROUP_get0_order(group.get()), bytes_of(order.data()), static_cast<int>(order.size()));
  return order;
}

std::size_t signature_bytes_of(const AlgorithmTraits& traits, const EVP_PKEY* key) {
  if (traits.family == Family::kEcdsa) return 2 * traits.coordinate_bytes;
  if (traits.family == Family::kEdDsa) return kEd25519SignatureBytes;
  return static_cast<std::size_t>(EVP_PKEY_get_size(key));
}

class SignatureKey final : public Key::Impl {
 public:
  // `verifying` and `signing` are set up; `signing` is nullptr for a public key.
  SignatureKey(Algorithm a, std::string id, const PKey& key, MdContext verifying, MdContext signing)
      : Impl(a, std::move(id)),
        signature_bytes_(signature_bytes_of(traits_of(a), key.get())),
        order_(order_of(traits_of(a))),
        verifying_(std::move(verifying)),
        signing_(std::move(signing)) {}

  bool can_sign() const override { return signing_ != nullptr; }

  bool verify(std::string_view signing_input, std::string_view signature) const override {
    // OpenSSL would take an RSA signature without its leading zeros.
    if (signature.size() != signature_bytes_) return false;
    if (order_.empty()) return verify_bytes(signing_input, bytes_of(signature), signature.size());
    const auto der = ecdsa_to_der(signature, order_);
    return der && verify_bytes(signing_input, der->bytes.data(), der->size);
  }

  std::string sign(std::string_view signing_input) const override {
    const MdContext context = copy_of(signing_);
    // A signature in DER is longer than one in two numbers.
    std::string signature(signature_bytes_ + kEcdsaDerBytesMax, '\0');
    std::size_t size = signature.size();
    if (!context || EVP_DigestSign(context.get(), bytes_of(signature.data()), &size, bytes_of(signing_input),
                                   signing_input.size()) != 1) {
      ERR_clear_error();
      throw std::runtime_error("signing failed");
    }
    signature.resize(size);
    return order_.empty() ? signature : ecdsa_from_der(signature, order_.size());
  }

 private:
  bool verify_bytes(std::string_view signing_input, const unsigned char* signature, std::size_t size) const {
    const MdContext context = copy_of(verifying_);
    const bool good =
        context && EVP_DigestVerify(context.get(), signature, size, bytes_of(signing_input), signing_input.size()) == 1;
    if (!good) ERR_clear_error();
    return good;
  }

  std::size_t signature_bytes_;
  std::string order_;  // of the curve; "" but for ECDSA
  MdContext verifying_, signing_;
};

Check check_rsa(const EVP_PKEY* key) {
  BIGNUM *modulus = nullptr, *exponent = nullptr;
  const bool read = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus) == 1 &&
                    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1;
  const BigNumber n(modulus), e(exponent);
  if (!read) return std::unexpected(KeyError::kMalformed);
  if (is_weak_rsa(n.get(), e.get())) return std::unexpected(KeyError::kWeak);
  return {};
}

Check check_ecdsa(EVP_PKEY* key, const AlgorithmTraits& traits) {
  char curve[32];
  std::size_t size = 0;
  if (EVP_PKEY_get_group_name(key, curve, sizeof(curve), &size) != 1 || std::string_view(curve, size) != traits.curve)
    return std::unexpected(KeyError::kWrongType);
  // A curve given by its numbers may differ from the named one in its generator (CVE-2020-0601).
  int by_numbers = 0;
  if (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &by_numbers) == 1 && by_numbers != 0)
    return std::unexpected(KeyError::kWrongType);
  const PKeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  if (!context || EVP_PKEY_public_check_quick(context.get()) != 1) return std::unexpected(KeyError::kMalformed);
  return {};
}

Check check_ed25519(const EVP_PKEY* key) {
  char raw[kEd25519KeyBytes];
  std::size_t size = sizeof(raw);
  const bool read = EVP_PKEY_get_raw_public_key(key, bytes_of(raw), &size) == 1;
  if (!read || !is_ed25519_public({raw, size})) return std::unexpected(KeyError::kMalformed);
  return {};
}

int kind_of(Family family) {
  switch (family) {
    case Family::kHmac: return EVP_PKEY_NONE;
    case Family::kRsa:
    case Family::kRsaPss: return EVP_PKEY_RSA;
    case Family::kEcdsa: return EVP_PKEY_EC;
    case Family::kEdDsa: return EVP_PKEY_ED25519;
  }
  return EVP_PKEY_NONE;
}

Check check_public(EVP_PKEY* key, const AlgorithmTraits& traits) {
  const int kind = kind_of(traits.family);
  if (kind == EVP_PKEY_NONE || EVP_PKEY_get_id(key) != kind) return std::unexpected(KeyError::kWrongType);
  if (kind == EVP_PKEY_RSA) return check_rsa(key);
  return kind == EVP_PKEY_EC ? check_ecdsa(key, traits) : check_ed25519(key);
}

Check check_pair(EVP_PKEY* key) {
  const PKeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  if (!context || EVP_PKEY_pairwise_check(context.get()) != 1) return std::unexpected(KeyError::kMalformed);
  return {};
}

}  // namespace

std::expected<Key, KeyError> signature_key(Algorithm algorithm, PKey key, std::string key_id, bool can_sign) {
  const ErrorsCleared errors;
  if (!is_key_id(key_id)) return std::unexpected(KeyError::kMalformed);
  if (const auto good = check_public(key.get(), traits_of(algorithm)); !good) return std::unexpected(good.error());
  if (can_sign)
    if (const auto good = check_pair(key.get()); !good) return std::unexpected(good.error());
  MdContext verifying = set_up(EVP_DigestVerifyInit_ex, traits_of(algorithm), key.get());
  MdContext signing = can_sign ? set_up(EVP_DigestSignInit_ex, traits_of(algorithm), key.get()) : nullptr;
  if (!verifying || (can_sign && !signing)) return std::unexpected(KeyError::kMalformed);
  return Key(
      std::make_shared<const SignatureKey>(algorithm, std::move(key_id), key, std::move(verifying), std::move(signing)));
}

}  // namespace sluice::token

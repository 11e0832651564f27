// Keys for the tests and benches of this part, made anew in each process.
#pragma once

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <array>
#include <stdexcept>
#include <string>

#include "base/bytes.h"
#include "token/algorithm.h"
#include "token/key.h"
#include "token/openssl.h"

namespace sluice::token {

inline constexpr std::string_view kTestSecret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeX";

inline constexpr std::array<Algorithm, 13> kAllAlgorithms = {
    Algorithm::kHs256, Algorithm::kHs384, Algorithm::kHs512, Algorithm::kRs256, Algorithm::kRs384,
    Algorithm::kRs512, Algorithm::kEs256, Algorithm::kEs384, Algorithm::kEs512, Algorithm::kPs256,
    Algorithm::kPs384, Algorithm::kPs512, Algorithm::kEdDsa};

inline bool is_symmetric(Algorithm algorithm) {
  return traits_of(algorithm).family == Family::kHmac;
}

inline PKey generate(Algorithm algorithm) {
  const AlgorithmTraits& traits = traits_of(algorithm);
  EVP_PKEY* made = traits.family == Family::kEcdsa   ? EVP_EC_gen(traits.curve)
                   : traits.family == Family::kEdDsa ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")
                                                     : EVP_RSA_gen(2048);
  if (made == nullptr) throw std::runtime_error("no key");
  return PKey(made);
}

// One for each kind and curve.
inline EVP_PKEY* test_pkey(Algorithm algorithm) {
  static const PKey rsa = generate(Algorithm::kRs256), p256 = generate(Algorithm::kEs256),
                    p384 = generate(Algorithm::kEs384), p521 = generate(Algorithm::kEs512),
                    ed25519 = generate(Algorithm::kEdDsa);
  switch (algorithm) {
    case Algorithm::kEs256: return p256.get();
    case Algorithm::kEs384: return p384.get();
    case Algorithm::kEs512: return p521.get();
    case Algorithm::kEdDsa: return ed25519.get();
    default: return rsa.get();
  }
}

// What `write` prints.
template <typename Write>
std::string pem_by(Write write) {
  const std::unique_ptr<BIO, Freer<BIO_free_all>> out(BIO_new(BIO_s_mem()));
  if (write(out.get()) != 1) throw std::runtime_error("no PEM");
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

inline std::string public_pem(EVP_PKEY* key) {
  return pem_by([&](BIO* out) { return PEM_write_bio_PUBKEY(out, key); });
}
inline std::string private_pem(EVP_PKEY* key) {
  return pem_by([&](BIO* out) { return PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr); });
}

// Signs. The same key for one algorithm each time.
inline Key test_key(Algorithm algorithm, std::string key_id = "") {
  if (is_symmetric(algorithm)) return Key::hmac(algorithm, kTestSecret, std::move(key_id)).value();
  return Key::private_key(algorithm, private_pem(test_pkey(algorithm)), std::move(key_id)).value();
}

// Verifies only, but for HMAC.
inline Key test_public_key(Algorithm algorithm, std::string key_id = "") {
  if (is_symmetric(algorithm)) return test_key(algorithm, std::move(key_id));
  return Key::public_key(algorithm, public_pem(test_pkey(algorithm)), std::move(key_id)).value();
}

inline std::string bn_param(const EVP_PKEY* key, const char* name, std::size_t bytes = 0) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &number) != 1) throw std::runtime_error("no such number");
  const BigNumber owner(number);
  std::string out(bytes == 0 ? static_cast<std::size_t>(BN_num_bytes(number)) : bytes, '\0');
  BN_bn2binpad(number, bytes_of(out.data()), static_cast<int>(out.size()));
  return out;
}

// The members of a JWK without its braces; `more` is appended: R"(,"kid":"a")".
inline std::string test_jwk_of(EVP_PKEY* key, const AlgorithmTraits& traits, std::string_view more = "") {
  const auto member = [](const char* name, const std::string& bytes) {
    return std::string(",\"") + name + "\":\"" + base64url_encode(bytes) + '"';
  };
  std::string out;
  if (traits.family == Family::kHmac) {
    out = R"("kty":"oct")" + member("k", std::string(kTestSecret));
  } else if (traits.family == Family::kEcdsa) {
    out = R"("kty":"EC","crv":")" + std::string(traits.jwk_curve) + '"' +
          member("x", bn_param(key, "qx", traits.coordinate_bytes)) +
          member("y", bn_param(key, "qy", traits.coordinate_bytes));
  } else if (traits.family == Family::kEdDsa) {
    std::string raw(32, '\0');
    std::size_t size = raw.size();
    EVP_PKEY_get_raw_public_key(key, bytes_of(raw.data()), &size);
    out = R"("kty":"OKP","crv":"Ed25519")" + member("x", raw);
  } else {
    out = R"("kty":"RSA")" + member("n", bn_param(key, "n")) + member("e", bn_param(key, "e"));
  }
  return '{' + out + std::string(more) + '}';
}
inline std::string test_jwk(Algorithm algorithm, std::string_view more = "") {
  return test_jwk_of(is_symmetric(algorithm) ? nullptr : test_pkey(algorithm), traits_of(algorithm), more);
}

}  // namespace sluice::token

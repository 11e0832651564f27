// Keys from PEM: what is read, what is refused, and that spelling makes no difference.
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include <functional>

#include "token/test_keys.h"
#include "token/weak_keys.h"

namespace sluice::token {
namespace {

constexpr std::array<Algorithm, 5> kKinds = {Algorithm::kRs256, Algorithm::kEs256, Algorithm::kEs384, Algorithm::kEs512,
                                             Algorithm::kEdDsa};

KeyError public_error(Algorithm algorithm, std::string_view pem) {
  const auto key = Key::public_key(algorithm, pem);
  EXPECT_FALSE(key) << to_string(algorithm) << "\n" << pem;
  return key ? KeyError::kTooShort : key.error();
}

KeyError private_error(Algorithm algorithm, std::string_view pem) {
  const auto key = Key::private_key(algorithm, pem);
  EXPECT_FALSE(key) << to_string(algorithm);
  return key ? KeyError::kTooShort : key.error();
}

std::string with_crlf(std::string_view pem) {
  std::string out;
  for (const char c : pem) out += c == '\n' ? "\r\n" : std::string(1, c);
  return out;
}

std::string traditional_pem(EVP_PKEY* key) {
  return pem_by(
      [&](BIO* out) { return PEM_write_bio_PrivateKey_traditional(out, key, nullptr, nullptr, 0, nullptr, nullptr); });
}

std::string certificate_pem(EVP_PKEY* key) {
  const std::unique_ptr<X509, Freer<X509_free>> made(X509_new());
  X509_gmtime_adj(X509_getm_notBefore(made.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
  X509_set_pubkey(made.get(), key);
  const bool ed25519 = EVP_PKEY_get_id(key) == EVP_PKEY_ED25519;
  EXPECT_GT(X509_sign(made.get(), key, ed25519 ? nullptr : EVP_sha256()), 0);
  return pem_by([&](BIO* out) { return PEM_write_bio_X509(out, made.get()); });
}

std::string pkcs1_public_pem(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PublicKey(key, &der);
  const std::string pem = pem_by([&](BIO* out) { return PEM_write_bio(out, "RSA PUBLIC KEY", "", der, size) > 0 ? 1 : 0; });
  OPENSSL_free(der);
  return pem;
}

PKey rsa_of(unsigned bits, BN_ULONG exponent) {
  const PKeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  const BigNumber e(BN_new());
  BN_set_word(e.get(), exponent);
  EVP_PKEY_keygen_init(context.get());
  EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), static_cast<int>(bits));
  EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context.get(), e.get());
  EVP_PKEY* key = nullptr;
  EXPECT_EQ(EVP_PKEY_generate(context.get(), &key), 1);
  return PKey(key);
}

TEST(PemKey, ReadsEveryFormThatOpenSslWrites) {
  for (const Algorithm algorithm : kKinds) {
    EVP_PKEY* const key = test_pkey(algorithm);
    const std::string signature = test_key(algorithm).sign("a");
    std::vector<std::string> publics = {public_pem(key), certificate_pem(key)};
    std::vector<std::string> privates = {private_pem(key)};
    if (algorithm == Algorithm::kRs256) publics.push_back(pkcs1_public_pem(key));
    if (algorithm != Algorithm::kEdDsa) privates.push_back(traditional_pem(key));
    for (const std::string& pem : publics) {
      const auto made = Key::public_key(algorithm, pem, "id");
      ASSERT_TRUE(made) << pem << to_string(made.error());
      EXPECT_EQ(made->key_id(), "id");
      EXPECT_FALSE(made->can_sign());
      EXPECT_TRUE(made->verify("a", signature));
    }
    for (const std::string& pem : privates) {
      const auto made = Key::private_key(algorithm, pem);
      ASSERT_TRUE(made) << to_string(made.error());
      EXPECT_TRUE(test_public_key(algorithm).verify("a", made->sign("a")));
    }
  }
}

TEST(PemKey, J21_LeadingWhiteSpaceMarksAndCrlfMakeNoDifference) {
  for (const Algorithm algorithm : kKinds) {
    const std::string signature = test_key(algorithm).sign("a");
    const std::string pem = public_pem(test_pkey(algorithm));
    for (const std::string& spelling :
         {pem, " " + pem, "\t\r\n " + pem, "\xef\xbb\xbf" + pem, "\xef\xbb\xbf \n" + pem, " \xef\xbb\xbf" + pem,
          with_crlf(pem), "\xef\xbb\xbf" + with_crlf(pem), pem + "\n\n ", pem.substr(0, pem.size() - 1)}) {
      const auto key = Key::public_key(algorithm, spelling);
      ASSERT_TRUE(key) << spelling;
      EXPECT_TRUE(key->verify("a", signature));
      for (const Algorithm hmac : {Algorithm::kHs256, Algorithm::kHs384, Algorithm::kHs512})
        EXPECT_EQ(Key::hmac(hmac, spelling).error(), KeyError::kNotSymmetric) << spelling;
    }
    EXPECT_EQ(private_error(algorithm, "\n " + pem), KeyError::kMalformed);
    EXPECT_TRUE(Key::private_key(algorithm, "\xef\xbb\xbf\r\n" + with_crlf(private_pem(test_pkey(algorithm)))));
  }
}

TEST(PemKey, J21_KeysInOtherClothesAreNoSecrets) {
  for (const Algorithm algorithm : kKinds) {
    EVP_PKEY* const key = test_pkey(algorithm);
    for (const std::string& pem : {public_pem(key), private_pem(key), certificate_pem(key)}) {
      EXPECT_EQ(Key::hmac_sha256(pem).error(), KeyError::kNotSymmetric);
      std::string body = pem.substr(pem.find('\n') + 1);
      body.resize(body.find("-----END"));
      EXPECT_EQ(Key::hmac_sha256(body).error(), KeyError::kNotSymmetric) << body;
      std::erase(body, '\n');
      EXPECT_EQ(Key::hmac_sha256(body).error(), KeyError::kNotSymmetric) << body;
      std::string der(body.size() / 4 * 3, '\0');
      EVP_DecodeBlock(bytes_of(der.data()), bytes_of(body), static_cast<int>(body.size()));
      EXPECT_EQ(Key::hmac_sha256(der).error(), KeyError::kNotSymmetric);
    }
    EXPECT_EQ(Key::hmac_sha256(test_jwk(algorithm)).error(), KeyError::kNotSymmetric);
  }
  // Base64 that is no key, though it begins as one.
  EXPECT_TRUE(Key::hmac_sha256("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A"));
}

TEST(PemKey, AKeyOfAnotherKindOrCurveIsRefused) {
  for (const Algorithm key : kKinds)
    for (const Algorithm asked : kAllAlgorithms) {
      const bool rsa = traits_of(asked).family == Family::kRsa || traits_of(asked).family == Family::kRsaPss;
      if (asked == key || (rsa && key == Algorithm::kRs256)) continue;
      EXPECT_EQ(public_error(asked, public_pem(test_pkey(key))), KeyError::kWrongType) << to_string(asked);
      EXPECT_EQ(private_error(asked, private_pem(test_pkey(key))), KeyError::kWrongType) << to_string(asked);
    }
  const PKey bitcoin(EVP_EC_gen("secp256k1")), brainpool(EVP_EC_gen("brainpoolP256r1"));
  EXPECT_EQ(public_error(Algorithm::kEs256, public_pem(bitcoin.get())), KeyError::kWrongType);
  EXPECT_EQ(public_error(Algorithm::kEs256, public_pem(brainpool.get())), KeyError::kWrongType);
  const PKey ed448(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448")), x25519(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"));
  EXPECT_EQ(public_error(Algorithm::kEdDsa, public_pem(ed448.get())), KeyError::kWrongType);
  EXPECT_EQ(public_error(Algorithm::kEdDsa, public_pem(x25519.get())), KeyError::kWrongType);
}

TEST(PemKey, ACurveGivenByItsNumbersIsRefused) {
  const PKey key = generate(Algorithm::kEs256);
  ASSERT_EQ(EVP_PKEY_set_utf8_string_param(key.get(), OSSL_PKEY_PARAM_EC_ENCODING, "explicit"), 1);
  EXPECT_EQ(public_error(Algorithm::kEs256, public_pem(key.get())), KeyError::kWrongType);
}

TEST(PemKey, J29_WeakRsaKeysAreRefused) {
  const PKey small = rsa_of(1024, 65537), nearly = rsa_of(2040, 65537), three = rsa_of(2048, 3);
  for (const Algorithm algorithm : {Algorithm::kRs256, Algorithm::kRs384, Algorithm::kPs256, Algorithm::kPs512}) {
    EXPECT_EQ(public_error(algorithm, public_pem(small.get())), KeyError::kWeak);
    EXPECT_EQ(private_error(algorithm, private_pem(small.get())), KeyError::kWeak);
    EXPECT_EQ(public_error(algorithm, public_pem(nearly.get())), KeyError::kWeak);
    EXPECT_TRUE(Key::public_key(algorithm, public_pem(three.get())));
  }
}

TEST(PemKey, J29_RsaNumbersHaveBounds) {
  const auto weak = [](int bits, std::string_view exponent_hex) {
    const BigNumber n(BN_new());
    BN_set_bit(n.get(), bits - 1);
    BN_set_bit(n.get(), bits - 7);
    BN_set_bit(n.get(), 0);
    const std::string e = *hex_decode(exponent_hex);
    const BigNumber exponent(BN_bin2bn(bytes_of(e), static_cast<int>(e.size()), nullptr));
    return is_weak_rsa(n.get(), exponent.get());
  };
  EXPECT_FALSE(weak(2048, "010001"));
  EXPECT_FALSE(weak(8192, "010001"));
  EXPECT_FALSE(weak(2048, "03"));
  EXPECT_FALSE(weak(2048, "ffffffffffffffff"));
  EXPECT_TRUE(weak(2047, "010001"));
  EXPECT_TRUE(weak(8193, "010001"));
  for (const char* exponent : {"00", "01", "02", "010000", "010000000000000001"})
    EXPECT_TRUE(weak(2048, exponent)) << exponent;
  const BigNumber even(BN_new()), exponent(BN_new());
  BN_set_bit(even.get(), 2047);
  BN_set_word(exponent.get(), 65537);
  EXPECT_TRUE(is_weak_rsa(even.get(), exponent.get()));
}

TEST(PemKey, Ed25519PointsAreOnTheCurveAndOfLargeOrder) {
  for (int i = 0; i < 20; ++i) {
    const PKey key = generate(Algorithm::kEdDsa);
    std::string raw(32, '\0');
    std::size_t size = raw.size();
    ASSERT_EQ(EVP_PKEY_get_raw_public_key(key.get(), bytes_of(raw.data()), &size), 1);
    EXPECT_TRUE(is_ed25519_public(raw)) << hex_encode(raw);
  }
  // The points of order 1, 2, 4 and 8, each with either sign, and their spellings beyond the prime.
  for (const char* y : {"0100000000000000000000000000000000000000000000000000000000000000",
                        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                        "0000000000000000000000000000000000000000000000000000000000000000",
                        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
                        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
                        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    std::string point = *hex_decode(y);
    EXPECT_FALSE(is_ed25519_public(point)) << y;
    EXPECT_EQ(Key::ed25519_public(point).error(), KeyError::kMalformed);
    point.back() = static_cast<char>(point.back() | 0x80);
    EXPECT_FALSE(is_ed25519_public(point)) << y << " with its sign";
  }
  // No x for y = 2.
  EXPECT_FALSE(is_ed25519_public('\x02' + std::string(31, '\0')));
  EXPECT_FALSE(is_ed25519_public(""));
  EXPECT_FALSE(is_ed25519_public(std::string(31, '\x09')));
}

TEST(PemKey, HalvesThatAreNoPairAreRefused) {
  EVP_PKEY* const one = test_pkey(Algorithm::kEs256);
  const PKey other = generate(Algorithm::kEs256);
  BIGNUM* number = nullptr;
  ASSERT_EQ(EVP_PKEY_get_bn_param(one, OSSL_PKEY_PARAM_PRIV_KEY, &number), 1);
  const BigNumber private_half(number);
  const std::string point = '\x04' + bn_param(other.get(), "qx", 32) + bn_param(other.get(), "qy", 32);
  OSSL_PARAM_BLD* builder = OSSL_PARAM_BLD_new();
  OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, private_half.get());
  OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  OSSL_PARAM* params = OSSL_PARAM_BLD_to_param(builder);
  const PKeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* made = nullptr;
  EVP_PKEY_fromdata_init(context.get());
  ASSERT_EQ(EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_KEYPAIR, params), 1);
  const PKey key(made);
  OSSL_PARAM_free(params);
  OSSL_PARAM_BLD_free(builder);
  EXPECT_EQ(private_error(Algorithm::kEs256, private_pem(key.get())), KeyError::kMalformed);
}

TEST(PemKey, RefusesWhatIsNoKeyOrNotTheHalfAskedFor) {
  for (const Algorithm algorithm : kKinds) {
    const std::string open = public_pem(test_pkey(algorithm)), closed = private_pem(test_pkey(algorithm));
    EXPECT_EQ(public_error(algorithm, closed), KeyError::kMalformed);
    EXPECT_EQ(private_error(algorithm, open), KeyError::kMalformed);
    for (const std::string& bad :
         {std::string(), std::string("nonsense"), open.substr(0, open.size() / 2), open.substr(open.find('\n')),
          std::string("-----BEGIN PUBLIC KEY-----\n"),
          std::string("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), std::string(300 * 1024, 'A')})
      EXPECT_EQ(public_error(algorithm, bad), KeyError::kMalformed) << bad.substr(0, 100);
    EXPECT_FALSE(Key::public_key(algorithm, open, std::string(129, 'k')));
    EXPECT_FALSE(Key::public_key(algorithm, open, "a\nb"));
  }
}

TEST(PemKey, RefusesBytesAfterTheKey) {
  for (const Algorithm algorithm : kKinds) {
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(test_pkey(algorithm), &der);
    std::string longer(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    longer += '\0';
    const std::string pem = pem_by([&](BIO* out) {
      return PEM_write_bio(out, "PUBLIC KEY", "", bytes_of(longer), static_cast<long>(longer.size())) > 0 ? 1 : 0;
    });
    EXPECT_EQ(public_error(algorithm, pem), KeyError::kMalformed);
  }
}

TEST(PemKey, EncryptedKeysAreRefusedWithoutAsking) {
  char password[] = "password";
  const std::string pkcs8 = pem_by([&](BIO* out) {
    return PEM_write_bio_PKCS8PrivateKey(out, test_pkey(Algorithm::kEs256), EVP_aes_128_cbc(), password, 8, nullptr,
                                         nullptr);
  });
  const std::string traditional = pem_by([&](BIO* out) {
    return PEM_write_bio_PrivateKey_traditional(out, test_pkey(Algorithm::kEs256), EVP_aes_128_cbc(), bytes_of(password), 8,
                                                nullptr, nullptr);
  });
  EXPECT_EQ(private_error(Algorithm::kEs256, pkcs8), KeyError::kMalformed);
  EXPECT_EQ(private_error(Algorithm::kEs256, traditional), KeyError::kMalformed);
}

TEST(PemKey, ReadsTheKeyAfterItsParameters) {
  const std::string parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
  EXPECT_TRUE(Key::private_key(Algorithm::kEs256, parameters + traditional_pem(test_pkey(Algorithm::kEs256))));
}

TEST(PemKey, LeavesNothingInTheErrorQueue) {
  ERR_clear_error();
  for (const Algorithm algorithm : kAllAlgorithms)
    for (const std::string& text : {std::string("nonsense"), public_pem(test_pkey(Algorithm::kEs256)),
                                    private_pem(test_pkey(Algorithm::kEdDsa)), public_pem(test_pkey(Algorithm::kRs256))}) {
      (void)Key::public_key(algorithm, text);
      (void)Key::private_key(algorithm, text);
      (void)Key::hmac(algorithm, text);
      (void)Key::ed25519_public(text);
      EXPECT_EQ(ERR_peek_error(), 0UL) << to_string(algorithm) << text;
    }
  (void)Key::ed25519_public(std::string(32, '\xff'));
  (void)Key::hmac_sha256(kTestSecret);
  EXPECT_EQ(ERR_peek_error(), 0UL);
}

}  // namespace
}  // namespace sluice::token

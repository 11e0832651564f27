// Signatures of every algorithm: one length, one form, one padding.
#include <gtest/gtest.h>
#include <openssl/err.h>

#include <thread>

#include "token/ecdsa_signature.h"
#include "token/test_keys.h"

namespace sluice::token {
namespace {

constexpr std::string_view kText = "eyJhbGciOiJFUzI1NiJ9.e30";

struct EcdsaCase {
  Algorithm algorithm;
  std::size_t bytes;
  std::string order;
};

const std::vector<EcdsaCase>& ecdsa_cases() {
  static const std::vector<EcdsaCase> cases = {
      {Algorithm::kEs256, 64, *hex_decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")},
      {Algorithm::kEs384, 96,
       *hex_decode("ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973")},
      {Algorithm::kEs512, 132,
       *hex_decode("01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d0"
                   "3bb5c9b8899c47aebb6fb71e91386409")},
  };
  return cases;
}

std::string der_of(std::string_view signature, std::string_view order) {
  const auto der = ecdsa_to_der(signature, order);
  return der ? std::string(reinterpret_cast<const char*>(der->bytes.data()), der->size) : "";
}

// As OpenSSL writes it.
std::string openssl_der_of(std::string_view signature) {
  const std::size_t half = signature.size() / 2;
  ECDSA_SIG* made = ECDSA_SIG_new();
  ECDSA_SIG_set0(made, BN_bin2bn(bytes_of(signature), static_cast<int>(half), nullptr),
                 BN_bin2bn(bytes_of(signature) + half, static_cast<int>(half), nullptr));
  std::string der(256, '\0');
  unsigned char* out = bytes_of(der.data());
  der.resize(static_cast<std::size_t>(i2d_ECDSA_SIG(made, &out)));
  ECDSA_SIG_free(made);
  return der;
}

std::string sign_rsa(const char* digest, int padding, int salt, const char* mask_digest) {
  const MdContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;
  EXPECT_EQ(EVP_DigestSignInit_ex(context.get(), &options, digest, nullptr, nullptr, test_pkey(Algorithm::kPs256), nullptr),
            1);
  EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(options, padding), 1);
  if (padding == RSA_PKCS1_PSS_PADDING) {
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_pss_saltlen(options, salt), 1);
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_mgf1_md_name(options, mask_digest, nullptr), 1);
  }
  std::string signature(256, '\0');
  std::size_t size = signature.size();
  EXPECT_EQ(EVP_DigestSign(context.get(), bytes_of(signature.data()), &size, bytes_of(kText), kText.size()), 1);
  return signature;
}

TEST(Signature, EveryAlgorithmVerifiesWhatItSigns) {
  for (const Algorithm algorithm : kAllAlgorithms) {
    const Key signer = test_key(algorithm), verifier = test_public_key(algorithm);
    EXPECT_TRUE(signer.can_sign());
    EXPECT_EQ(verifier.can_sign(), is_symmetric(algorithm));
    EXPECT_EQ(verifier.algorithm(), algorithm);
    const std::string signature = signer.sign(kText);
    EXPECT_TRUE(verifier.verify(kText, signature)) << to_string(algorithm);
    EXPECT_TRUE(verifier.verify(kText, signature)) << to_string(algorithm) << ", again";
    EXPECT_FALSE(verifier.verify("another text", signature)) << to_string(algorithm);
    EXPECT_TRUE(verifier.verify("", signer.sign(""))) << to_string(algorithm);
  }
}

TEST(Signature, NoKeyTakesTheSignatureOfAnotherAlgorithm) {
  for (const Algorithm by : kAllAlgorithms) {
    const std::string signature = test_key(by).sign(kText);
    for (const Algorithm of : kAllAlgorithms)
      EXPECT_EQ(test_public_key(of).verify(kText, signature), by == of) << to_string(by) << " " << to_string(of);
  }
}

TEST(Signature, EveryChangedBitAndEveryOtherLengthIsRefused) {
  for (const Algorithm algorithm : kAllAlgorithms) {
    const Key key = test_public_key(algorithm);
    const std::string good = test_key(algorithm).sign(kText);
    for (std::size_t i = 0; i < good.size(); i += 7) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ 0x10);
      EXPECT_FALSE(key.verify(kText, bad)) << to_string(algorithm) << " byte " << i;
    }
    for (const std::string& bad : {std::string(), good.substr(1), good.substr(0, good.size() - 1), good + '\0', '\0' + good,
                                   good + good, std::string(good.size(), '\0'), std::string(good.size(), '\xff')})
      EXPECT_FALSE(key.verify(kText, bad)) << to_string(algorithm) << " " << bad.size();
  }
}

TEST(Signature, J23_EcdsaIsTwoNumbersBetweenZeroAndTheOrder) {
  for (const EcdsaCase& c : ecdsa_cases()) {
    const Key key = test_public_key(c.algorithm);
    const std::string good = test_key(c.algorithm).sign(kText);
    ASSERT_EQ(good.size(), c.bytes);
    ASSERT_TRUE(key.verify(kText, good));
    const std::string r = good.substr(0, c.bytes / 2), s = good.substr(c.bytes / 2), zero(c.bytes / 2, '\0');
    for (const std::string& bad :
         {zero + zero, zero + s, r + zero, c.order + s, r + c.order, c.order + c.order, c.order + zero,
          std::string(c.bytes / 2, '\xff') + s, r + std::string(c.bytes / 2, '\xff')}) {
      EXPECT_FALSE(key.verify(kText, bad)) << to_string(c.algorithm) << " " << hex_encode(bad);
      EXPECT_EQ(der_of(bad, c.order), "") << "must be refused before OpenSSL sees it";
    }
  }
}

TEST(Signature, J23_EcdsaNumbersAreNotReducedByTheOrder) {
  // In the 528 bits of an ES512 number, s + n has room: the same signature again, were it reduced.
  const EcdsaCase& c = ecdsa_cases()[2];
  const std::string good = test_key(c.algorithm).sign(kText);
  std::string bad = good;
  int carry = 0;
  for (std::size_t i = c.order.size(); i-- > 0;) {
    const int sum = static_cast<unsigned char>(good[66 + i]) + static_cast<unsigned char>(c.order[i]) + carry;
    bad[66 + i] = static_cast<char>(sum & 0xff);
    carry = sum >> 8;
  }
  ASSERT_EQ(carry, 0);
  EXPECT_FALSE(test_public_key(c.algorithm).verify(kText, bad));
}

TEST(Signature, J23_EcdsaIsNeverDer) {
  for (const EcdsaCase& c : ecdsa_cases()) {
    const Key key = test_public_key(c.algorithm);
    const std::string good = test_key(c.algorithm).sign(kText);
    std::string der = openssl_der_of(good);
    EXPECT_FALSE(key.verify(kText, der));
    der.resize(c.bytes, '\0');
    EXPECT_FALSE(key.verify(kText, der));
  }
}

TEST(Signature, J23_LengthsAreThoseOfRfc7518) {
  for (const EcdsaCase& c : ecdsa_cases()) {
    const Key key = test_public_key(c.algorithm);
    const std::string good = test_key(c.algorithm).sign(kText);
    EXPECT_EQ(c.bytes, good.size());
    for (std::size_t bytes = 0; bytes <= 2 * c.bytes; ++bytes) {
      std::string resized = good;
      resized.resize(bytes, '\0');
      EXPECT_EQ(key.verify(kText, resized), bytes == c.bytes) << to_string(c.algorithm) << " " << bytes;
    }
  }
}

TEST(Signature, EcdsaDerIsWhatOpenSslWrites) {
  for (const EcdsaCase& c : ecdsa_cases()) {
    const std::size_t half = c.bytes / 2;
    // Numbers of every length, with and without their highest bit.
    for (std::size_t length = 1; length < half; ++length)
      for (const char first : {'\x01', '\x7f', '\x80', '\xff'}) {
        std::string number(half, '\0');
        number[half - length] = first;
        const std::string signature = number + std::string(half - 1, '\0') + '\x05';
        EXPECT_EQ(hex_encode(der_of(signature, c.order)), hex_encode(openssl_der_of(signature)));
        EXPECT_EQ(ecdsa_from_der(der_of(signature, c.order), half), signature);
      }
    std::string below = c.order;
    below.back() = static_cast<char>(below.back() - 1);
    EXPECT_EQ(hex_encode(der_of(below + below, c.order)), hex_encode(openssl_der_of(below + below)));
  }
}

TEST(Signature, PssSaltIsAsLongAsTheHashAndTheMaskUsesTheHash) {
  const Key key = test_public_key(Algorithm::kPs256);
  EXPECT_TRUE(key.verify(kText, sign_rsa("SHA256", RSA_PKCS1_PSS_PADDING, 32, "SHA256")));
  for (const int salt : {0, 20, 31, 33, 64, RSA_PSS_SALTLEN_MAX})
    EXPECT_FALSE(key.verify(kText, sign_rsa("SHA256", RSA_PKCS1_PSS_PADDING, salt, "SHA256"))) << salt;
  for (const char* mask : {"SHA1", "SHA512"})
    EXPECT_FALSE(key.verify(kText, sign_rsa("SHA256", RSA_PKCS1_PSS_PADDING, 32, mask))) << mask;
  EXPECT_FALSE(key.verify(kText, sign_rsa("SHA256", RSA_PKCS1_PADDING, 0, nullptr)));
  EXPECT_FALSE(test_public_key(Algorithm::kRs256).verify(kText, sign_rsa("SHA1", RSA_PKCS1_PADDING, 0, nullptr)));
}

TEST(Signature, RsaSignaturesKeepTheirLeadingZeros) {
  const Key key = test_public_key(Algorithm::kPs256), signer = test_key(Algorithm::kPs256);
  for (int i = 0; i < 20'000; ++i) {
    const std::string signature = signer.sign(kText);  // salted: another each time
    if (signature[0] != '\0') continue;
    EXPECT_TRUE(key.verify(kText, signature));
    EXPECT_FALSE(key.verify(kText, signature.substr(1)));
    return;
  }
  FAIL() << "no signature began with a zero";
}

TEST(Signature, LeavesNothingInTheErrorQueue) {
  ERR_clear_error();
  for (const Algorithm algorithm : kAllAlgorithms) {
    const Key key = test_public_key(algorithm);
    std::string bad = test_key(algorithm).sign(kText);
    EXPECT_EQ(ERR_peek_error(), 0UL) << to_string(algorithm);
    EXPECT_FALSE(key.verify("x", bad));
    EXPECT_EQ(ERR_peek_error(), 0UL) << to_string(algorithm);
    bad[bad.size() / 2] = static_cast<char>(bad[bad.size() / 2] ^ 1);
    EXPECT_FALSE(key.verify(kText, bad));
    EXPECT_FALSE(key.verify(kText, std::string(bad.size(), '\x01')));
    EXPECT_EQ(ERR_peek_error(), 0UL) << to_string(algorithm);
  }
}

TEST(Signature, ManyThreadsShareEveryKey) {
  std::vector<std::pair<Key, std::string>> cases;
  for (const Algorithm algorithm : kAllAlgorithms) cases.emplace_back(test_key(algorithm), test_key(algorithm).sign(kText));
  std::atomic<int> verified = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (const auto& [key, signature] : cases)
        for (int i = 0; i < 10; ++i)
          verified += key.verify(kText, signature) && !key.verify("x", signature) && key.verify("y", key.sign("y"));
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(verified, 4 * 10 * 13);
}

}  // namespace
}  // namespace sluice::token

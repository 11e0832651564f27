#include "token/key.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/bytes.h"

namespace sluice::token {
namespace {

constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdeX";

// RFC 8032 section 7.1, test 1.
const std::string kSeed = *hex_decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
const std::string kPublic = *hex_decode("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");

constexpr std::string_view kPublicPem =
    "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
constexpr std::string_view kPrivatePem =
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE "
    "KEY-----\n";

KeyError hmac_error(std::string_view secret) {
  const auto key = Key::hmac_sha256(secret);
  EXPECT_FALSE(key) << secret;
  return key ? KeyError::kMalformed : key.error();
}

TEST(Key, SignsWithHmacSha256) {
  const auto key = Key::hmac_sha256(kSecret);
  ASSERT_TRUE(key);
  // python3: hmac.new(secret, b"what do ya want for nothing?", "sha256")
  EXPECT_EQ(hex_encode(key->sign("what do ya want for nothing?")),
            "ef8e9956aa02c902d10bd5f68d5613f1abb2438e06e5bf1988bc15160e77e214");
  EXPECT_TRUE(key->verify("a", key->sign("a")));
  EXPECT_FALSE(key->verify("b", key->sign("a")));
}

TEST(Key, Ed25519IsRfc8032) {
  const auto key = Key::ed25519_private(kSeed);
  const auto open = Key::ed25519_public(kPublic);
  ASSERT_TRUE(key && open);
  const std::string signature = key->sign("");
  EXPECT_EQ(hex_encode(signature),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe2"
            "4655141438e"
            "7a100b");
  EXPECT_TRUE(open->verify("", signature));
  EXPECT_FALSE(open->verify("x", signature));
  EXPECT_FALSE(open->can_sign());
  EXPECT_TRUE(key->can_sign());
}

TEST(Key, Ed25519ReadsPemHoweverItIsWrapped) {
  const std::string crlf = [] {
    std::string text;
    for (const char c : kPublicPem) text += c == '\n' ? "\r\n" : std::string(1, c);
    return text;
  }();
  for (const std::string& pem :
       {std::string(kPublicPem), " \n\t" + std::string(kPublicPem), "\xef\xbb\xbf" + std::string(kPublicPem), crlf}) {
    const auto open = Key::ed25519_public(pem);
    ASSERT_TRUE(open) << pem;
    EXPECT_TRUE(open->verify("a", Key::ed25519_private(kPrivatePem)->sign("a")));
  }
}

TEST(Key, Ed25519RejectsOtherMaterial) {
  EXPECT_EQ(Key::ed25519_public("").error(), KeyError::kMalformed);
  EXPECT_EQ(Key::ed25519_public("nonsense").error(), KeyError::kMalformed);
  EXPECT_EQ(Key::ed25519_public(kPrivatePem).error(), KeyError::kMalformed);
  EXPECT_EQ(Key::ed25519_private(kPublicPem).error(), KeyError::kMalformed);
  EXPECT_EQ(Key::ed25519_public(kPublic, std::string(129, 'k')).error(), KeyError::kMalformed);
  constexpr std::string_view kP256 =
      "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n"
      "6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n-----END PUBLIC KEY-----\n";
  EXPECT_EQ(Key::ed25519_public(kP256).error(), KeyError::kWrongType);
}

TEST(Key, Ed25519RejectsSignaturesOfTheWrongSize) {
  const auto key = Key::ed25519_private(kSeed);
  const std::string good = key->sign("a");
  EXPECT_TRUE(key->verify("a", good));
  for (const std::string& bad : {std::string(), good.substr(0, 63), good + '\0', std::string(64, '\0')})
    EXPECT_FALSE(key->verify("a", bad));
}

TEST(Key, J24_RejectsShortAndBlankSecrets) {
  EXPECT_EQ(hmac_error(""), KeyError::kTooShort);
  EXPECT_EQ(hmac_error(kSecret.substr(1)), KeyError::kTooShort);
  EXPECT_EQ(hmac_error(std::string(64, ' ')), KeyError::kPublished);
  EXPECT_EQ(hmac_error(std::string(64, '\0')), KeyError::kPublished);
}

TEST(Key, J24_SecretsAreAsLongAsTheHash) {
  const std::string secret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeX";
  for (const auto& [algorithm, bytes] :
       {std::pair(Algorithm::kHs256, 32), std::pair(Algorithm::kHs384, 48), std::pair(Algorithm::kHs512, 64)}) {
    EXPECT_TRUE(Key::hmac(algorithm, secret.substr(0, bytes))) << bytes;
    EXPECT_EQ(Key::hmac(algorithm, secret.substr(0, bytes - 1)).error(), KeyError::kTooShort) << bytes;
    EXPECT_EQ(Key::hmac(algorithm, "").error(), KeyError::kTooShort);
    EXPECT_EQ(Key::hmac(algorithm, std::string(128, 'x')).error(), KeyError::kPublished);
  }
  EXPECT_EQ(Key::hmac(Algorithm::kRs256, secret).error(), KeyError::kWrongType);
  EXPECT_EQ(Key::hmac(Algorithm::kEdDsa, secret).error(), KeyError::kWrongType);
}

TEST(Key, SignsWithTheLongerHmacs) {
  // python3: hmac.new(secret, b"what do ya want for nothing?", "sha384"), and "sha512"
  const std::string_view secret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeX";
  EXPECT_EQ(hex_encode(Key::hmac(Algorithm::kHs384, secret)->sign("what do ya want for nothing?")),
            "836750c713057191190028f9381a58e52968a53d485097c6f99d2b0c351a464762eda278138dbe41d4205222ba56f7a4");
  EXPECT_EQ(hex_encode(Key::hmac(Algorithm::kHs512, secret)->sign("what do ya want for nothing?")),
            "d8fecefe39d06dec8dbed08d521435187ee3bb4590e32d717a0a81df482258c405b2904aae6c6b2659333ee15a2f929f2dd9439ce15f70b"
            "7497fa587fa057b8b");
}

TEST(Key, SecretsInTurnAreNeverMixedUp) {
  // Keys come and go at the same addresses, on a thread that remembers the last one it used.
  const auto key_of = [](int i) {
    return Key::hmac_sha256("0123456789abcdef0123456789abcd" + std::to_string(10 + i)).value();
  };
  std::vector<std::string> signatures;
  for (int i = 0; i < 50; ++i) signatures.push_back(key_of(i).sign("a"));
  for (int i = 0; i < 50; ++i)
    for (int j : {i, (i + 1) % 50}) {
      const Key key = key_of(j);
      EXPECT_EQ(key.verify("a", signatures[i]), i == j);
      EXPECT_EQ(key.verify("a", signatures[i]), i == j);
    }
}

TEST(Key, AlgorithmsHaveOneSpelling) {
  for (const char* name : {"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384",
                           "PS512", "EdDSA"}) {
    const auto algorithm = parse_algorithm(name);
    ASSERT_TRUE(algorithm) << name;
    EXPECT_EQ(to_string(*algorithm), name);
  }
  for (const char* name : {"", "none", "hs256", "EDDSA", "HS256 ", "ES256K", "HS2567", "Ed25519"})
    EXPECT_FALSE(parse_algorithm(name)) << name;
}

TEST(Key, A16_RejectsPublishedSecrets) {
  for (const char* secret : {"NFL5*0Bc#9U6E@tnmC&E7SUN6GwHfLmY",
                             "TkZMNSowQmMjOVU2RUB0bm1DJkU3U1VONkd3SGZMbVk=", "a-string-secret-at-least-256-bits-long",
                             "super-secret-jwt-token-with-at-least-32-characters-long", "reallyreallyreallyreallyverysafe",
                             "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}) {
    EXPECT_EQ(hmac_error(secret), KeyError::kPublished);
    EXPECT_EQ(hmac_error(std::string(secret) + "\n"), KeyError::kPublished);
  }
  EXPECT_EQ(hmac_error(
                *base64url_decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")),
            KeyError::kPublished);
}

TEST(Key, J21_RejectsPublicKeysAsSecrets) {
  const std::string pem(kPublicPem);
  const std::string jwk = R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})";
  const std::string der = *hex_decode("302a300506032b6570032100") + kPublic;
  for (const std::string& secret :
       {pem, " " + pem, "\r\n\t" + pem, "\xef\xbb\xbf" + pem, "\xef\xbb\xbf \n" + pem, "x\n" + pem, std::string(kPrivatePem),
        jwk, "\n " + jwk, "{\"keys\":[" + jwk + "]}", "[" + jwk + "]", der,
        std::string("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYj")})
    EXPECT_EQ(hmac_error(secret), KeyError::kNotSymmetric) << secret;
}

TEST(Key, CopiesShareTheKey) {
  const auto key = Key::hmac_sha256(kSecret, "k1");
  const Key copy = *key;
  EXPECT_EQ(copy.key_id(), "k1");
  EXPECT_EQ(copy.algorithm(), Algorithm::kHs256);
  EXPECT_TRUE(copy.verify("a", key->sign("a")));
}

TEST(Key, J43_ComparesEqualLengthsOnly) {
  const auto key = Key::hmac_sha256(kSecret);
  const std::string good = key->sign("a");
  EXPECT_FALSE(key->verify("a", good.substr(0, 31)));
  EXPECT_FALSE(key->verify("a", good + 'x'));
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_FALSE(key->verify("a", bad)) << i;
  }
}

}  // namespace
}  // namespace sluice::token

// Compact JWS: what a header may say, and which key it may choose.
#include "token/jws.h"

#include <gtest/gtest.h>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "token/test_keys.h"

namespace sluice::token {
namespace {

const Key& key(std::string id = "") {
  static const Key unnamed = Key::hmac_sha256("0123456789abcdef0123456789abcdeX").value();
  static const Key one = Key::hmac_sha256("0123456789abcdef0123456789abcde1", "one").value();
  return id.empty() ? unnamed : one;
}

// A token with this header over this payload, signed properly with key().
std::string token_with_header(std::string_view header, std::string_view payload = "{}", const Key& with = key()) {
  const std::string input = base64url_encode(header) + "." + base64url_encode(payload);
  return input + "." + base64url_encode(with.sign(input));
}

TokenError error_of(std::string_view token, std::vector<Key> keys = {key()}) {
  const auto verified = verify_jws(token, keys);
  EXPECT_FALSE(verified) << token;
  return verified ? TokenError::kExpired : verified.error();
}

TEST(Jws, VerifiesWhatItSigns) {
  for (const Algorithm algorithm : kAllAlgorithms) {
    for (const char* name : {"", "a name"}) {
      const std::string token = sign_jws(test_key(algorithm, name), "payload", "shape+jwt");
      const auto verified = verify_jws(token, std::vector{test_public_key(algorithm, name)});
      ASSERT_TRUE(verified) << to_string(algorithm);
      EXPECT_EQ(verified->payload, "payload");
      EXPECT_EQ(verified->type, "shape+jwt");
      EXPECT_EQ(error_of(token, {test_key(algorithm == Algorithm::kHs256 ? Algorithm::kHs512 : Algorithm::kHs256, name)}),
                TokenError::kBadAlgorithm);
    }
  }
  EXPECT_EQ(verify_jws(sign_jws(key(), "", ""), std::vector{key()})->type, "");
}

TEST(Jws, J20_RejectsAlgNoneInAnySpellingAndMissingAlg) {
  for (const char* alg :
       {"none", "None", "NONE", "nOnE", "", " none", "HS256 ", "hs256", "HS384", "HS512", "RS256", "ES256", "EDDSA"})
    EXPECT_EQ(error_of(token_with_header(R"({"alg":")" + std::string(alg) + "\"}")), TokenError::kBadAlgorithm) << alg;
  for (const char* header :
       {"{}", R"({"alg":null})", R"({"alg":1})", R"({"alg":["HS256"]})", R"({"ALG":"HS256"})", R"({"typ":"JWT"})"})
    EXPECT_EQ(error_of(token_with_header(header)), TokenError::kBadAlgorithm) << header;
  EXPECT_EQ(error_of(base64url_encode(R"({"alg":"none"})") + ".e30."), TokenError::kBadAlgorithm);
}

TEST(Jws, J21_AKeyIsUsedWithItsOwnAlgorithmOnly) {
  const Key ed = Key::ed25519_private(std::string(31, 'k') + "x").value();
  EXPECT_EQ(error_of(token_with_header(R"({"alg":"EdDSA"})")), TokenError::kBadAlgorithm);
  EXPECT_EQ(error_of(sign_jws(ed, "{}", ""), {key()}), TokenError::kBadAlgorithm);
  EXPECT_EQ(error_of(sign_jws(key(), "{}", ""), {ed}), TokenError::kBadAlgorithm);
  EXPECT_TRUE(verify_jws(sign_jws(ed, "{}", ""), std::vector{key(), ed}));
}

TEST(Jws, J20_NoneIsRefusedWhateverTheKeyIs) {
  for (const Algorithm algorithm : kAllAlgorithms)
    for (const char* alg : {"none", "nOnE", "NONE", ""}) {
      const std::string input = base64url_encode(R"({"alg":")" + std::string(alg) + "\"}") + ".e30";
      const Key signer = test_key(algorithm);
      for (const std::string& token : {input + ".", input + "." + base64url_encode(signer.sign(input))})
        EXPECT_EQ(error_of(token, {test_public_key(algorithm)}), TokenError::kBadAlgorithm) << to_string(algorithm);
    }
}

TEST(Jws, J20_TheAlgorithmIsDecidedBeforeTheSignatureIsLookedAt) {
  // Properly signed by the one key there is, under the name of each algorithm that is not its own.
  for (const Algorithm named : kAllAlgorithms)
    for (const Algorithm used : {Algorithm::kHs256, Algorithm::kEs256, Algorithm::kPs256}) {
      const std::string header = R"({"alg":")" + std::string(to_string(named)) + "\"}";
      const auto verified = verify_jws(token_with_header(header, "{}", test_key(used)), std::vector{test_public_key(used)});
      EXPECT_EQ(verified.has_value(), named == used);
      if (!verified) EXPECT_EQ(verified.error(), TokenError::kBadAlgorithm);
    }
}

TEST(Jws, J21_APublicKeyIsNeverAnHmacSecret) {
  for (const Algorithm algorithm : {Algorithm::kRs256, Algorithm::kEs256, Algorithm::kPs512, Algorithm::kEdDsa}) {
    const std::string pem = public_pem(test_pkey(algorithm));
    // An attacker signs with what everybody has: OpenSSL's HMAC, since no Key can be made of it.
    for (const std::string& secret : {pem, " " + pem, pem.substr(0, pem.size() - 1), test_jwk(algorithm)}) {
      for (const char* alg : {"HS256", "hs256", "HS512"}) {
        const std::string input = base64url_encode(R"({"alg":")" + std::string(alg) + "\"}") + ".e30";
        std::string mac(EVP_MAX_MD_SIZE, '\0');
        std::size_t size = 0;
        ASSERT_NE(
            EVP_Q_mac(nullptr, "HMAC", nullptr, std::string_view(alg) == "HS512" ? "SHA512" : "SHA256", nullptr,
                      secret.data(), secret.size(), bytes_of(input), input.size(), bytes_of(mac.data()), mac.size(), &size),
            nullptr);
        mac.resize(size);
        EXPECT_EQ(error_of(input + "." + base64url_encode(mac), {test_public_key(algorithm)}), TokenError::kBadAlgorithm);
      }
    }
  }
}

TEST(Jws, J22_RejectsJsonSerialisation) {
  EXPECT_EQ(error_of(R"({"payload":"e30","protected":"eyJhbGciOiJIUzI1NiJ9","signature":"x"})"), TokenError::kNotCompact);
  EXPECT_EQ(error_of(R"({"payload":"e30","signatures":[{"header":{"alg":"HS256.a.b"}}]})"), TokenError::kBadBase64);
}

TEST(Jws, J24_RejectsMissingAndEmptySignatures) {
  const std::string good = sign_jws(key(), "{}", "JWT");
  const std::string unsigned_part = good.substr(0, good.rfind('.'));
  EXPECT_EQ(error_of(unsigned_part), TokenError::kNotCompact);
  EXPECT_EQ(error_of(unsigned_part + "."), TokenError::kBadSignature);
  EXPECT_EQ(error_of(unsigned_part + "." + base64url_encode(std::string(32, '\0'))), TokenError::kBadSignature);
  EXPECT_EQ(error_of(unsigned_part + "." + base64url_encode("null")), TokenError::kBadSignature);
}

TEST(Jws, J24_AnEmptySignatureIsBadForEveryAlgorithm) {
  for (const Algorithm algorithm : kAllAlgorithms) {
    const std::string good = sign_jws(test_key(algorithm), "{}", "JWT");
    const std::string signed_part = good.substr(0, good.rfind('.'));
    EXPECT_EQ(error_of(signed_part + ".", {test_public_key(algorithm)}), TokenError::kBadSignature) << to_string(algorithm);
    EXPECT_EQ(error_of(signed_part, {test_public_key(algorithm)}), TokenError::kNotCompact);
  }
}

TEST(Jws, J23_SignaturesOfAnotherFormAreBad) {
  for (const Algorithm algorithm : {Algorithm::kEs256, Algorithm::kEs384, Algorithm::kEs512}) {
    const std::string good = sign_jws(test_key(algorithm), "{}", "JWT");
    const std::string signed_part = good.substr(0, good.rfind('.') + 1);
    const std::string signature = *base64url_decode(good.substr(good.rfind('.') + 1));
    for (const std::string& bad : {std::string(signature.size(), '\0'), signature + '\0', signature.substr(1)})
      EXPECT_EQ(error_of(signed_part + base64url_encode(bad), {test_public_key(algorithm)}), TokenError::kBadSignature);
  }
}

TEST(Jws, J25_RejectsKeysInTheHeader) {
  for (const char* member : {R"("jwk":{"kty":"oct","k":"AA"})", R"("jku":"https://evil.example/keys")",
                             R"("x5u":"https://evil.example/c")", R"("x5c":["MII"])", R"("jwk":null)"})
    EXPECT_EQ(error_of(token_with_header(R"({"alg":"HS256",)" + std::string(member) + "}")), TokenError::kEmbeddedKey)
        << member;
}

TEST(Jws, J26_KeyIdsAreOpaqueNames) {
  const std::vector<Key> keys = {key("one")};
  EXPECT_TRUE(verify_jws(sign_jws(key("one"), "{}", ""), keys));
  const auto with_kid = [&](std::string_view kid) {
    return error_of(token_with_header(R"({"alg":"HS256","kid":")" + std::string(kid) + "\"}", "{}", key("one")), keys);
  };
  for (const char* kid : {"two", "ONE", "one ", "../../dev/null", "/dev/null", "' OR '1'='1", "one'--"})
    EXPECT_EQ(with_kid(kid), TokenError::kUnknownKey) << kid;
  for (const std::string& kid :
       {std::string(), std::string("a\\nb"), std::string("\\u00e4"), std::string("\\u007f"), std::string(129, 'k')})
    EXPECT_EQ(with_kid(kid), TokenError::kBadKeyId) << kid;
  EXPECT_EQ(error_of(token_with_header(R"({"alg":"HS256","kid":1})"), keys), TokenError::kBadHeader);
  EXPECT_TRUE(
      verify_jws(token_with_header(R"({"alg":"HS256"})", "{}", key("one")), keys));  // names no key: every key is tried
  EXPECT_TRUE(verify_jws(token_with_header(R"({"alg":"HS256","kid":"any"})"), std::vector{key()}));  // no key has a name
}

TEST(Jws, J26_AnAmbiguousNameNamesNoKey) {
  const Key other = Key::hmac_sha256("0123456789abcdef0123456789abcde2", "one").value();
  EXPECT_EQ(error_of(sign_jws(key("one"), "{}", ""), {key("one"), other}), TokenError::kUnknownKey);
  const Key ed = Key::ed25519_private(std::string(31, 'k') + "x", "one").value();
  EXPECT_TRUE(verify_jws(sign_jws(key("one"), "{}", ""), std::vector{ed, key("one")}));
}

TEST(Jws, OneNameForSeveralAlgorithmsChoosesByAlgorithm) {
  std::vector<Key> keys;
  for (const Algorithm algorithm : kAllAlgorithms) keys.push_back(test_public_key(algorithm, "k"));
  for (const Algorithm algorithm : kAllAlgorithms)
    EXPECT_TRUE(verify_jws(sign_jws(test_key(algorithm, "k"), "{}", ""), keys)) << to_string(algorithm);
}

TEST(Jws, ATokenThatNamesNoKeyIsTriedWithAFew) {
  std::vector<Key> keys;
  for (std::size_t i = 1; i < kKeysTriedMax; ++i)
    keys.push_back(Key::hmac_sha256("0123456789abcdef0123456789abcde" + std::to_string(i), "k" + std::to_string(i)).value());
  keys.push_back(key("one"));
  const std::string token = token_with_header(R"({"alg":"HS256"})", "{}", key("one"));
  EXPECT_TRUE(verify_jws(token, keys));
  keys.push_back(test_public_key(Algorithm::kEs256, "other"));  // of another algorithm: does not count
  EXPECT_TRUE(verify_jws(token, keys));
  keys.push_back(key());
  EXPECT_EQ(error_of(token, keys), TokenError::kUnknownKey);
  EXPECT_TRUE(verify_jws(sign_jws(key("one"), "{}", ""), keys));
}

TEST(Jws, J30_RejectsEveryCriticalExtension) {
  for (const char* crit : {R"(["exp"])", "[]", R"("exp")", "null", "{}", R"(["alg"])", R"(["x","x"])", R"(["b64"])",
                           R"(["absent"])", R"([""])", R"([1])", "false", R"(["http://openbanking.org.uk/iat"])"})
    EXPECT_EQ(error_of(token_with_header(R"({"alg":"HS256","crit":)" + std::string(crit) + "}")), TokenError::kCritical)
        << crit;
}

TEST(Jws, J31_RejectsB64) {
  for (const char* header :
       {R"({"alg":"HS256","b64":false})", R"({"alg":"HS256","b64":true})", R"({"alg":"HS256","b64":false,"crit":["b64"]})"})
    EXPECT_EQ(error_of(token_with_header(header)), TokenError::kCritical) << header;
}

TEST(Jws, J32_RejectsRepeatedHeaderMembers) {
  EXPECT_EQ(error_of(token_with_header(R"({"alg":"HS256","alg":"none"})")), TokenError::kBadHeader);
  EXPECT_EQ(error_of(token_with_header(R"({"alg":"HS256","\u0061lg":"HS256"})")), TokenError::kBadHeader);
  EXPECT_EQ(error_of(token_with_header(R"({"alg":"HS256","kid":"a","kid":"b"})")), TokenError::kBadHeader);
}

TEST(Jws, J33_RejectsOtherSpellingsOfBase64url) {
  const std::string good = sign_jws(key(), "{}", "JWT");  // signature of 43 characters: two free bits in the last
  ASSERT_TRUE(verify_jws(good, std::vector{key()}));
  for (const std::string& bad : {good + "=", good + " ", " " + good, good + "\n", "\t" + good})
    EXPECT_EQ(error_of(bad), TokenError::kBadBase64) << bad;
  // The four last characters that decode to the same bytes: only one is accepted.
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  int accepted = 0;
  for (const char c : kAlphabet) accepted += verify_jws(good.substr(0, good.size() - 1) + c, std::vector{key()}).has_value();
  EXPECT_EQ(accepted, 1);
  std::string standard = sign_jws(key(), "\xff\xff\xfe?>", "JWT");
  for (char& c : standard) c = c == '-' ? '+' : c == '_' ? '/' : c;
  EXPECT_EQ(error_of(standard), TokenError::kBadBase64);
}

TEST(Jws, J34_RejectsNulAndBadTextInTheHeader) {
  EXPECT_EQ(error_of(token_with_header(R"({"alg":"HS256","typ":"JWT\u0000"})")), TokenError::kBadHeader);
  EXPECT_EQ(error_of(token_with_header(R"({"alg":"HS256\u0000"})")), TokenError::kBadHeader);
  EXPECT_EQ(error_of(token_with_header(std::string_view("{\"alg\":\"HS256\"}\0", 16))), TokenError::kBadHeader);
  EXPECT_EQ(error_of(token_with_header("{\"alg\":\"HS256\",\"typ\":\"\xff\"}")), TokenError::kBadHeader);
  EXPECT_EQ(error_of(token_with_header(R"({"alg":"HS256","typ":"\ud800"})")), TokenError::kBadHeader);
  EXPECT_EQ(error_of(std::string_view("a\0b.c.d", 7)), TokenError::kBadBase64);
}

TEST(Jws, J35_RejectsOversizeAndTooManyParts) {
  EXPECT_EQ(error_of(std::string(kTokenBytesMax + 1, 'a')), TokenError::kTooLong);
  EXPECT_EQ(error_of(std::string(kTokenBytesMax, '.')), TokenError::kNotCompact);
  EXPECT_EQ(error_of(""), TokenError::kNotCompact);
  EXPECT_EQ(error_of("."), TokenError::kNotCompact);
  EXPECT_EQ(error_of("a.b.c.d"), TokenError::kNotCompact);
  EXPECT_EQ(error_of("a.b.c.d.e"), TokenError::kNotCompact);  // JWE
  EXPECT_EQ(error_of(".."), TokenError::kBadHeader);
  // Encrypted tokens and what makes them expensive, in the clothes of a signed one.
  EXPECT_EQ(error_of(token_with_header(R"({"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647})")),
            TokenError::kBadAlgorithm);
  EXPECT_EQ(error_of(token_with_header(R"({"alg":"dir","enc":"A128GCM","zip":"DEF"})")), TokenError::kBadAlgorithm);
  std::string deep = R"({"alg":"HS256","x":)" + std::string(100, '[') + std::string(100, ']') + "}";
  EXPECT_EQ(error_of(token_with_header(deep)), TokenError::kBadHeader);
}

TEST(Jws, AnEmptyHeaderIsNeverARememberedOne) {
  const std::string long_header = R"({"alg":"HS256","x":")" + std::string(1000, 'x') + "\"}";
  for (const std::string& header : {std::string(R"({"alg":"HS256"})"), long_header}) {
    ASSERT_TRUE(verify_jws(token_with_header(header), std::vector{key()}));
    ASSERT_TRUE(verify_jws(token_with_header(header), std::vector{key()}));
    EXPECT_EQ(error_of(token_with_header("")), TokenError::kBadHeader);
  }
}

TEST(Jws, ManyHeadersAreEachTheirOwn) {
  for (int round = 0; round < 3; ++round)
    for (int i = 0; i < 20; ++i) {
      const std::string type = "type" + std::to_string(i);
      const auto verified = verify_jws(sign_jws(key(), "{}", type), std::vector{key()});
      ASSERT_TRUE(verified);
      EXPECT_EQ(verified->type, type);
    }
}

TEST(Jws, TellsTheKeyIdOfAWellFormedTokenOnly) {
  EXPECT_EQ(key_id_of(sign_jws(key("one"), "{}", "")), "one");
  EXPECT_EQ(key_id_of(token_with_header(R"({"alg":"RS256","kid":"a b"})")), "a b");
  EXPECT_FALSE(key_id_of(sign_jws(key(), "{}", "")));
  for (const char* header :
       {R"({"kid":"a"})", R"({"alg":"none","kid":"a"})", R"({"alg":"HS256","kid":""})", R"({"alg":"HS256","kid":1})",
        R"({"alg":"HS256","kid":"a\n"})", R"({"alg":"HS256","kid":"a","kid":"b"})", R"({"alg":"HS256","kid":"a","jku":"x"})",
        R"({"alg":"HS256","kid":"a","crit":[]})", "x", ""})
    EXPECT_FALSE(key_id_of(token_with_header(header))) << header;
  for (const std::string& text : {std::string(), std::string("a.b"), std::string(kTokenBytesMax + 1, 'a')})
    EXPECT_FALSE(key_id_of(text));
}

TEST(Jws, WithoutKeysNothingVerifies) {
  EXPECT_EQ(error_of(sign_jws(key(), "{}", ""), {}), TokenError::kUnknownKey);
}

TEST(Jws, ManyThreadsShareAKey) {
  const std::vector<Key> keys = {key(), Key::ed25519_private(std::string(31, 'k') + "x").value()};
  std::vector<std::thread> threads;
  std::atomic<int> verified = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) verified += verify_jws(sign_jws(keys[i % 2], std::to_string(i), ""), keys).has_value();
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(verified, 200);
}

}  // namespace
}  // namespace sluice::token

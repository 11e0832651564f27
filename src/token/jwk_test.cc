#include "token/jwk.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include "token/jws.h"
#include "token/test_keys.h"

namespace sluice::token {
namespace {

JwkSetOptions published(std::vector<Algorithm> algorithms = {kAllAlgorithms.begin(), kAllAlgorithms.end()}) {
  return {.algorithms = std::move(algorithms)};
}
JwkSetOptions secret() {
  return {.algorithms = {kAllAlgorithms.begin(), kAllAlgorithms.end()}, .secret = true};
}

JwkSet parse(std::string_view text, const JwkSetOptions& options = published()) {
  auto set = parse_jwk_set(text, options);
  EXPECT_TRUE(set) << text << set.error();
  return set ? std::move(*set) : JwkSet();
}

std::string set_of(std::initializer_list<std::string> keys) {
  std::string out;
  for (const std::string& key : keys) out += (out.empty() ? "" : ",") + key;
  return "{\"keys\":[" + out + "]}";
}

// Of a set with one key, which must be skipped; and it must not spoil a good key beside it.
std::string reason_for(const std::string& jwk, const JwkSetOptions& options = published()) {
  const JwkSet with_good = parse(set_of({jwk, test_jwk(Algorithm::kEdDsa, R"(,"kid":"good","alg":"EdDSA")")}), options);
  EXPECT_EQ(with_good.keys.size(), 1u) << jwk;
  if (!with_good.keys.empty()) EXPECT_EQ(with_good.keys[0].key_id(), "good");
  const JwkSet set = parse(set_of({jwk}), options);
  EXPECT_TRUE(set.keys.empty()) << jwk;
  EXPECT_EQ(set.skipped.size(), 1u) << jwk;
  return set.skipped.empty() ? "" : set.skipped[0].reason;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << text << " " << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

TEST(JwkSet, ReadsAKeyOfEveryAlgorithm) {
  for (const Algorithm algorithm : kAllAlgorithms) {
    const std::string more = R"(,"alg":")" + std::string(to_string(algorithm)) + R"(","kid":"k1","use":"sig","x5t":"?")";
    const JwkSet set = parse(set_of({test_jwk(algorithm, more)}), is_symmetric(algorithm) ? secret() : published());
    ASSERT_EQ(set.keys.size(), 1u) << to_string(algorithm);
    EXPECT_TRUE(set.skipped.empty());
    EXPECT_EQ(set.keys[0].algorithm(), algorithm);
    EXPECT_EQ(set.keys[0].key_id(), "k1");
    EXPECT_TRUE(set.keys[0].verify("a", test_key(algorithm).sign("a")));
    EXPECT_FALSE(set.keys[0].verify("b", test_key(algorithm).sign("a")));
  }
}

TEST(JwkSet, OneJwkIsASetToo) {
  EXPECT_EQ(parse(test_jwk(Algorithm::kEs256)).keys.size(), 1u);
}

TEST(JwkSet, WithoutAlgItIsAKeyForEachAllowedAlgorithmOfItsKind) {
  const JwkSet rsa = parse(set_of({test_jwk(Algorithm::kRs256, R"(,"kid":"r")")}),
                           published({Algorithm::kRs256, Algorithm::kPs384, Algorithm::kEs256}));
  ASSERT_EQ(rsa.keys.size(), 2u);
  for (const Key& key : rsa.keys) {
    EXPECT_EQ(key.key_id(), "r");
    EXPECT_TRUE(verify_jws(sign_jws(test_key(key.algorithm(), "r"), "{}", ""), rsa.keys));
  }
  // The one whose algorithm the header names, and none of an algorithm that is not allowed.
  EXPECT_EQ(verify_jws(sign_jws(test_key(Algorithm::kRs512, "r"), "{}", ""), rsa.keys).error(), TokenError::kBadAlgorithm);
  EXPECT_EQ(parse(test_jwk(Algorithm::kEs384)).keys.size(), 1u);
  EXPECT_EQ(parse(test_jwk(Algorithm::kHs256), secret()).keys.size(), 3u);
}

TEST(JwkSet, SecretsServeOnlyTheAlgorithmsTheyAreLongEnoughFor) {
  const std::string k = base64url_encode(kTestSecret.substr(kTestSecret.size() - 48));
  const JwkSet set = parse(R"({"kty":"oct","k":")" + k + "\"}", secret());
  ASSERT_EQ(set.keys.size(), 2u);
  EXPECT_EQ(set.keys[1].algorithm(), Algorithm::kHs384);
  ASSERT_EQ(set.skipped.size(), 1u);
  EXPECT_EQ(set.skipped[0].reason, to_string(KeyError::kTooShort));
}

TEST(JwkSet, J29_SkipsKeysThatAreNotForVerifyingSignatures) {
  EXPECT_EQ(reason_for(test_jwk(Algorithm::kRs256, R"(,"use":"enc")")), "use is not \"sig\"");
  EXPECT_EQ(reason_for(test_jwk(Algorithm::kRs256, R"(,"use":"SIG")")), "use is not \"sig\"");
  EXPECT_EQ(reason_for(test_jwk(Algorithm::kRs256, R"(,"use":["sig"])")), "use is not \"sig\"");
  for (const char* operations : {R"(["encrypt"])", R"(["sign"])", "[]", "\"verify\"", "null", R"(["verify","verify"])",
                                 R"(["verify",1])", R"(["Verify"])"})
    EXPECT_EQ(reason_for(test_jwk(Algorithm::kEs256, R"(,"key_ops":)" + std::string(operations))),
              "key_ops does not hold \"verify\"")
        << operations;
  EXPECT_EQ(parse(test_jwk(Algorithm::kEs256, R"(,"key_ops":["sign","verify"],"use":"sig")")).keys.size(), 1u);
}

TEST(JwkSet, J29_SkipsKeysOfAnotherAlgorithm) {
  for (const char* alg : {"ES384", "RS256", "HS256", "EdDSA", "PS256"})
    EXPECT_EQ(reason_for(test_jwk(Algorithm::kEs256, R"(,"alg":")" + std::string(alg) + '"')),
              "alg is not of the key's type and curve")
        << alg;
  for (const char* alg : {"none", "es256", "ECDH-ES", "RSA-OAEP", "ES256K", ""})
    EXPECT_EQ(reason_for(test_jwk(Algorithm::kEs256, R"(,"alg":")" + std::string(alg) + '"')),
              "alg is not among those allowed")
        << alg;
  EXPECT_EQ(reason_for(test_jwk(Algorithm::kEs256, R"(,"alg":null)")), "alg is not a string");
  const JwkSetOptions few = published({Algorithm::kEdDsa, Algorithm::kRs256});
  EXPECT_EQ(reason_for(test_jwk(Algorithm::kEs256, R"(,"alg":"ES256")"), few), "alg is not among those allowed");
  EXPECT_EQ(reason_for(test_jwk(Algorithm::kEs256), few), "no allowed algorithm is of its type and curve");
}

TEST(JwkSet, J29_SkipsWeakRsaKeys) {
  const PKey small(EVP_RSA_gen(1024));
  EXPECT_EQ(reason_for(test_jwk_of(small.get(), traits_of(Algorithm::kRs256), R"(,"alg":"RS256")")),
            to_string(KeyError::kWeak));
  for (const char* e : {"AQ", "Ag", "AQAA"})
    EXPECT_EQ(reason_for(replaced(test_jwk(Algorithm::kRs256, R"(,"alg":"RS256")"), "\"AQAB\"", '"' + std::string(e) + '"')),
              to_string(KeyError::kWeak))
        << e;
  EXPECT_EQ(reason_for(replaced(test_jwk(Algorithm::kRs256), "\"AQAB\"", '"' + base64url_encode(std::string(9, 'e')) + '"')),
            "n or e too long");
  const std::string huge = base64url_encode(std::string(1025, 'n'));
  EXPECT_EQ(reason_for(R"({"kty":"RSA","e":"AQAB","n":")" + huge + "\"}"), "n or e too long");
}

TEST(JwkSet, J29_SkipsPointsOffTheirCurve) {
  for (const Algorithm algorithm : {Algorithm::kEs256, Algorithm::kEs384, Algorithm::kEs512}) {
    const std::size_t bytes = traits_of(algorithm).coordinate_bytes;
    const std::string y = bn_param(test_pkey(algorithm), "qy", bytes), y_text = base64url_encode(y);
    std::string off = y;
    off[1] = static_cast<char>(off[1] ^ 1);
    EXPECT_EQ(reason_for(replaced(test_jwk(algorithm), y_text, base64url_encode(off))), "x and y are no point of the curve");
    EXPECT_EQ(reason_for(replaced(test_jwk(algorithm), y_text, base64url_encode(y.substr(1)))),
              "x or y is not of the curve's length");
    EXPECT_EQ(reason_for(replaced(test_jwk(algorithm), y_text, base64url_encode('\0' + y))),
              "x or y is not of the curve's length");
  }
  const std::string zero = base64url_encode(std::string(32, '\0'));
  EXPECT_EQ(reason_for(R"({"kty":"EC","crv":"P-256","x":")" + zero + R"(","y":")" + zero + "\"}"),
            "x and y are no point of the curve");
  EXPECT_EQ(reason_for(R"({"kty":"OKP","crv":"Ed25519","x":")" + zero + "\"}"), to_string(KeyError::kMalformed));
  EXPECT_EQ(reason_for(R"({"kty":"OKP","crv":"Ed25519","x":"AAAA"})"), "x is missing or not of the curve's length");
  EXPECT_EQ(reason_for(replaced(test_jwk(Algorithm::kEs256), "P-256", "P-384")), "x or y is not of the curve's length");
  EXPECT_EQ(reason_for(replaced(test_jwk(Algorithm::kEs256), "P-256", "secp256k1")),
            "no allowed algorithm is of its type and curve");
}

TEST(JwkSet, J29_SkipsSecretsAmongPublishedKeys) {
  EXPECT_EQ(reason_for(test_jwk(Algorithm::kHs256, R"(,"alg":"HS256")")), "a secret among published keys");
  EXPECT_EQ(reason_for(test_jwk(Algorithm::kEs256, R"(,"d":"AAAA")")), "a private key among published keys");
  EXPECT_EQ(reason_for(test_jwk(Algorithm::kRs256, R"(,"d":"AAAA")")), "a private key among published keys");
  EXPECT_EQ(reason_for(test_jwk(Algorithm::kRs256, R"(,"k":"AAAA")")), "a secret among published keys");
  const JwkSet kept = parse(test_jwk(Algorithm::kEs256, R"(,"d":"AAAA")"), secret());
  ASSERT_EQ(kept.keys.size(), 1u);
  EXPECT_FALSE(kept.keys[0].can_sign());
}

TEST(JwkSet, J29_ASecretBesidePublicKeysIsSkipped) {
  const JwkSet set = parse(set_of({test_jwk(Algorithm::kHs256), test_jwk(Algorithm::kEs256)}), secret());
  ASSERT_EQ(set.keys.size(), 1u);
  EXPECT_EQ(set.keys[0].algorithm(), Algorithm::kEs256);
  ASSERT_EQ(set.skipped.size(), 1u);
  EXPECT_EQ(set.skipped[0].reason, "a secret in one set with public keys");
}

TEST(JwkSet, J29_AnAmbiguousKidKeepsNoKey) {
  const PKey second = generate(Algorithm::kEs256), third = generate(Algorithm::kEs256);
  const auto jwk = [](EVP_PKEY* key) { return test_jwk_of(key, traits_of(Algorithm::kEs256), R"(,"kid":"a")"); };
  const std::string other = test_jwk(Algorithm::kEdDsa, R"(,"kid":"a")");
  const std::string first = jwk(test_pkey(Algorithm::kEs256));
  const JwkSet two = parse(set_of({first, jwk(second.get()), other}));
  ASSERT_EQ(two.keys.size(), 1u);  // one kid for two algorithms is not ambiguous
  EXPECT_EQ(two.keys[0].algorithm(), Algorithm::kEdDsa);
  EXPECT_EQ(two.skipped.size(), 2u);
  EXPECT_EQ(parse(set_of({first, jwk(second.get()), jwk(third.get()), first})).keys.size(), 0u);
  EXPECT_EQ(verify_jws(sign_jws(test_key(Algorithm::kEs256, "a"), "{}", ""), two.keys).error(), TokenError::kBadAlgorithm);
}

TEST(JwkSet, J29_AKeyThatCannotBeUsedSpoilsItsKidToo) {
  const std::string good = test_jwk(Algorithm::kRs256, R"(,"kid":"a")");
  const PKey small(EVP_RSA_gen(1024));
  for (const std::string& bad : {std::string(R"({"kty":"RSA","kid":"a","n":"AAA=","e":"AQAB"})"),
                                 test_jwk_of(small.get(), traits_of(Algorithm::kRs256), R"(,"kid":"a")")}) {
    EXPECT_TRUE(parse(set_of({good, bad})).keys.empty()) << bad;
    EXPECT_TRUE(parse(set_of({bad, good})).keys.empty()) << bad;
  }
  // One that is for something else does not.
  EXPECT_FALSE(parse(set_of({good, test_jwk(Algorithm::kRs256, R"(,"kid":"a","use":"enc")")})).keys.empty());
}

TEST(JwkSet, TheSameKeyTwiceIsOneKey) {
  const std::string named = test_jwk(Algorithm::kRs256, R"(,"kid":"a","alg":"RS256")");
  EXPECT_EQ(parse(set_of({named, named})).keys.size(), 1u);
  const std::string unnamed = test_jwk(Algorithm::kEs256);
  EXPECT_EQ(parse(set_of({unnamed, unnamed})).keys.size(), 1u);
}

TEST(JwkSet, KeysWithoutKidDoNotSpoilEachOther) {
  const PKey second = generate(Algorithm::kEs256);
  const JwkSet set = parse(set_of({test_jwk(Algorithm::kEs256), test_jwk_of(second.get(), traits_of(Algorithm::kEs256))}));
  EXPECT_EQ(set.keys.size(), 2u);
  EXPECT_TRUE(set.skipped.empty());
}

TEST(JwkSet, J26_KidsThatNoTokenMayHaveAreSkipped) {
  for (const std::string& kid : {std::string("\"\""), '"' + std::string(129, 'k') + '"', std::string(R"("a\nb")"),
                                 std::string(R"("\u00e4")"), std::string("1"), std::string("null"), std::string("[]")}) {
    const JwkSet set = parse(test_jwk(Algorithm::kEs256, ",\"kid\":" + kid));
    EXPECT_TRUE(set.keys.empty()) << kid;
    ASSERT_EQ(set.skipped.size(), 1u);
    EXPECT_EQ(set.skipped[0].key_id, "");  // nothing of it reaches a log
    EXPECT_EQ(set.skipped[0].reason, "kid is not 1 to 128 printable characters");
  }
  EXPECT_EQ(parse(test_jwk(Algorithm::kEs256, R"(,"kid":"../../dev/null' OR 1=1")")).keys.size(), 1u);
}

TEST(JwkSet, J24_BlankShortAndPublishedSecretsAreSkipped) {
  const auto oct = [](const std::string& k, const char* alg) {
    return R"({"kty":"oct","kid":"s","k":")" + base64url_encode(k) + R"(","alg":")" + alg + "\"}";
  };
  const auto reason = [&](const std::string& jwk) {
    const JwkSet set = parse(jwk, secret());
    EXPECT_TRUE(set.keys.empty()) << jwk;
    return set.skipped.empty() ? "" : set.skipped[0].reason;
  };
  EXPECT_EQ(reason(oct("", "HS256")), to_string(KeyError::kTooShort));
  EXPECT_EQ(reason(oct("0123456789abcdef0123456789abcde", "HS256")), to_string(KeyError::kTooShort));
  EXPECT_EQ(reason(oct(std::string(kTestSecret.substr(1, 47)), "HS384")), to_string(KeyError::kTooShort));
  EXPECT_EQ(reason(oct(std::string(kTestSecret.substr(1, 63)), "HS512")), to_string(KeyError::kTooShort));
  EXPECT_EQ(reason(oct(std::string(64, '\0'), "HS512")), to_string(KeyError::kPublished));
  EXPECT_EQ(reason(oct("a-string-secret-at-least-256-bits-long", "HS256")), to_string(KeyError::kPublished));
  EXPECT_EQ(reason(R"({"kty":"oct","alg":"HS256"})"), "k is missing or not base64url");
  EXPECT_EQ(reason(R"({"kty":"oct","alg":"HS256","k":"AAA="})"), "k is missing or not base64url");
}

TEST(JwkSet, J21_APublicKeyIsNoSecretInAJwkEither) {
  const std::string pem = " \xef\xbb\xbf" + public_pem(test_pkey(Algorithm::kRs256));
  const JwkSet set = parse(R"({"kty":"oct","alg":"HS256","k":")" + base64url_encode(pem) + "\"}", secret());
  EXPECT_TRUE(set.keys.empty());
  ASSERT_EQ(set.skipped.size(), 1u);
  EXPECT_EQ(set.skipped[0].reason, to_string(KeyError::kNotSymmetric));
}

TEST(JwkSet, SkipsWhatIsNoKey) {
  EXPECT_EQ(reason_for("1"), "not an object");
  EXPECT_EQ(reason_for("[]"), "not an object");
  EXPECT_EQ(reason_for("{}"), "kty is missing");
  EXPECT_EQ(reason_for(R"({"kty":1})"), "kty is not a string");
  EXPECT_EQ(reason_for(R"({"kty":"AKP","alg":"ML-DSA-44","pub":"AA"})"), "alg is not among those allowed");
  EXPECT_EQ(reason_for(R"({"kty":"rsa","n":"AA","e":"AQAB"})"), "no allowed algorithm is of its type and curve");
  EXPECT_EQ(reason_for(R"({"kty":"RSA","e":"AQAB"})"), "n or e is missing or not base64url");
  EXPECT_EQ(reason_for(R"({"kty":"RSA","n":"","e":""})"), to_string(KeyError::kWeak));
  EXPECT_EQ(reason_for(R"({"kty":"EC","crv":"P-256","x":1,"y":2})"), "x or y is missing or not base64url");
  EXPECT_EQ(reason_for(R"({"kty":"EC","crv":1})"), "crv is not a string");
}

TEST(JwkSet, J32_J34_TheTextIsStrictJson) {
  const std::string jwk = test_jwk(Algorithm::kEs256);
  for (const std::string& text :
       {std::string(), std::string("x"), std::string("[]"), std::string("null"), std::string("{}"),
        std::string(R"({"keys":{}})"), std::string(R"({"keys":null})"), set_of({jwk}) + "x",
        R"({"keys":[],"keys":[)" + jwk + "]}", set_of({test_jwk(Algorithm::kEs256, R"(,"alg":"ES256","alg":"ES384")")}),
        set_of({test_jwk(Algorithm::kEs256, R"(,"\u0061lg":"ES256","alg":"ES384")")}),
        set_of({test_jwk(Algorithm::kEs256, R"(,"kid":"a\u0000")")}),
        set_of({test_jwk(Algorithm::kEs256, ",\"kid\":\"\xff\"")}),
        R"({"keys":)" + std::string(100, '[') + std::string(100, ']') + "}"}) {
    const auto set = parse_jwk_set(text, published());
    ASSERT_FALSE(set) << text;
    EXPECT_TRUE(set.error().starts_with("not a key set")) << set.error();
  }
}

TEST(JwkSet, SizesAreBounded) {
  EXPECT_FALSE(parse_jwk_set(set_of({test_jwk(Algorithm::kEs256)}) + std::string(kJwkSetBytesMax, ' '), published()));
  const auto many = [](std::size_t count) {
    std::string items;
    for (std::size_t i = 0; i < count; ++i) items += (i == 0 ? "" : ",") + std::string("{}");
    return "{\"keys\":[" + items + "]}";
  };
  EXPECT_EQ(parse(many(kJwkSetKeysMax)).skipped.size(), kJwkSetKeysMax);
  EXPECT_FALSE(parse_jwk_set(many(kJwkSetKeysMax + 1), published()));
}

TEST(JwkSet, ReasonsHoldNothingOfTheText) {
  const std::string canary = "canary-0123456789abcdef0123456789";
  for (const char* member : {"use", "alg", "kty", "crv", "n", "k", "x", "key_ops", "kid"}) {
    const std::string jwk = std::string("{\"") + member + "\":\"" + canary + "\"" +
                            (std::string_view(member) == "kty" ? "" : ",\"kty\":\"RSA\"") + "}";
    for (const SkippedKey& skipped : parse(set_of({jwk}), secret()).skipped)
      EXPECT_EQ(skipped.reason.find("canary"), std::string::npos) << skipped.reason;
  }
  EXPECT_EQ(parse_jwk_set("{\"" + canary, published()).error().find("canary"), std::string::npos);
}

TEST(JwkSet, LeavesNothingInTheErrorQueue) {
  ERR_clear_error();
  const std::string y = base64url_encode(bn_param(test_pkey(Algorithm::kEs256), "qy", 32));
  (void)parse(set_of({replaced(test_jwk(Algorithm::kEs256), y, base64url_encode(std::string(32, 'y'))),
                      R"({"kty":"RSA","n":"","e":""})", test_jwk(Algorithm::kRs256)}));
  EXPECT_EQ(ERR_peek_error(), 0UL);
}

}  // namespace
}  // namespace sluice::token

// Compact JWS: parsing, keys, and the published vectors.
#include "token/jws.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <thread>
#include <vector>

#include "base/bytes.h"

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
  for (const Key& signer : {key(), key("one"), Key::ed25519_private(std::string(31, 'k') + "x", "ed").value()}) {
    const auto verified = verify_jws(sign_jws(signer, "payload", "shape+jwt"), std::vector{signer});
    ASSERT_TRUE(verified);
    EXPECT_EQ(verified->payload, "payload");
    EXPECT_EQ(verified->type, "shape+jwt");
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

TEST(Jws, J30_RejectsEveryCriticalExtension) {
  for (const char* crit : {R"(["exp"])", "[]", R"("exp")", "null", "{}", R"(["alg"])", R"(["x","x"])", R"(["b64"])"})
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

// The keys of a vector file's group that can be made here.
std::vector<Key> keys_of(simdjson::dom::object group) {
  std::vector<Key> keys;
  bool usable = true;
  const auto text_of = [](simdjson::dom::element jwk, const char* name) {
    std::string_view text;
    return jwk[name].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
  };
  const auto add = [&](simdjson::dom::element jwk) {
    const auto secret = base64url_decode(text_of(jwk, "k"));
    const auto point = base64url_decode(text_of(jwk, "x"));
    std::expected<Key, KeyError> made = std::unexpected(KeyError::kWrongType);
    if (text_of(jwk, "alg") == "HS256" && secret) made = Key::hmac_sha256(*secret, text_of(jwk, "kid"));
    if (text_of(jwk, "crv") == "Ed25519" && point) made = Key::ed25519_public(*point, text_of(jwk, "kid"));
    if (made) keys.push_back(*made);
    if (!made && text_of(jwk, "alg") == "HS256") usable = false;  // a configuration with such a key does not start
  };
  simdjson::dom::element from;
  if (group["public"].get(from) != simdjson::SUCCESS && group["private"].get(from) != simdjson::SUCCESS) return keys;
  simdjson::dom::array set;
  if (from["keys"].get(set) != simdjson::SUCCESS)
    add(from);
  else
    for (const auto jwk : set) add(jwk);
  return usable ? keys : std::vector<Key>();
}

struct Tally {
  int accepted = 0, refused = 0;
};

bool has_flag(simdjson::dom::element test, std::string_view wanted) {
  for (const auto flag : test["flags"].get_array().value())
    if (flag.get_string().value() == wanted) return true;
  return false;
}

// Every group runs but the one on what else may stand in a set of keys: one whose key is of an algorithm that is not
// supported must be refused whole.
Tally run_vectors(const char* file) {
  simdjson::dom::parser parser;
  const simdjson::dom::element root = parser.load(std::string(SLUICE_VECTORS) + "/" + file).value();
  Tally tally;
  for (const simdjson::dom::object group : root["testGroups"].get_array().value()) {
    const std::vector<Key> keys = keys_of(group);
    for (const auto test : group["tests"].get_array().value()) {
      std::string_view token, result, comment;
      if (test["jws"].get(token) != simdjson::SUCCESS || has_flag(test, "MixedKeySet")) continue;
      result = test["result"].get_string().value();
      comment = test["comment"].get_string().value();
      const bool accepted = verify_jws(token, keys).has_value();
      const bool expected = result == "valid" && !keys.empty();
      EXPECT_EQ(accepted, expected) << file << " " << test["tcId"].get_int64().value() << " " << comment << " " << token;
      ++(accepted ? tally.accepted : tally.refused);
    }
  }
  return tally;
}

TEST(Jws, WycheproofSignatures) {
  const Tally tally = run_vectors("wycheproof_json_web_signature_test.json");
  EXPECT_GT(tally.accepted, 0);
  EXPECT_GT(tally.refused, 300);
}

TEST(Jws, WycheproofKeys) {
  const Tally tally = run_vectors("wycheproof_json_web_key_test.json");
  EXPECT_GT(tally.accepted, 0);
  EXPECT_GT(tally.refused, 10);
}

}  // namespace
}  // namespace sluice::token

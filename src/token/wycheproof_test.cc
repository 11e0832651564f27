// Project Wycheproof's vectors for JSON Web Signatures and JSON Web Keys: every valid token accepted, every invalid one
// refused, each counted.
#include <gtest/gtest.h>
#include <simdjson.h>

#include <map>
#include <set>

#include "token/jwk.h"
#include "token/jws.h"
#include "token/test_keys.h"

namespace sluice::token {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

// Vectors called valid that are refused here, and why.
const std::map<int, std::string_view>& refused_on_purpose() {
  static const std::map<int, std::string_view> reasons = {
      {346, "its key says PS256, the token PS384: the algorithm is the key's"},
      {350, "its key says PS256, the token PS384: the algorithm is the key's"},
      {347, "its key says ES521, which is no algorithm"},
      {351, "its key says ES521, which is no algorithm"},
      {348, "its secret is printed in RFC 7520"},
      {352, "its secret is printed in RFC 7520"},
      {357, "its secret is 32 zeros"},
      {358, "its secret is 32 zeros"},
      {359, "its secret is 32 zeros"},
      {376, "its secret is 32 zeros"},
      {377, "its secret is 32 zeros"},
      {372, "a question mark within base64url"},
      {373, "a question mark within base64url"},
  };
  return reasons;
}

struct Tally {
  int accepted = 0, refused = 0;
  std::set<int> valid_but_refused = {};
};

// The group's keys as their owner would give them: public ones where there are any, else the secret set.
std::vector<Key> keys_of(object group, std::string_view alg_from, std::string_view alg_to) {
  element jwks;
  const bool is_public = group["public"].get(jwks) == simdjson::SUCCESS;
  if (!is_public && group["private"].get(jwks) != simdjson::SUCCESS) return {};
  std::string text = simdjson::minify(jwks);
  if (const std::size_t at = text.find(alg_from); !alg_from.empty() && at != std::string::npos)
    text.replace(at, alg_from.size(), alg_to);
  const auto set = parse_jwk_set(text, {.algorithms = {kAllAlgorithms.begin(), kAllAlgorithms.end()}, .secret = !is_public});
  return set ? set->keys : std::vector<Key>();
}

Tally run(const char* file) {
  simdjson::dom::parser parser;
  const element root = parser.load(std::string(SLUICE_VECTORS) + "/" + file).value();
  Tally tally;
  for (const object group : root["testGroups"].get_array().value()) {
    const std::vector<Key> keys = keys_of(group, "", "");
    for (const element test : group["tests"].get_array().value()) {
      const int id = static_cast<int>(test["tcId"].get_int64().value());
      const std::string_view token = test["jws"].get_string().value();
      const bool valid = test["result"].get_string().value() == "valid";
      const bool accepted = verify_jws(token, keys).has_value();
      ++(accepted ? tally.accepted : tally.refused);
      if (valid && !accepted) tally.valid_but_refused.insert(id);
      EXPECT_TRUE(valid || !accepted) << file << " " << id << " " << test["comment"].get_string().value() << " " << token;
    }
  }
  EXPECT_EQ(tally.accepted + tally.refused, root["numberOfTests"].get_int64().value());
  return tally;
}

TEST(Wycheproof, J23_J24_JsonWebSignatures) {
  const Tally tally = run("wycheproof_json_web_signature_test.json");
  EXPECT_EQ(tally.accepted, 46 - 13);
  EXPECT_EQ(tally.refused, 355 + 13);
  std::set<int> expected;
  for (const auto& [id, reason] : refused_on_purpose()) expected.insert(id);
  EXPECT_EQ(tally.valid_but_refused, expected);
}

TEST(Wycheproof, J29_JsonWebKeys) {
  const Tally tally = run("wycheproof_json_web_key_test.json");
  EXPECT_EQ(tally.accepted, 5);
  EXPECT_EQ(tally.refused, 21);
  EXPECT_TRUE(tally.valid_but_refused.empty());
}

// The vectors whose key names another algorithm than their token: good once the key names the right one.
TEST(Wycheproof, MislabelledKeysVerifyOnceTheirAlgorithmIsRight) {
  simdjson::dom::parser parser;
  const element root = parser.load(std::string(SLUICE_VECTORS) + "/wycheproof_json_web_signature_test.json").value();
  int verified = 0;
  for (const object group : root["testGroups"].get_array().value())
    for (const element test : group["tests"].get_array().value()) {
      const auto id = test["tcId"].get_int64().value();
      if (id != 346 && id != 347 && id != 350 && id != 351) continue;
      const bool pss = id == 346 || id == 350;
      const auto keys = keys_of(group, pss ? "PS256" : "ES521", pss ? "PS384" : "ES512");
      verified += verify_jws(test["jws"].get_string().value(), keys).has_value();
    }
  EXPECT_EQ(verified, 4);
}

}  // namespace
}  // namespace sluice::token

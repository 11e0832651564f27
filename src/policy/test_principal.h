// For tests: a principal with these claims, made the only way there is, by verifying a token. One without a token is
// Principal::anonymous().
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "policy/principal.h"
#include "token/key.h"
#include "token/verifier.h"

namespace sluice::policy {

inline constexpr std::int64_t kTestNow_s = 1'800'000'000;

// `claims`: the members of an object without braces: R"("org_id":7)".
inline Principal test_principal(const std::string& claims, const std::string& identity = "app") {
  const auto key = token::Key::hmac_sha256("a key of thirty-two bytes or more, for tests");
  token::VerifierOptions options;
  options.name = identity;
  options.keys = {*key};
  const std::string more = claims.empty() ? "" : "," + claims;
  const std::string signed_token = token::sign(*key, R"({"sub":"alice","exp":1800003600)" + more + "}");
  auto verified = token::Verifier(options).verify(signed_token, kTestNow_s);
  if (!verified) throw std::runtime_error("test token: " + std::string(to_string(verified.error())));
  return Principal(*std::move(verified));
}

}  // namespace sluice::policy

// Verified tokens for tests: signed and verified as any other, so their claims are made the one way claims are made.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "token/key.h"
#include "token/verifier.h"

namespace sluice::gatekeeper {

inline const token::Key& test_key() {
  static const token::Key key = token::Key::hmac_sha256("a secret of the tests, 32 bytes or more").value();
  return key;
}

inline std::shared_ptr<const token::VerifiedToken> test_token(const std::string& claims, std::int64_t now_s = 1000) {
  static const token::Verifier verifier({.name = "test", .keys = {test_key()}});
  auto verified = verifier.verify(token::sign(test_key(), claims), now_s);
  if (!verified) throw std::runtime_error(std::string(to_string(verified.error())) + ": " + claims);
  return *std::move(verified);
}

}  // namespace sluice::gatekeeper

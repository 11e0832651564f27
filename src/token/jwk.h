// JSON Web Keys and Key Sets (RFC 7517, RFC 7518 section 6, RFC 8037), read strictly.
//
// A key becomes usable only where it is whole and means verifying signatures: `kty` known, `use` absent or "sig", `key_ops`
// absent or holding "verify", curve points on their curve, RSA of 2048 bits and more with a sane exponent, no private
// members where public keys are published, no `oct` but where the set's owner says it is secret, and then not beside public
// keys (SECURITY J29). Others are skipped, each with a reason: a set with one odd key still works. A set in which two
// different keys have one `kid` and one algorithm keeps neither, even where one of them could not be used.
//
// A key has exactly one algorithm. Where a JWK has no `alg`, it stands for one Key for each of the caller's algorithms that
// its type and curve can have.
//
// No state, any thread. A usual set of two keys costs some 0.2 ms, the largest one allowed 5 to 35 ms.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "token/key.h"

namespace sluice::token {

inline constexpr std::size_t kJwkSetBytesMax = 256 * 1024;
inline constexpr std::size_t kJwkSetKeysMax = 256;

struct JwkSetOptions {
  // Those that the issuer may sign with; keys of others are skipped.
  std::vector<Algorithm> algorithms;
  // The set is a secret of its owner: `oct` keys and private keys' public halves are taken.
  bool secret = false;
};

struct SkippedKey {
  std::string key_id;  // "" where it has none; at most kKeyIdBytesMax printable characters
  std::string reason;  // "use is not \"sig\"": never anything of the set's text
};

struct JwkSet {
  std::vector<Key> keys;
  std::vector<SkippedKey> skipped;
};

// `text` is a JWK Set, or one JWK. The error is for logs; it holds nothing of the text.
std::expected<JwkSet, std::string> parse_jwk_set(std::string_view text, const JwkSetOptions& options);

}  // namespace sluice::token

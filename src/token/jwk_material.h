// The numbers of one JWK as a key that OpenSSL has (RFC 7518 section 6, RFC 8037 section 2). For the sources of this part.
#pragma once

#include <simdjson.h>

#include <expected>
#include <string>

#include "token/key.h"
#include "token/openssl.h"

namespace sluice::token {

// Is the JWK's type, and curve where it has one, the algorithm's?
bool fits(Algorithm algorithm, std::string_view type, std::string_view curve);

struct JwkMaterial {
  PKey key;            // the public half; nullptr for `oct`
  std::string secret;  // of `oct`
  std::string digest;  // SHA-256 of what the key is: equal for equal keys

  JwkMaterial() = default;
  JwkMaterial(JwkMaterial&&) = default;
  JwkMaterial& operator=(JwkMaterial&&) = default;
  ~JwkMaterial();  // erases the secret
};

// `algorithm` is one that fits the JWK. The error is a reason for logs, a constant.
std::expected<JwkMaterial, const char*> read_material(simdjson::dom::object jwk, Algorithm algorithm);

}  // namespace sluice::token

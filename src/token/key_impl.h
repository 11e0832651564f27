// Behind Key: one class a kind of key. For the sources of this part.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "token/key.h"
#include "token/openssl.h"

namespace sluice::token {

// Immutable, used by many threads at once. None of its functions leaves an error in OpenSSL's queue.
struct Key::Impl {
  Impl(Algorithm a, std::string id) : algorithm(a), key_id(std::move(id)) {}
  virtual ~Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  virtual bool can_sign() const = 0;
  virtual bool verify(std::string_view signing_input, std::string_view signature) const = 0;
  virtual std::string sign(std::string_view signing_input) const = 0;  // precondition: can_sign()

  const Algorithm algorithm;
  const std::string key_id;
};

// At most kKeyIdBytesMax printable ASCII characters; none at all means no name.
bool is_key_id(std::string_view id);

// A key of RSA, ECDSA or EdDSA over a key that OpenSSL has read, after the checks that key.h promises: kWrongType, kWeak, or
// kMalformed for a public half that is no point of its curve or that is not the private half's.
std::expected<Key, KeyError> signature_key(Algorithm algorithm, PKey key, std::string key_id, bool can_sign);

}  // namespace sluice::token

// Compact JWS (RFC 7515 section 7.1): three base64url parts, a header, a signature. What is signed is bytes; claims are
// verifier.h's.
//
// Stricter than the RFC where leniency has cost others: no critical extensions at all, no `b64`, no key in the header, one
// spelling of base64url, no JSON serialisation.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "token/key.h"
#include "token/token_error.h"

namespace sluice::token {

struct VerifiedJws {
  std::string payload;
  std::string type;  // the header's `typ`; "" where absent
};

// A bad token that names no key costs a verification by each key of its algorithm; where more have it, it must name one.
inline constexpr std::size_t kKeysTriedMax = 8;

// Good under one of the keys, each tried only for its own algorithm. A token that names a key (`kid`) is tried with the keys
// of that name only, and refused where two keys of its algorithm have it; unless no key has a name: then names mean nothing
// here and are not looked at.
std::expected<VerifiedJws, TokenError> verify_jws(std::string_view compact, std::span<const Key> keys);

// The `kid` of a token's header, without verifying anything: to decide whether to look for new keys, and for nothing else.
// nullopt where the token is none, its header is one that verify_jws() refuses, or it names no key.
std::optional<std::string> key_id_of(std::string_view compact);

// Precondition: key.can_sign(). No `typ` where `type` is empty; `kid` where the key has a name.
std::string sign_jws(const Key& key, std::string_view payload, std::string_view type);

}  // namespace sluice::token

// A revocation as one line of JSON, the form in which it is kept and shared (docs/format-revocations.md).
//
//   {"kind":"token","value":"<jti>","issuer":"<iss>","forget_at":1764000000}
//   {"kind":"subject","value":"<sub>","issuer":"<iss>","before":1763996400,"forget_at":1764000000}
//   {"kind":"issuer","value":"<iss>","before":…,"forget_at":…}
//   {"kind":"all","before":…,"forget_at":…}
//
// `issuer` is left out where it is any.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "gatekeeper/revocations.h"

namespace sluice::gatekeeper {

// No claim of a token is longer.
inline constexpr std::size_t kRevocationValueBytesMax = 8 * 1024;
// Two such values, each byte escaped, and the rest.
inline constexpr std::size_t kRevocationTextBytesMax = 2 * 6 * kRevocationValueBytesMax + 256;

// What is wrong with a revocation that cannot be kept: a value missing or superfluous, longer than the bound, no UTF-8 or
// with a NUL; a time that is negative or beyond 2^53.
std::expected<void, std::string> check(const Revocation& revocation);

// What each RevocationStore does first: checks it, and puts it in force here, from now on by the system's clock.
std::expected<void, std::string> put_in_force(const Revocation& revocation, Revocations& revocations);

// Seconds since the epoch by the system's clock.
std::int64_t system_now_s();

// Precondition: check() is content with it.
std::string print_revocation(const Revocation& revocation);

// Strict: an unknown or repeated member, one of another type or missing is an error that says so.
std::expected<Revocation, std::string> parse_revocation(std::string_view text);

}  // namespace sluice::gatekeeper

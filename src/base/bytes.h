// Bytes: base64url, hexadecimal, constant-time comparison, randomness.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice {

// RFC 4648 section 5 without padding.
std::string base64url_encode(std::string_view bytes);

// Strict: only the base64url alphabet, no padding, no white space, no length of 1 mod 4, and no non-zero bits beyond the
// last byte, so every byte string has exactly one spelling (RFC 7515 section 2, RFC 4648 section 3.5).
std::optional<std::string> base64url_decode(std::string_view text);

// Lower-case hexadecimal.
std::string hex_encode(std::string_view bytes);
std::optional<std::string> hex_decode(std::string_view text);

// Time depends on the lengths only, never on the contents.
bool constant_time_equal(std::string_view a, std::string_view b);

// From the kernel's generator. Never fails: it aborts the process where the kernel has none.
void fill_random(std::span<std::uint8_t> out);
// The same, without a system call each time.
std::uint64_t random_u64();

}  // namespace sluice

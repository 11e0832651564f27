// The character classes of HTTP/1.1 (RFC 9110 section 5.6.2, RFC 9112 section 3.2, RFC 3986), as table look-ups.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::http {

enum CharClass : std::uint8_t {
  kTokenChar = 1,  // field names, methods
  kValueChar = 2,  // visible ASCII, space, tab, obs-text
  kPathChar = 4,   // pchar and `/` without what two parsers may read differently: `%`, `;`
  kQueryChar = 8,  // visible ASCII without `#`; the query's own codec is stricter
  kHostChar = 16,  // a registered name or IPv4 address; no escapes, no user info
};

extern const std::array<std::uint8_t, 256> kCharClasses;

inline bool is_char(char c, CharClass of) {
  return (kCharClasses[static_cast<unsigned char>(c)] & of) != 0;
}

inline bool all_chars(std::string_view text, CharClass of) {
  std::uint8_t all = of;
  for (char c : text) all &= kCharClasses[static_cast<unsigned char>(c)];
  return all != 0;
}

inline char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

// Without optional white space at either end (OWS, RFC 9110 section 5.6.3).
inline std::string_view without_ows(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// 1*19DIGIT without a leading zero, below 2^63: no sign, no list, no white space (RFC 9110 section 8.6, stricter).
std::optional<std::uint64_t> parse_content_length(std::string_view text);

// uri-host [ ":" port ], not empty (RFC 9110 section 7.2).
bool is_host(std::string_view text);

}  // namespace sluice::http

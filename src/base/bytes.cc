#include "base/bytes.h"

#include <sys/random.h>

#include <array>
#include <cstdlib>
#include <utility>

namespace sluice {
namespace {

constexpr std::string_view kBase64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::uint8_t kNone = 0xff;

constexpr std::array<std::uint8_t, 256> make_reverse(std::string_view alphabet) {
  std::array<std::uint8_t, 256> reverse{};
  reverse.fill(kNone);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    reverse[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return reverse;
}

constexpr auto kBase64UrlReverse = make_reverse(kBase64Url);
constexpr auto kHexReverse = make_reverse(kHex);

}  // namespace

std::string base64url_encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = (bits << 8) | static_cast<unsigned char>(c);
    count += 8;
    while (count >= 6) {
      count -= 6;
      out += kBase64Url[(bits >> count) & 63];
    }
  }
  if (count > 0) out += kBase64Url[(bits << (6 - count)) & 63];
  return out;
}

std::optional<std::string> base64url_decode(std::string_view text) {
  if (text.size() % 4 == 1) return std::nullopt;
  const auto value_at = [text](std::size_t i) -> std::uint32_t {
    return kBase64UrlReverse[static_cast<unsigned char>(text[i])];
  };
  std::string out(text.size() * 3 / 4, '\0');
  char* to = out.data();
  std::uint32_t bad = 0;  // has kNone's high bits once a character was none of the alphabet
  std::size_t i = 0;
  for (; i + 4 <= text.size(); i += 4) {
    const std::uint32_t a = value_at(i), b = value_at(i + 1), c = value_at(i + 2), d = value_at(i + 3);
    bad |= a | b | c | d;
    const std::uint32_t bits = a << 18 | b << 12 | c << 6 | d;
    *to++ = static_cast<char>(bits >> 16);
    *to++ = static_cast<char>(bits >> 8);
    *to++ = static_cast<char>(bits);
  }
  // Two or three characters more: one byte or two, and bits that must be zero.
  std::uint32_t bits = 0;
  const std::size_t rest = text.size() - i;
  for (; i < text.size(); ++i) {
    bad |= value_at(i);
    bits = bits << 6 | value_at(i);
  }
  if (rest == 2) *to = static_cast<char>(bits >> 4);
  if (rest == 3) {
    to[0] = static_cast<char>(bits >> 10);
    to[1] = static_cast<char>(bits >> 2);
  }
  const std::uint32_t spare = rest == 2 ? bits & 15 : rest == 3 ? bits & 3 : 0;
  if (bad >= 64 || spare != 0) return std::nullopt;
  return out;
}

std::string hex_encode(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    out += kHex[static_cast<unsigned char>(c) >> 4];
    out += kHex[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

std::optional<std::string> hex_decode(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const std::uint8_t high = kHexReverse[static_cast<unsigned char>(text[i])];
    const std::uint8_t low = kHexReverse[static_cast<unsigned char>(text[i + 1])];
    if (high == kNone || low == kNone) return std::nullopt;
    out += static_cast<char>(high << 4 | low);
  }
  return out;
}

bool constant_time_equal(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  volatile unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference = difference | static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

void fill_random(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      std::abort();
    }
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

std::uint64_t random_u64() {
  // A call of the kernel fetches many; each is forgotten as it is handed out.
  constexpr std::size_t kFetched = 32;
  thread_local std::array<std::uint64_t, kFetched> words;
  thread_local std::size_t left = 0;
  if (left == 0) {
    fill_random({reinterpret_cast<std::uint8_t*>(words.data()), sizeof words});
    left = kFetched;
  }
  return std::exchange(words[--left], 0);
}

}  // namespace sluice

#include "http/syntax.h"

namespace sluice::http {
namespace {

constexpr bool is_alphanumeric(int c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

constexpr bool is_one_of(int c, std::string_view set) {
  return c != 0 && set.find(static_cast<char>(c)) != std::string_view::npos;
}

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> table{};
  for (int c = 0; c < 256; ++c) {
    const bool visible = c > 0x20 && c < 0x7f;
    const bool ascii = c < 0x80;
    std::uint8_t classes = 0;
    if (ascii && (is_alphanumeric(c) || is_one_of(c, "!#$%&'*+-.^_`|~"))) classes |= kTokenChar;
    if (visible || c == ' ' || c == '\t' || !ascii) classes |= kValueChar;
    if (ascii && (is_alphanumeric(c) || is_one_of(c, "-._~!$&'()*+,=:@/"))) classes |= kPathChar;
    if (visible && c != '#') classes |= kQueryChar;
    if (ascii && (is_alphanumeric(c) || is_one_of(c, "-._~"))) classes |= kHostChar;
    table[static_cast<std::size_t>(c)] = classes;
  }
  return table;
}

bool is_port(std::string_view text) {
  if (text.size() > 5) return false;
  unsigned port = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return false;
    port = port * 10 + static_cast<unsigned>(c - '0');
  }
  return port <= 65535;
}

bool is_ip_literal(std::string_view text) {  // between the brackets
  if (text.size() < 2 || text.size() > 45) return false;
  return text.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
}

}  // namespace

constexpr std::array<std::uint8_t, 256> kCharClasses = make_classes();

std::optional<std::uint64_t> parse_content_length(std::string_view text) {
  if (text.empty() || text.size() > 19 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  std::uint64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (value >> 63) return std::nullopt;
  return value;
}

bool is_host(std::string_view text) {
  if (text.empty() || text.size() > 261) return false;  // a name of 255 bytes, a colon, a port
  std::string_view host = text;
  std::string_view rest;
  if (text[0] == '[') {
    const auto end = text.find(']');
    if (end == std::string_view::npos || !is_ip_literal(text.substr(1, end - 1))) return false;
    rest = text.substr(end + 1);
  } else {
    const auto colon = text.find(':');
    host = text.substr(0, colon);
    if (host.empty() || !all_chars(host, kHostChar)) return false;
    if (colon != std::string_view::npos) rest = text.substr(colon);
  }
  return rest.empty() || (rest[0] == ':' && is_port(rest.substr(1)));
}

}  // namespace sluice::http

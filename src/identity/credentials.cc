#include "identity/credentials.h"

#include <algorithm>
#include <array>

#include "http/syntax.h"

namespace sluice::identity {
namespace {

constexpr std::string_view kScheme = "bearer";

// RFC 6750 section 2.1. A table, since every byte of every request's token is looked at.
constexpr std::array<bool, 256> kTokenChars = [] {
  std::array<bool, 256> table{};
  for (const unsigned char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"))
    table[c] = true;
  return table;
}();

// b64token = 1*token-char *"="
bool is_b64token(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  bool all = !text.empty();
  for (const unsigned char c : text) all &= kTokenChars[c];
  return all;
}

std::expected<std::string_view, CredentialError> the_only(const http::Fields& fields, std::string_view name) {
  const std::size_t count = fields.count(name);
  if (count == 0) return std::unexpected(CredentialError::kMissing);
  if (count > 1) return std::unexpected(CredentialError::kRepeated);
  return *fields.get(name);
}

// The text before the next `;`, which is taken off.
std::string_view take_pair(std::string_view& cookies) {
  const std::size_t end = std::min(cookies.find(';'), cookies.size());
  const std::string_view pair = cookies.substr(0, end);
  cookies.remove_prefix(std::min(end + 1, cookies.size()));
  return pair;
}

}  // namespace

std::expected<std::string_view, CredentialError> bearer_token(const http::Fields& fields) {
  const auto field = the_only(fields, "authorization");
  if (!field) return field;
  std::string_view value = *field;
  const bool is_bearer = value.size() > kScheme.size() && value[kScheme.size()] == ' ' &&
                         http::equal_ignoring_case(value.substr(0, kScheme.size()), kScheme);
  if (!is_bearer) return std::unexpected(CredentialError::kMalformed);
  value.remove_prefix(kScheme.size());
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  if (!is_b64token(value)) return std::unexpected(CredentialError::kMalformed);
  return value;
}

std::expected<std::string_view, CredentialError> cookie_token(const http::Fields& fields, std::string_view name) {
  const auto field = the_only(fields, "cookie");
  if (!field) return field;
  std::string_view found;
  bool seen = false;
  for (std::string_view left = *field; !left.empty();) {
    const std::string_view pair = take_pair(left);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || http::without_ows(pair.substr(0, equals)) != name) continue;
    if (seen) return std::unexpected(CredentialError::kRepeated);
    seen = true;
    found = http::without_ows(pair.substr(equals + 1));
  }
  if (!seen) return std::unexpected(CredentialError::kMissing);
  if (!is_b64token(found)) return std::unexpected(CredentialError::kMalformed);
  return found;
}

}  // namespace sluice::identity

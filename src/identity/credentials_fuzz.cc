// Any bytes as Authorization and as Cookie fields, one a line: a credential that is found is one b64token of the field, and
// the only one there.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "identity/credentials.h"

namespace {

using namespace sluice;
using identity::CredentialError;

void require(bool condition) {
  if (!condition) std::abort();
}

http::Fields fields_of(std::string_view name, std::string_view lines) {
  http::Fields fields;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    if (http::is_field_value(lines.substr(0, end))) fields.add(name, lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return fields;
}

bool is_b64token(std::string_view text) {
  constexpr std::string_view kChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/";
  const std::size_t end = std::min(text.find_first_not_of(kChars), text.size());
  return end > 0 && text.find_first_not_of('=', end) == std::string_view::npos;
}

// How often `name=` begins a cookie.
std::size_t count_cookies(std::string_view field, std::string_view name) {
  std::size_t count = 0;
  while (!field.empty()) {
    const std::size_t end = std::min(field.find(';'), field.size());
    std::string_view pair = field.substr(0, end);
    pair.remove_prefix(std::min(pair.find_first_not_of(" \t"), pair.size()));
    if (pair.starts_with(name)) {
      pair.remove_prefix(name.size());
      pair.remove_prefix(std::min(pair.find_first_not_of(" \t"), pair.size()));
      if (pair.starts_with('=')) ++count;
    }
    field.remove_prefix(std::min(end + 1, field.size()));
  }
  return count;
}

void check_cookie(std::string_view lines) {
  constexpr std::string_view kName = "session";
  const http::Fields fields = fields_of("cookie", lines);
  const auto found = identity::cookie_token(fields, kName);
  if (fields.size() == 0) require(!found && found.error() == CredentialError::kMissing);
  if (fields.size() > 1) require(!found && found.error() == CredentialError::kRepeated);
  if (fields.size() != 1) return;
  const std::string_view field = fields.at(0).value;
  const std::size_t count = count_cookies(field, kName);
  if (count == 0) require(!found && found.error() == CredentialError::kMissing);
  if (count > 1) require(!found && found.error() == CredentialError::kRepeated);
  if (count == 1 && !found) require(found.error() == CredentialError::kMalformed);
  if (found) require(count == 1 && is_b64token(*found) && field.find(*found) != std::string_view::npos);
}

void check_bearer(std::string_view lines) {
  const http::Fields fields = fields_of("authorization", lines);
  const auto found = identity::bearer_token(fields);
  if (!found) return;
  require(fields.size() == 1 && is_b64token(*found));
  const std::string_view field = fields.at(0).value;
  require(http::equal_ignoring_case(field.substr(0, 7), "bearer ") && field.ends_with(*found));
  require(field.find_first_not_of(' ', 6) == field.size() - found->size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_cookie(text);
  check_bearer(text);
  return 0;
}

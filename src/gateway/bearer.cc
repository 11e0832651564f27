#include "gateway/bearer.h"

#include <algorithm>

namespace sluice::gateway {
namespace {

constexpr std::string_view kScheme = "bearer";

// RFC 6750: b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="
bool is_token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
         c == '~' || c == '+' || c == '/' || c == '=';
}

}  // namespace

std::expected<std::string_view, BearerError> bearer_token(const http::Fields& fields) {
  const std::size_t count = fields.count("authorization");
  if (count == 0) return std::unexpected(BearerError::kMissing);
  if (count > 1) return std::unexpected(BearerError::kRepeated);
  std::string_view value = *fields.get("authorization");
  if (value.size() <= kScheme.size() || !http::equal_ignoring_case(value.substr(0, kScheme.size()), kScheme) ||
      value[kScheme.size()] != ' ')
    return std::unexpected(BearerError::kMalformed);
  value.remove_prefix(kScheme.size());
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  if (value.empty() || !std::all_of(value.begin(), value.end(), is_token_char))
    return std::unexpected(BearerError::kMalformed);
  return value;
}

}  // namespace sluice::gateway

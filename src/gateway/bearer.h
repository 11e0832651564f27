// The credential of a request (RFC 6750 section 2.1): exactly one Authorization field, `Bearer` in any case, one token.
// Credentials in the query string or in a body are not looked at (SECURITY J44).
#pragma once

#include <expected>
#include <string_view>

#include "http/message.h"

namespace sluice::gateway {

enum class BearerError { kMissing, kRepeated, kMalformed };

std::expected<std::string_view, BearerError> bearer_token(const http::Fields& fields);

}  // namespace sluice::gateway

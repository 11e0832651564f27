// The credential of a request: one token, from the one place where it belongs. What is in a query string or a body is not
// looked at (SECURITY J44). "No credential" is an answer of its own and never the answer to a bad one (J38).
#pragma once

#include <expected>
#include <string_view>

#include "http/message.h"

namespace sluice::identity {

enum class CredentialError {
  kMissing,    // none at all
  kRepeated,   // the field, or the cookie, is there more than once
  kMalformed,  // something is there, and it is no token
};

// RFC 6750 section 2.1: exactly one Authorization field, `Bearer` in any case, spaces, one b64token.
std::expected<std::string_view, CredentialError> bearer_token(const http::Fields& fields);

// RFC 6265 section 4.2.1: exactly one Cookie field (section 5.4: clients of HTTP/1.1 send no more), in it exactly one cookie
// of this name, in this case, whose value is a b64token. What other cookies hold is not our business. Precondition: `name`
// is a token (RFC 6265 section 4.1.1).
std::expected<std::string_view, CredentialError> cookie_token(const http::Fields& fields, std::string_view name);

}  // namespace sluice::identity

// Saying no: the JSON errors of the gateway.
//
// {"error": "<code>", "message": "<text>"}, and "parameter" where one is to blame. `reason` is for the log: it may name
// rules and claims and never leaves the process by another way (SECURITY E14, A17).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/message.h"
#include "token/token_error.h"

namespace sluice::gateway {

struct Refusal {
  int status;
  std::string_view code;
  std::string message;
  std::string parameter = {};
  std::string reason = {};
  std::int64_t retry_after_s = 0;  // above 0: sent as Retry-After
};

// Those that several places say, always in the same words: what differs is only in `reason`.
Refusal invalid_request(std::string message, std::string parameter = {});
Refusal token_missing();
Refusal token_invalid(std::string reason);
Refusal token_expired();
Refusal token_revoked();
Refusal token_refused(token::TokenError error);  // token_expired or token_invalid
// For an unknown shape as for a forbidden one.
Refusal shape_forbidden(std::string reason);
Refusal authorizer_unavailable(std::string reason);
Refusal not_found();

// Fills `response` with status, body and the fields that belong to the code: `WWW-Authenticate` with 401 (RFC 6750
// section 3), `Cache-Control: no-store` always.
void answer_refusal(const Refusal& refusal, http::Response& response);

// A JSON answer of the gateway's own, not to be stored.
void answer_json(int status, Buffer body, http::Response& response);

}  // namespace sluice::gateway

// Saying no: the JSON errors of the gateway.
//
// {"error": "<code>", "message": "<text>"}, and "parameter" where one is to blame. `reason` is for the log: it may name
// rules and claims and never leaves the process by another way (SECURITY E14, A17).
#pragma once

#include <string>
#include <string_view>

#include "http/message.h"

namespace sluice::gateway {

struct Refusal {
  int status;
  std::string_view code;
  std::string message;
  std::string parameter = {};
  std::string reason = {};
};

// Fills `response` with status, body and the fields that belong to the code: `WWW-Authenticate` with 401 (RFC 6750
// section 3), `Cache-Control: no-store` always.
void answer_refusal(const Refusal& refusal, http::Response& response);

// A JSON answer of the gateway's own, not to be stored.
void answer_json(int status, Buffer body, http::Response& response);

}  // namespace sluice::gateway

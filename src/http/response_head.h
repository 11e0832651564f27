// A response's head as bytes: status line, the server's own framing fields, Date, then the handler's fields.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"
#include "http/request_head.h"

namespace sluice::http {

// How the body's end is told (RFC 9112 section 6.3).
struct ResponseFraming {
  enum class Kind : std::uint8_t { kNone, kLength, kChunked, kUntilClose } kind = Kind::kNone;
  std::uint64_t body_bytes = 0;  // of kLength
};

// For the answer to a request with that method and version.
ResponseFraming framing_of(const Response& response, bool http_1_0);

// 1xx, 204 and 304 have no body, nor has any answer to HEAD.
bool has_body(Method method, int status);

struct ResponseHeadOptions {
  ResponseFraming framing;
  bool close = false;
  bool http_1_0 = false;  // of the request: keeping the connection must then be said
};

void append_response_head(std::string& out, const Response& response, const ResponseHeadOptions& options);

// The answer to a refused request as a whole: JSON, not cached, closing the connection.
void append_refusal(std::string& out, const Refusal& refusal);

// "Date: …\r\n" of now (RFC 9110 section 5.6.7), made once a second for each thread.
std::string_view date_line();

}  // namespace sluice::http

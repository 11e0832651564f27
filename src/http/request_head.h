// A request's head: parsed by Boost.Beast's parser straight into our own fields, then held to rules stricter than Beast's,
// so that no proxy before us and no server behind us can read the same bytes as another request (SECURITY H50 to H54, H57).
//
// Threads: none of its own; a RequestHead belongs to one connection and is used again, keeping its memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"
#include "http/server.h"

namespace sluice::http {

// An answer that ends the connection: what was wrong with the request.
struct Refusal {
  int status;
  std::string_view error;    // a code for programs
  std::string_view message;  // a sentence for people; never holds bytes of the request
};

inline constexpr Refusal kBadRequest{400, "bad_request", "The request is not valid HTTP/1.1."};
inline constexpr Refusal kBadTarget{400, "bad_target", "The request target is not an absolute path in plain form."};
inline constexpr Refusal kBadHost{400, "bad_host", "The request needs exactly one valid Host field."};
inline constexpr Refusal kBadFraming{400, "bad_framing", "The length of the request body is not plain."};
inline constexpr Refusal kTargetTooLong{414, "target_too_long", "The request target is too long."};
inline constexpr Refusal kHeadTooLarge{431, "headers_too_large", "The request's fields are too large or too many."};
inline constexpr Refusal kBodyTooLarge{413, "body_too_large", "The request body is too large."};
inline constexpr Refusal kExpectationFailed{417, "expectation_failed", "Only 100-continue can be expected."};
inline constexpr Refusal kRequestTimeout{408, "request_timeout", "The request took too long to arrive."};
inline constexpr Refusal kTooManyConnections{503, "too_many_connections", "The server has no connection to spare."};
inline constexpr Refusal kInternal{500, "internal", "The request could not be handled."};

enum class BodyFraming : std::uint8_t { kNone, kLength, kChunked };

struct RequestHead {
  Method method = Method::kOther;
  std::string target;
  Fields fields;
  BodyFraming framing = BodyFraming::kNone;
  std::uint64_t body_bytes = 0;  // of kLength
  bool http_1_0 = false;
  bool keep_alive = false;
  bool expects_continue = false;

  std::string_view path() const;
  std::string_view query() const;
  void clear();
};

// `text` is one whole head with its empty line, as HeadScan found it. Fills `head` (cleared by the caller), or says why not.
std::optional<Refusal> parse_request_head(std::string_view text, const ServerLimits& limits, RequestHead& head);

// Why the path of a target is refused (H57), for any target that is not `OPTIONS *`: not an absolute path, `//`, a dot
// segment, an escape, `;`, `\`, `#`, a byte that is not visible ASCII.
bool is_plain_target(std::string_view target);

}  // namespace sluice::http

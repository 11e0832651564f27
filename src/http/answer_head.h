// The head of an origin's answer, as the client reads it: as strict as the server is about requests.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "http/message.h"

namespace sluice::http {

struct AnswerHead {
  enum class Framing : std::uint8_t { kNone, kLength, kChunked, kUntilClose };

  int status = 0;
  Fields fields;  // hop-by-hop fields removed (RFC 9110 section 7.6.1)
  Framing framing = Framing::kNone;
  std::uint64_t body_bytes = 0;  // of kLength
  bool keep_alive = false;
};

// `text` is one whole head, as HeadScan found it; `method` is the request's. Nothing where it is not valid.
std::optional<AnswerHead> parse_answer_head(std::string_view text, Method method);

}  // namespace sluice::http

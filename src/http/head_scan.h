// Finds the end of a message head as its bytes arrive, and refuses line endings that parsers disagree about: a bare LF, a
// line that begins with white space (obs-fold, RFC 9112 section 5.2), an empty first line.
//
// Each byte is looked at once however the head is cut into pieces. A bare CR is left to the parser of the whole head.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::http {

class HeadScan {
 public:
  enum class Result : std::uint8_t { kMore, kComplete, kBad };

  // `text` begins with the head and grows from call to call.
  Result scan(std::string_view text);

  std::size_t head_bytes() const { return line_at_; }  // once complete: with its empty line
  std::size_t lines() const { return lines_; }         // finished so far, the first line counted
  void reset() { *this = HeadScan(); }

 private:
  std::size_t scanned_ = 0;
  std::size_t line_at_ = 0;
  std::size_t lines_ = 0;
};

}  // namespace sluice::http

#include "http/head_scan.h"

#include <cstring>

#include "http/syntax.h"

namespace sluice::http {

HeadScan::Result HeadScan::scan(std::string_view text) {
  // A first byte that begins no method and no version (a TLS hello, say) will never become a head.
  if (scanned_ == 0 && !text.empty() && !is_char(text[0], kTokenChar)) return Result::kBad;
  while (scanned_ < text.size()) {
    const void* found = std::memchr(text.data() + scanned_, '\n', text.size() - scanned_);
    if (found == nullptr) {
      scanned_ = text.size();
      return Result::kMore;
    }
    const auto line_feed = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
    if (line_feed == line_at_ || text[line_feed - 1] != '\r') return Result::kBad;
    const std::size_t line_bytes = line_feed - 1 - line_at_;
    if (line_bytes > 0 && (text[line_at_] == ' ' || text[line_at_] == '\t')) return Result::kBad;
    scanned_ = line_feed + 1;
    line_at_ = line_feed + 1;
    if (line_bytes == 0) return lines_ == 0 ? Result::kBad : Result::kComplete;
    ++lines_;
  }
  return Result::kMore;
}

}  // namespace sluice::http

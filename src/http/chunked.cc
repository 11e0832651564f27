#include "http/chunked.h"

#include <algorithm>

#include "http/syntax.h"

namespace sluice::http {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = to_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

ChunkedDecoder::Result ChunkedDecoder::decode(std::string_view& in, std::string& out, std::size_t out_bytes_max) {
  while (!in.empty() && state_ != State::kDone && state_ != State::kBad) {
    if (state_ != State::kData) {
      state_ = take(in.front());
      in.remove_prefix(1);
      // A chunk that cannot fit is refused by its size line, before its bytes come.
      if (state_ == State::kData && size_ > out_bytes_max - std::min(out.size(), out_bytes_max)) return Result::kTooLarge;
      continue;
    }
    const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(size_, in.size()));
    out.append(in.substr(0, n));
    in.remove_prefix(n);
    size_ -= n;
    if (size_ == 0) state_ = State::kDataCr;
  }
  if (state_ == State::kBad) return Result::kBad;
  return state_ == State::kDone ? Result::kDone : Result::kMore;
}

ChunkedDecoder::State ChunkedDecoder::take(char c) {
  switch (state_) {
    case State::kSizeFirst:
      size_ = 0;
      digits_ = 0;
      return take_size_digit(c);
    case State::kSize: return hex_value(c) >= 0 ? take_size_digit(c) : after_size(c);
    case State::kExtension:
      if (c == '\r') return State::kSizeLf;
      return spend(is_char(c, kValueChar), State::kExtension);
    case State::kSizeLf:
      if (c != '\n') return State::kBad;
      return size_ == 0 ? State::kTrailerFirst : State::kData;
    case State::kDataCr: return c == '\r' ? State::kDataLf : State::kBad;
    case State::kDataLf: return c == '\n' ? State::kSizeFirst : State::kBad;
    case State::kTrailerFirst:
      if (c == '\r') return State::kEndLf;
      return spend(is_char(c, kTokenChar), State::kTrailerName);
    case State::kTrailerName:
      if (c == ':') return State::kTrailerValue;
      return spend(is_char(c, kTokenChar), State::kTrailerName);
    case State::kTrailerValue:
      if (c == '\r') return State::kTrailerLf;
      return spend(is_char(c, kValueChar), State::kTrailerValue);
    case State::kTrailerLf: return c == '\n' ? State::kTrailerFirst : State::kBad;
    case State::kEndLf: return c == '\n' ? State::kDone : State::kBad;
    case State::kData:
    case State::kDone:
    case State::kBad: break;
  }
  return State::kBad;
}

ChunkedDecoder::State ChunkedDecoder::take_size_digit(char c) {
  const int value = hex_value(c);
  if (value < 0 || ++digits_ > 16) return State::kBad;
  size_ = size_ << 4 | static_cast<std::uint64_t>(value);
  return State::kSize;
}

ChunkedDecoder::State ChunkedDecoder::after_size(char c) const {
  if (c == '\r') return State::kSizeLf;
  return c == ';' ? State::kExtension : State::kBad;
}

ChunkedDecoder::State ChunkedDecoder::spend(bool allowed, State next) {
  return allowed && ++overhead_bytes_ <= kOverheadBytesMax ? next : State::kBad;
}

}  // namespace sluice::http

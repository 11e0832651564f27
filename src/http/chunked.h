// The chunked transfer coding, decoded piece by piece (RFC 9112 section 7.1), for request and answer bodies.
//
// Strict where parsers are known to disagree: every line ends in CRLF, sizes are 1 to 16 hexadecimal digits without sign,
// prefix or white space, extensions and trailers hold no control byte and are read over. Nothing is buffered here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::http {

class ChunkedDecoder {
 public:
  // Extensions and trailers of a whole body: nobody sends more for a good reason (CVE-2023-39326).
  static constexpr std::size_t kOverheadBytesMax = 8 * 1024;

  enum class Result : std::uint8_t { kMore, kDone, kBad, kTooLarge };

  // Takes bytes from the front of `in` and appends the body's to `out`, which may come to hold `out_bytes_max`. At kDone
  // `in` holds what follows the body.
  Result decode(std::string_view& in, std::string& out, std::size_t out_bytes_max);

 private:
  enum class State : std::uint8_t {
    kSizeFirst,
    kSize,
    kExtension,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailerFirst,
    kTrailerName,
    kTrailerValue,
    kTrailerLf,
    kEndLf,
    kDone,
    kBad,
  };

  State take(char c);
  State take_size_digit(char c);
  State after_size(char c) const;
  State spend(bool allowed, State next);

  State state_ = State::kSizeFirst;
  std::uint8_t digits_ = 0;
  std::uint64_t size_ = 0;  // of the chunk; then what is left of it
  std::size_t overhead_bytes_ = 0;
};

}  // namespace sluice::http

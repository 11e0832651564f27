// Any bytes as a chunked body: the same body comes out however the bytes are cut, and never more than was allowed.
#include <cstdint>
#include <cstdlib>

#include "http/chunked.h"

namespace {

using sluice::http::ChunkedDecoder;

constexpr std::size_t kBodyMax = 64;

struct Outcome {
  ChunkedDecoder::Result result = ChunkedDecoder::Result::kMore;
  std::string body;
  std::size_t taken = 0;
};

Outcome decode(std::string_view text, std::size_t piece_bytes) {
  ChunkedDecoder decoder;
  Outcome outcome;
  while (outcome.taken < text.size() && outcome.result == ChunkedDecoder::Result::kMore) {
    std::string_view piece = text.substr(outcome.taken, piece_bytes);
    const std::size_t before = piece.size();
    outcome.result = decoder.decode(piece, outcome.body, kBodyMax);
    outcome.taken += before - piece.size();
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Outcome whole = decode(text, size);
  const Outcome cut = decode(text, 1 + size % 5);
  if (whole.result != cut.result || whole.body != cut.body || whole.taken != cut.taken) std::abort();
  if (whole.body.size() > kBodyMax) std::abort();
  return 0;
}

#include "store/frame_reader.h"

#include <algorithm>

namespace sluice::store {
namespace {

constexpr std::size_t kReadBytes = 256 * 1024;

}  // namespace

FileResult<std::string> FrameReader::header() {
  std::string out(std::min<std::uint64_t>(kFileHeaderBytes, size_), '\0');
  auto read = file_.read_at(0, out);
  if (!read) return std::unexpected(std::move(read.error()));
  out.resize(*read);
  return out;
}

// Makes the buffer hold `bytes` bytes from position_ on, or all that the file has.
FileResult<> FrameReader::fill(std::size_t bytes) {
  if (buffer_.size() - used_ >= bytes) return {};
  buffer_.erase(0, used_);
  used_ = 0;
  const std::uint64_t at = position_ + buffer_.size();
  const std::size_t held = buffer_.size();
  const std::uint64_t more = std::min<std::uint64_t>(std::max(bytes - held, kReadBytes), size_ - std::min(size_, at));
  buffer_.resize(held + more);
  auto read = file_.read_at(at, std::span(buffer_).subspan(held));
  if (!read) return std::unexpected(std::move(read.error()));
  buffer_.resize(held + *read);
  return {};
}

FileResult<FrameRead> FrameReader::next() {
  if (auto filled = fill(kFrameHeaderBytes); !filled) return std::unexpected(std::move(filled.error()));
  const std::size_t size = frame_size(std::string_view(buffer_).substr(used_));
  // A length that the file does not hold is not believed.
  if (size > 0 && size <= size_ - position_) {
    if (auto filled = fill(size); !filled) return std::unexpected(std::move(filled.error()));
  }
  const FrameRead frame = read_frame(std::string_view(buffer_).substr(used_));
  if (frame.state == FrameRead::State::kGood) {
    used_ += frame.size;
    position_ += frame.size;
  }
  return frame;
}

bool FrameReader::skip(const FrameRead& damaged) {
  if (damaged.size == 0) return false;
  used_ += damaged.size;
  position_ += damaged.size;
  return true;
}

}  // namespace sluice::store

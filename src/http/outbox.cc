#include "http/outbox.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>

namespace sluice::http {
namespace {

constexpr std::size_t kGatherMax = 16;            // pieces for one call: a head, a few Buffers and chunk sizes between them
constexpr std::size_t kTextBytesKept = 4 * 1024;  // a larger head's memory is given back

}  // namespace

void Outbox::add(Buffer buffer) {
  if (!buffer.empty()) pieces_.push_back({text_.size(), std::move(buffer)});
}

std::size_t Outbox::gather(iovec* out, std::size_t max) const {
  std::size_t n = 0;
  std::size_t text_at = text_sent_;
  const auto put = [&](const char* data, std::size_t bytes) {
    if (bytes > 0 && n < max) out[n++] = {const_cast<char*>(data), bytes};
  };
  for (std::size_t i = piece_; i < pieces_.size() && n < max; ++i) {
    const Piece& piece = pieces_[i];
    put(text_.data() + text_at, piece.text_end - text_at);
    text_at = piece.text_end;
    const std::size_t skip = i == piece_ ? piece_sent_ : 0;
    put(piece.buffer.bytes().data() + skip, piece.buffer.size() - skip);
  }
  put(text_.data() + text_at, text_.size() - text_at);
  return n;
}

void Outbox::advance(std::size_t bytes) {
  while (bytes > 0) {
    const std::size_t text_end = piece_ < pieces_.size() ? pieces_[piece_].text_end : text_.size();
    const std::size_t of_text = std::min(bytes, text_end - text_sent_);
    text_sent_ += of_text;
    bytes -= of_text;
    if (bytes == 0) return;
    Buffer& buffer = pieces_[piece_].buffer;
    const std::size_t of_piece = std::min(bytes, buffer.size() - piece_sent_);
    piece_sent_ += of_piece;
    bytes -= of_piece;
    if (piece_sent_ == buffer.size()) {
      buffer = Buffer();  // let go of it as soon as the kernel has it
      ++piece_;
      piece_sent_ = 0;
    }
  }
}

Outbox::Sent Outbox::send(int socket) {
  while (true) {
    std::array<iovec, kGatherMax> vectors;
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = gather(vectors.data(), vectors.size());
    if (message.msg_iovlen == 0) break;
    const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      advance(static_cast<std::size_t>(sent));
      if (piece_ == pieces_.size() && text_sent_ == text_.size()) break;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return Sent::kBlocked;
    } else if (errno != EINTR) {
      return Sent::kFailed;
    }
  }
  clear();
  return Sent::kAll;
}

void Outbox::clear() {
  pieces_.clear();
  text_.clear();
  if (text_.capacity() > kTextBytesKept) text_ = std::string();
  text_sent_ = piece_ = piece_sent_ = 0;
}

}  // namespace sluice::http

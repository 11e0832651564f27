#include "http/outbox.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>

namespace sluice::http {
namespace {

constexpr std::size_t kGatherMax = 16;            // pieces for one call: a head, a few Buffers and chunk sizes between them
constexpr std::size_t kTextBytesKept = 4 * 1024;  // a larger head's memory is given back
// As much of a file goes through memory: to a receiver on this machine (a proxy, most often) what was just copied is still
// in the processor's cache, and what is only in the page cache is not. It takes a large body a third faster, for half as
// much CPU time again; one that fits into the socket's buffers is cheaper by sendfile().
constexpr std::uint64_t kThroughMemoryMin = 1024 * 1024;
constexpr std::size_t kThroughMemoryBytes = 256 * 1024;

}  // namespace

void Outbox::add(Buffer buffer) {
  if (!buffer.empty()) pieces_.push_back({text_.size(), std::move(buffer)});
}

void Outbox::add(FileBytes bytes) {
  assert(!file_);
  if (!bytes.empty()) file_ = std::make_unique<Placed>(std::move(bytes), pieces_.size(), text_.size());
}

// What is in memory, up to the file.
std::size_t Outbox::gather(iovec* out, std::size_t max) const {
  std::size_t n = 0;
  std::size_t text_at = text_sent_;
  const auto put = [&](const char* data, std::size_t bytes) {
    if (bytes > 0 && n < max) out[n++] = {const_cast<char*>(data), bytes};
  };
  const std::size_t pieces_end = file_ ? file_->piece : pieces_.size();
  const std::size_t text_end = file_ ? file_->text_end : text_.size();
  for (std::size_t i = piece_; i < pieces_end && n < max; ++i) {
    const Piece& piece = pieces_[i];
    put(text_.data() + text_at, piece.text_end - text_at);
    text_at = piece.text_end;
    const std::size_t skip = i == piece_ ? piece_sent_ : 0;
    put(piece.buffer.bytes().data() + skip, piece.buffer.size() - skip);
  }
  put(text_.data() + text_at, text_end - text_at);
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
  while (piece_ < pieces_.size() || text_sent_ < text_.size() || file_) {
    const Step step = at_file() ? send_file(socket) : send_memory(socket);
    if (step == Step::kBlocked) return Sent::kBlocked;
    if (step == Step::kFailed) return Sent::kFailed;
  }
  clear();
  return Sent::kAll;
}

Outbox::Step Outbox::send_memory(int socket) {
  std::array<iovec, kGatherMax> vectors;
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = gather(vectors.data(), vectors.size());
  const int more = file_ ? MSG_MORE : 0;
  const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT | more);
  if (sent < 0) return after_error();
  advance(static_cast<std::size_t>(sent));
  return Step::kOn;
}

Outbox::Step Outbox::send_file(int socket) {
  FileBytes& left = file_->left;
  if (left.size() >= kThroughMemoryMin) return send_through_memory(socket);
  auto at = static_cast<off_t>(left.from());
  const ssize_t sent = ::sendfile(socket, left.descriptor(), &at, left.size());
  if (sent < 0 && (errno == EINVAL || errno == ENOSYS)) return send_through_memory(socket);
  return sent_of_file(sent);
}

Outbox::Step Outbox::send_through_memory(int socket) {
  FileBytes& left = file_->left;
  thread_local const auto bytes = std::make_unique_for_overwrite<char[]>(kThroughMemoryBytes);
  const std::size_t wanted = std::min<std::uint64_t>(left.size(), kThroughMemoryBytes);
  const ssize_t read = ::pread(left.descriptor(), bytes.get(), wanted, static_cast<off_t>(left.from()));
  if (read <= 0) return sent_of_file(read);
  return sent_of_file(::send(socket, bytes.get(), static_cast<std::size_t>(read), MSG_NOSIGNAL | MSG_DONTWAIT));
}

// None: the file has become shorter.
Outbox::Step Outbox::sent_of_file(ssize_t bytes) {
  if (bytes < 0) return after_error();
  if (bytes == 0) return Step::kFailed;
  file_->left.remove_prefix(static_cast<std::uint64_t>(bytes));
  if (file_->left.empty()) file_.reset();
  return Step::kOn;
}

Outbox::Step Outbox::after_error() {
  if (errno == EINTR) return Step::kOn;
  return errno == EAGAIN || errno == EWOULDBLOCK ? Step::kBlocked : Step::kFailed;
}

void Outbox::clear() {
  pieces_.clear();
  file_.reset();
  text_.clear();
  if (text_.capacity() > kTextBytesKept) text_ = std::string();
  text_sent_ = piece_ = piece_sent_ = 0;
}

}  // namespace sluice::http

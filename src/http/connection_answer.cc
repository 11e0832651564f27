// The answering half of Connection.
#include <errno.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <cassert>

#include "http/connection.h"
#include "http/worker.h"

namespace sluice::http {

Task<void> Connection::begin_answer() {
  worker_.count().requests.add(1);
  request_.method = head_.method;
  request_.path = head_.path();
  request_.query = head_.query();
  request_.body = body_;
  worker_.answer_memory().lend(response_);
  try {
    return worker_.handler().handle(request_, response_);
  } catch (...) {
    answer_internal_error();
    return {};
  }
}

void Connection::answer_internal_error() {
  response_.clear();
  response_.status = kInternal.status;
  response_.fields.add("Content-Type", "application/json");
  response_.fields.add("Cache-Control", "no-store");
  response_.buffers.push_back(Buffer::of_static(R"({"error":"internal","message":"The request could not be handled."})"));
}

// Puts the answer into the outbox; of a stream only what comes before it.
void Connection::compose() {
  worker_.answer_memory().lend(out_);
  framing_ = framing_of(response_, head_.http_1_0);
  close_ = !head_.keep_alive || response_.close || worker_.draining() || framing_.kind == ResponseFraming::Kind::kUntilClose;
  append_response_head(out_.text(), response_, {framing_, close_, head_.http_1_0});
  if (!has_body(head_.method, response_.status)) {
    response_.stream.reset();
    response_.file.reset();
    return;
  }
  const bool chunked = framing_.kind == ResponseFraming::Kind::kChunked;
  for (Buffer& buffer : response_.buffers) {
    if (chunked) {
      add_piece(std::move(buffer));
    } else {
      out_.add(std::move(buffer));
    }
  }
  if (auto file = std::move(response_.file)) {
    assert(!response_.stream);
    out_.add(std::move(file->bytes));
    for (Buffer& buffer : file->behind) out_.add(std::move(buffer));
  }
}

Task<bool> Connection::send_stream() {
  worker_.answer_memory().take_back(response_);  // but for the stream
  flush_at_turn_end();
  const bool chunked = framing_.kind == ResponseFraming::Kind::kChunked;
  const bool bounded = response_.stream_bytes.has_value();
  std::uint64_t left = response_.stream_bytes.value_or(UINT64_MAX);
  while (left > 0) {
    auto piece = co_await next_piece();
    // A body that fails or has another length than was said is cut off, so that the client can tell.
    if (gone_ || !piece || piece->size() > left) co_return false;
    if (piece->empty()) break;
    left -= piece->size();
    worker_.answer_memory().lend(out_);
    chunked ? add_piece(std::move(*piece)) : out_.add(std::move(*piece));
    if (out_.send(socket_.descriptor()) != Outbox::Sent::kAll && !co_await flush()) co_return false;
  }
  response_.stream.reset();
  if (bounded && left > 0) co_return false;
  if (chunked) out_.text().append("0\r\n\r\n");
  co_return co_await flush();
}

Task<std::expected<Buffer, BodyError>> Connection::next_piece() {
  if (out_.empty()) worker_.answer_memory().take_back(out_);
  begin_work();
  std::expected<Buffer, BodyError> piece = std::unexpected(BodyError::kUpstream);
  try {
    piece = co_await response_.stream->next();
  } catch (...) {
    // As an error of the stream: nothing can be said any more but the end of the connection.
  }
  end_work();
  co_return piece;
}

void Connection::add_piece(Buffer piece) {
  if (piece.empty()) return;
  fmt::format_to(std::back_inserter(out_.text()), "{:x}\r\n", piece.size());
  out_.add(std::move(piece));
  out_.text().append("\r\n");
}

// A head goes out together with the first piece where that is there at once; it does not wait for one that is not.
void Connection::flush_at_turn_end() {
  boost::asio::post(worker_.context(), [self = shared_from_this()] {
    if (self->phase_ != Phase::kHandling || self->out_.empty()) return;
    if (self->out_.send(self->socket_.descriptor()) == Outbox::Sent::kAll)
      self->worker_.answer_memory().take_back(self->out_);
  });
}

Task<bool> Connection::flush() {
  phase_ = Phase::kWriting;
  while (true) {
    const auto sent = out_.send(socket_.descriptor());
    if (sent != Outbox::Sent::kBlocked) co_return sent == Outbox::Sent::kAll;
    set(worker_.limits().write_timeout);
    if (co_await socket_wanted_.park() != ParkingSpot::Woken::kResumed || gone_) co_return false;
  }
}

// Makes ready for the next request; false where the connection closes instead.
bool Connection::end_request() {
  if (close_ || worker_.draining()) return false;
  phase_ = Phase::kWriting;  // until expect_bytes() says what comes next
  if (head_.target.capacity() > kBytesKept) head_.target = std::string();
  if (body_.capacity() > kBytesKept) body_ = std::string();
  head_.clear();
  body_.clear();
  response_.clear();
  worker_.answer_memory().take_back(response_);
  worker_.answer_memory().take_back(out_);
  scan_.reset();
  chunks_ = ChunkedDecoder();
  head_read_ = continued_ = false;
  return true;
}

void Connection::begin_work() {
  phase_ = Phase::kHandling;
  input_.release();
  set(kWatchAfter);
}

void Connection::end_work() {
  phase_ = Phase::kWriting;
  watching_ = false;
}

void Connection::ready(std::uint32_t events) {
  constexpr std::uint32_t kOver = EPOLLHUP | EPOLLERR;
  if ((events & (EPOLLRDHUP | kOver)) != 0) ended_ = true;
  if ((events & kOver) != 0) reset_ = true;
  if ((events & (EPOLLIN | EPOLLRDHUP | kOver)) != 0) maybe_more_ = true;
  if (phase_ == Phase::kHandling) {
    const auto self = shared_from_this();  // its end may be the Task's
    if (watching_) look_at_client();
    return;
  }
  if (phase_ == Phase::kWriting ? (events & (EPOLLOUT | kOver)) != 0 : maybe_more_) socket_wanted_.resume();
}

// While the request is handled: what else has come, or the end.
void Connection::look_at_client() {
  std::array<char, 4096> bytes;
  while (maybe_more_) {
    const std::size_t room = kReadAheadBytesMax - std::min(kReadAheadBytesMax, input_.unread().size());
    // Where the client has pipelined more than that, only a reset is still seen.
    if (room == 0) return reset_ ? abort() : void();
    const std::size_t wanted = std::min(bytes.size(), room);
    const ssize_t n = ::recv(socket_.descriptor(), bytes.data(), wanted, MSG_DONTWAIT);
    if (!find_bytes(n, wanted)) return abort();
    if (n > 0) input_.append({bytes.data(), static_cast<std::size_t>(n)});
  }
}

}  // namespace sluice::http

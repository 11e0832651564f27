#include "http/connection.h"

#include <errno.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "http/worker.h"

namespace sluice::http {

Connection::Connection(Worker& worker, OwnedDescriptor socket, std::string peer, std::uint64_t id)
    : Deadline(worker.context()),
      worker_(worker),
      socket_(std::move(socket)),
      socket_wanted_(worker.context().get_executor()),
      input_(worker.blocks()),
      peer_(std::move(peer)) {
  request_.fields = &head_.fields;
  request_.peer = peer_;
  request_.connection_id = id;
}

Connection::~Connection() {
  worker_.readiness().forget(*this);
  worker_.connection_closed();
}

void Connection::start() {
  if (!worker_.readiness().add(socket_.descriptor(), *this)) return;
  spawn(shared_from_this(), run());
}

void Connection::start_refused() {
  if (!worker_.readiness().add(socket_.descriptor(), *this)) return;
  spawn(shared_from_this(), refuse(kTooManyConnections));
}

void Connection::spawn(std::shared_ptr<Connection> self, Task<void> work) {
  const auto slot = self->cancel_.slot();
  const auto executor = self->worker_.context().get_executor();
  // The completion handler owns the connection. Whatever ended the coroutine, the socket is closed with it.
  boost::asio::co_spawn(
      executor, std::move(work),
      boost::asio::bind_cancellation_slot(slot, [self = std::move(self)](std::exception_ptr) { self->socket_.close(); }));
}

void Connection::drain() {
  if (phase_ == Phase::kIdle) socket_wanted_.resume_soon(ParkingSpot::Woken::kDeadline);
}

void Connection::abort() {
  gone_ = true;
  cancel_.emit(boost::asio::cancellation_type::terminal);
}

Task<void> Connection::run() {
  unsigned in_a_row = 0;
  do {
    Progress progress = read_on();
    if (progress == Progress::kMore) in_a_row = 0;
    while (progress == Progress::kMore) {
      if (continue_is_due()) {
        continued_ = true;
        out_.text().append("HTTP/1.1 100 Continue\r\n\r\n");
        if (!co_await flush()) co_return;
      }
      if (nothing_begun() && worker_.draining()) {
        progress = interrupted();
        continue;
      }
      if (maybe_more_) {
        progress = receive();
        continue;
      }
      expect_bytes();
      const auto woken = co_await socket_wanted_.park();
      progress = woken == ParkingSpot::Woken::kResumed ? receive() : interrupted();
    }
    if (progress == Progress::kClosed) co_return;
    if (progress == Progress::kRefused) co_return co_await refuse(*refusal_);
    if (++in_a_row > kInARowMax) {
      in_a_row = 0;
      co_await boost::asio::post(use_task);
    }

    Task<void> task = begin_answer();
    if (task.valid()) {
      // Held requests wait here: without a coroutine of its own for it.
      worker_.answer_memory().leave_little(response_);
      begin_work();
      bool failed = false;
      try {
        co_await std::move(task);
      } catch (...) {
        failed = true;
      }
      end_work();
      if (failed && !gone_) answer_internal_error();
    }
    if (gone_) co_return;
    compose();
    if (response_.stream) {
      if (!co_await send_stream()) co_return;
    } else if (const auto sent = out_.send(socket_.descriptor()); sent != Outbox::Sent::kAll) {
      if (sent == Outbox::Sent::kFailed || !co_await flush()) co_return;
    }
  } while (end_request());
  if (!input_.unread().empty()) co_await linger();
}

Task<void> Connection::refuse(Refusal refusal) {
  if (refusal.status != kTooManyConnections.status) worker_.count().bad_requests.add(1);
  append_refusal(out_.text(), refusal);
  if (co_await flush()) co_await linger();
}

Task<void> Connection::linger() {
  ::shutdown(socket_.descriptor(), SHUT_WR);
  phase_ = Phase::kLingering;
  input_.consume(input_.unread().size());
  set(kLingerTime);
  std::size_t read_over = 0;
  while (read_over < kLingerBytesMax) {
    const auto space = input_.space();
    const ssize_t bytes = ::recv(socket_.descriptor(), space.data(), space.size(), MSG_DONTWAIT);
    if (bytes > 0) {
      read_over += static_cast<std::size_t>(bytes);
    } else if (bytes == 0 || (errno != EAGAIN && errno != EINTR)) {
      co_return;
    } else if (errno == EAGAIN && (co_await socket_wanted_.park() != ParkingSpot::Woken::kResumed || gone_)) {
      co_return;
    }
  }
}

// Reading.

Connection::Progress Connection::read_on() {
  return head_read_ ? read_body() : read_head();
}

Connection::Progress Connection::read_head() {
  const ServerLimits& limits = worker_.limits();
  const std::string_view unread = input_.unread();
  const auto result = scan_.scan(unread);
  if (result == HeadScan::Result::kBad) return refused(kBadRequest);
  const bool complete = result == HeadScan::Result::kComplete;
  // A request line holds at most a method and a version, 32 bytes, besides its target.
  if (scan_.lines() == 0 && unread.size() > limits.target_bytes_max + 32) return refused(kTargetTooLong);
  if ((complete ? scan_.head_bytes() : unread.size()) > limits.header_bytes_max) return refused(kHeadTooLarge);
  if (scan_.lines() > limits.header_count_max + 1) return refused(kHeadTooLarge);
  if (!complete) return Progress::kMore;

  if (const auto refusal = parse_request_head(unread.substr(0, scan_.head_bytes()), limits, head_)) return refused(*refusal);
  input_.consume(scan_.head_bytes());
  head_read_ = true;
  return read_body();
}

Connection::Progress Connection::read_body() {
  std::string_view unread = input_.unread();
  const std::size_t before = unread.size();
  switch (head_.framing) {
    case BodyFraming::kNone: return Progress::kRequest;
    case BodyFraming::kLength: {
      const auto wanted = static_cast<std::size_t>(head_.body_bytes) - body_.size();  // bounded by body_bytes_max
      const std::string_view piece = unread.substr(0, wanted);
      body_.append(piece);
      input_.consume(piece.size());
      return piece.size() == wanted ? Progress::kRequest : Progress::kMore;
    }
    case BodyFraming::kChunked: {
      const auto result = chunks_.decode(unread, body_, worker_.limits().body_bytes_max);
      input_.consume(before - unread.size());
      if (result == ChunkedDecoder::Result::kBad) return refused(kBadFraming);
      if (result == ChunkedDecoder::Result::kTooLarge) return refused(kBodyTooLarge);
      return result == ChunkedDecoder::Result::kDone ? Progress::kRequest : Progress::kMore;
    }
  }
  return Progress::kClosed;
}

Connection::Progress Connection::refused(const Refusal& refusal) {
  refusal_ = refusal;
  return Progress::kRefused;
}

// Notes whether another receive may find something. Who got all that he asked for may get more, and so may who got all
// there was of a client that had ended. False where the connection is over.
bool Connection::find_bytes(ssize_t received, std::size_t wanted) {
  if (received < 0) {
    maybe_more_ = errno == EINTR;
    return errno == EINTR || errno == EAGAIN;
  }
  maybe_more_ = static_cast<std::size_t>(received) == wanted || ended_;
  return received > 0;
}

// What the socket has now; kMore where it has nothing.
Connection::Progress Connection::receive() {
  if (gone_) return Progress::kClosed;
  const auto space = input_.space();
  const ssize_t bytes = ::recv(socket_.descriptor(), space.data(), space.size(), MSG_DONTWAIT);
  if (!find_bytes(bytes, space.size())) return Progress::kClosed;
  if (bytes < 0) return Progress::kMore;
  input_.filled(static_cast<std::size_t>(bytes));
  return read_on();
}

// By a deadline, because the server drains, or because it stops.
Connection::Progress Connection::interrupted() {
  if (gone_) return Progress::kClosed;
  if (timed_out_) return phase_ == Phase::kIdle ? Progress::kClosed : refused(kRequestTimeout);
  // A request may have come in just before: it is still answered.
  const auto space = input_.space();
  const ssize_t bytes = ::recv(socket_.descriptor(), space.data(), space.size(), MSG_DONTWAIT);
  if (!find_bytes(bytes, space.size()) || bytes < 0) return Progress::kClosed;
  input_.filled(static_cast<std::size_t>(bytes));
  return read_on();
}

// Names what is waited for, and until when: the deadlines of head and body count from their first byte. Who waits for
// nothing in particular holds no memory to receive into.
void Connection::expect_bytes() {
  const ServerLimits& limits = worker_.limits();
  if (head_read_) {
    if (phase_ != Phase::kBody) set(limits.body_timeout);
    phase_ = Phase::kBody;
  } else if (nothing_begun()) {
    set(limits.idle_timeout);
    phase_ = Phase::kIdle;
    input_.release();
  } else {
    if (phase_ != Phase::kHead) set(limits.header_timeout);
    phase_ = Phase::kHead;
  }
}

bool Connection::continue_is_due() const {
  return head_read_ && head_.expects_continue && !continued_ && body_.empty() && input_.unread().empty();
}

void Connection::expired() {
  if (phase_ == Phase::kHandling) {
    watching_ = true;
    return look_at_client();
  }
  timed_out_ = true;
  socket_wanted_.resume_soon(ParkingSpot::Woken::kDeadline);
}

}  // namespace sluice::http

// One connection of the server: its coroutine, its buffers, its deadlines.
//
// The coroutine only waits; everything else is plain functions that advance a small state: bytes become a head, then a
// body, then an answer. All on the worker's thread; the coroutine owns the connection.
//
// The thread's Readiness says what the socket has become ready for: the next request, the end of the client while a request
// is handled, room to write. So a request costs a receive, a send and a share of a turn of epoll's; and memory to receive
// into is taken only when there is something to receive.
#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/owned_descriptor.h"
#include "base/parking.h"
#include "http/chunked.h"
#include "http/deadlines.h"
#include "http/head_scan.h"
#include "http/input.h"
#include "http/message.h"
#include "http/outbox.h"
#include "http/readiness.h"
#include "http/request_head.h"
#include "http/response_head.h"

namespace sluice::http {

class Worker;

class Connection final : public std::enable_shared_from_this<Connection>,
                         public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>,
                         private Deadline,
                         private Readiness::Watched {
 public:
  Connection(Worker& worker, OwnedDescriptor socket, std::string peer, std::uint64_t id);
  ~Connection() override;

  void start();
  void start_refused();  // with 503: the server is full

  // Closes now where no request has begun, else after the answer.
  void drain();
  // Cancels whatever it waits for, and closes.
  void abort();

 private:
  // How long a request may be handled before its client's presence is watched: short answers do without.
  static constexpr std::chrono::milliseconds kWatchAfter{1};  // that is, the next tick of the wheel
  // Pipelined requests are read while one is handled, to see the end of the stream behind them, up to this.
  static constexpr std::size_t kReadAheadBytesMax = 16 * 1024;
  // After a refusal what the client still sends is read over for so long and so much, so that it can read the answer
  // before a reset (RFC 9112 section 9.6).
  static constexpr std::chrono::milliseconds kLingerTime{2'000};
  static constexpr std::size_t kLingerBytesMax = 256 * 1024;
  // Requests of one pipeline answered before other connections get their turn.
  static constexpr unsigned kInARowMax = 32;
  // Memory kept from request to request; what a larger one took is given back.
  static constexpr std::size_t kBytesKept = 4 * 1024;

  enum class Phase : std::uint8_t { kIdle, kHead, kBody, kHandling, kWriting, kLingering };
  enum class Progress : std::uint8_t { kMore, kRequest, kRefused, kClosed };

  static void spawn(std::shared_ptr<Connection> self, Task<void> work);
  Task<void> run();
  Task<void> refuse(Refusal refusal);
  Task<void> linger();

  // Reading.
  Progress read_on();
  Progress read_head();
  Progress read_body();
  Progress refused(const Refusal& refusal);
  Progress receive();
  Progress interrupted();
  void expect_bytes();
  bool nothing_begun() const { return !head_read_ && input_.unread().empty(); }
  bool continue_is_due() const;

  // Answering.
  Task<void> begin_answer();
  void answer_internal_error();
  void compose();
  Task<bool> send_stream();
  Task<std::expected<Buffer, BodyError>> next_piece();
  void add_piece(Buffer piece);
  void flush_at_turn_end();
  Task<bool> flush();
  bool end_request();

  // The socket: who waits for bytes, or for room, is resumed; while a handler or a stream works for the client, it is its
  // presence.
  void ready(std::uint32_t events) override;
  void look_at_client();
  bool find_bytes(ssize_t received, std::size_t wanted);
  void begin_work();
  void end_work();

  void expired() override;

  Worker& worker_;
  OwnedDescriptor socket_;
  boost::asio::cancellation_signal cancel_;  // of the whole coroutine
  ParkingSpot socket_wanted_;                // where the coroutine waits for the socket: for room while kWriting, else bytes
  Input input_;
  HeadScan scan_;
  RequestHead head_;
  ChunkedDecoder chunks_;
  std::string body_;
  Request request_;
  Response response_;
  ResponseFraming framing_;
  Outbox out_;
  std::optional<Refusal> refusal_;
  const std::string peer_;
  Phase phase_ = Phase::kIdle;
  bool head_read_ = false;
  bool continued_ = false;
  bool close_ = false;  // after this answer
  bool timed_out_ = false;
  bool gone_ = false;        // the client, or the server is stopping now
  bool watching_ = false;    // the client's presence, while a request is handled
  bool maybe_more_ = false;  // a receive may find something at once
  bool ended_ = false;       // by the client: its last bytes are there, or were
  bool reset_ = false;       // or it is gone altogether
};

}  // namespace sluice::http

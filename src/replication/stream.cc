#include "replication/stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "replication/lsn.h"

namespace sluice::replication {
namespace {

using Why = StreamEnd::Why;
using Clock = std::chrono::steady_clock;

// While the server sends faster than we read, so many reads are made before other work of the io_context gets its turn;
// a read is 16 kB or more.
constexpr int kReadsPerTurn = 16;

// Message headers of the streaming replication protocol (Postgres documentation, 55.4).
constexpr std::size_t kXLogDataHeader = 1 + 8 + 8 + 8;
constexpr std::size_t kKeepaliveBytes = 1 + 8 + 8 + 1;
constexpr std::size_t kStatusBytes = 1 + 8 + 8 + 8 + 8 + 1;

struct FreeCopyData {
  void operator()(char* data) const { PQfreemem(data); }
};

std::uint64_t read_u64(const char* at) {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | static_cast<std::uint8_t>(at[i]);
  return value;
}

char* write_u64(char* at, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) *at++ = static_cast<char>(value >> shift);
  return at;
}

std::uint64_t microseconds_since_2000() {
  constexpr std::chrono::sys_days kPostgresEpoch{std::chrono::year(2000) / 1 / 1};
  const auto since = std::chrono::system_clock::now() - kPostgresEpoch;
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(since).count());
}

PgError local_error(std::string message) {
  return {.sqlstate = {}, .message = std::move(message), .position = 0};
}

// The publication's name is an identifier within a literal.
std::string start_sql(const StreamOptions& options) {
  return fmt::format("START_REPLICATION SLOT {} LOGICAL {} (proto_version '1', publication_names {})",
                     quote_identifier(options.slot), to_string_lsn(options.start),
                     quote_literal(quote_identifier(options.publication)));
}

// Hands decoded messages to the handler, and keeps their grammar: Begin, changes, Commit.
class Dispatcher {
 public:
  explicit Dispatcher(StreamHandler& handler) : handler_(handler) {}

  bool in_transaction() const { return in_transaction_; }

  // An error's text where the message is not one that may come here.
  std::optional<std::string> deliver(std::string_view bytes) {
    const auto message = decoder_.decode(bytes);
    if (!message) return fmt::format("malformed replication message: {}", to_string(message.error()));
    if (!std::visit([this](const auto& m) { return take(m); }, *message)) return "replication messages out of order";
    return std::nullopt;
  }

 private:
  bool take(const Begin& begin) {
    if (std::exchange(in_transaction_, true)) return false;
    handler_.on_begin(begin);
    return true;
  }
  bool take(const Commit& commit) {
    if (!std::exchange(in_transaction_, false)) return false;
    handler_.on_commit(commit);
    return true;
  }
  bool take(const Relation& relation) { return change(&StreamHandler::on_relation, relation); }
  bool take(const Insert& insert) { return change(&StreamHandler::on_insert, insert); }
  bool take(const Update& update) { return change(&StreamHandler::on_update, update); }
  bool take(const Delete& deletion) { return change(&StreamHandler::on_delete, deletion); }
  bool take(const Truncate& truncate) { return change(&StreamHandler::on_truncate, truncate); }
  bool take(const Ignored&) { return true; }

  template <typename Change>
  bool change(void (StreamHandler::*method)(const Change&), const Change& change) {
    if (in_transaction_) (handler_.*method)(change);
    return in_transaction_;
  }

  StreamHandler& handler_;
  Decoder decoder_;
  bool in_transaction_ = false;
};

}  // namespace

struct Stream::Impl {
  Impl(StreamOptions o, StreamHandler& h) : options(std::move(o)), handler(h), dispatcher(h) {}

  StreamOptions options;
  StreamHandler& handler;
  Dispatcher dispatcher;
  std::unique_ptr<Connection> connection;  // while streaming
  Lsn confirmed = 0;                       // 0 confirms nothing
  Clock::time_point last_message;
  bool stopping = false;
  bool status_due = false;
  bool ping_due = false;

  Task<std::optional<StreamEnd>> begin();
  Task<StreamEnd> classify_refusal(PgError error);
  Task<StreamEnd> stream();
  Task<StreamEnd> end_of_copy();
  std::optional<StreamEnd> read_for_a_turn(bool& copy_ended);
  std::optional<StreamEnd> take_messages(int& count, bool& copy_ended);
  std::optional<StreamEnd> take_message(std::string_view message);
  std::optional<StreamEnd> take_keepalive(std::string_view message);
  std::optional<StreamEnd> on_alarm();
  void send_status();
  void wake();
};

// Connects and starts the copy; the end of it where that fails.
Task<std::optional<StreamEnd>> Stream::Impl::begin() {
  auto made =
      co_await Connection::connect({.url = options.url, .replication = true, .application_name = "sluice replication"});
  if (!made) co_return StreamEnd{Why::kDisconnected, made.error()};
  connection = std::move(*made);
  const auto started = co_await connection->query(start_sql(options));
  if (!started) co_return co_await classify_refusal(started.error());
  if (PQresultStatus(started->raw()) != PGRES_COPY_BOTH) {
    co_return StreamEnd{Why::kMalformed, local_error("START_REPLICATION did not begin a stream")};
  }
  co_return std::nullopt;
}

// A lost slot has the SQLSTATE of many other things and a text that may be translated: the catalog says which it is.
Task<StreamEnd> Stream::Impl::classify_refusal(PgError error) {
  if (error.object_in_use()) co_return StreamEnd{Why::kSlotActive, std::move(error)};
  if (error.undefined_object()) co_return StreamEnd{Why::kSlotMissing, std::move(error)};
  if (!connection->usable()) co_return StreamEnd{Why::kDisconnected, std::move(error)};
  const auto lost =
      co_await connection->query("SELECT 1 FROM pg_catalog.pg_replication_slots WHERE wal_status = 'lost' AND slot_name = " +
                                 quote_literal(options.slot));
  if (lost && lost->rows() == 1) co_return StreamEnd{Why::kSlotLost, std::move(error)};
  co_return StreamEnd{Why::kRefused, std::move(error)};
}

Task<StreamEnd> Stream::Impl::stream() {
  last_message = Clock::now();
  connection->set_alarm(options.status_interval);
  for (;;) {
    bool copy_ended = false;
    if (auto end = read_for_a_turn(copy_ended)) co_return *end;
    if (copy_ended) co_return co_await end_of_copy();
    const Connection::Wake wake = co_await connection->readable();
    if (wake == Connection::Wake::kCancelled) co_return StreamEnd{Why::kStopped, local_error("cancelled")};
    if (wake != Connection::Wake::kAlarm) continue;
    if (auto end = on_alarm()) co_return *end;
  }
}

// Reads until the socket is empty, or the turn is over, and delivers it.
std::optional<StreamEnd> Stream::Impl::read_for_a_turn(bool& copy_ended) {
  for (int reads = 0; reads < kReadsPerTurn && !copy_ended; ++reads) {
    int messages = 0;
    const bool alive = PQconsumeInput(connection->raw()) == 1;
    if (auto end = take_messages(messages, copy_ended)) return end;
    if (messages > 0) handler.on_batch_end();
    if (status_due || ping_due) send_status();
    if (stopping) return StreamEnd{Why::kStopped, local_error("stopped")};
    if (!alive) return StreamEnd{Why::kDisconnected, connection->last_error()};
    if (messages == 0) break;
  }
  return std::nullopt;
}

std::optional<StreamEnd> Stream::Impl::take_messages(int& count, bool& copy_ended) {
  while (!stopping) {
    char* data = nullptr;
    const int length = PQgetCopyData(connection->raw(), &data, 1);
    if (length == 0) break;
    if (length < 0) {
      copy_ended = true;
      break;
    }
    const std::unique_ptr<char, FreeCopyData> owned(data);
    ++count;
    if (auto end = take_message({data, static_cast<std::size_t>(length)})) return end;
  }
  if (count > 0) last_message = Clock::now();
  return std::nullopt;
}

std::optional<StreamEnd> Stream::Impl::take_message(std::string_view message) {
  if (message.front() == 'k') return take_keepalive(message);
  if (message.front() != 'w' || message.size() < kXLogDataHeader) {
    return StreamEnd{Why::kMalformed, local_error("malformed streaming message")};
  }
  if (auto error = dispatcher.deliver(message.substr(kXLogDataHeader))) {
    return StreamEnd{Why::kMalformed, local_error(std::move(*error))};
  }
  return std::nullopt;
}

std::optional<StreamEnd> Stream::Impl::take_keepalive(std::string_view message) {
  if (message.size() != kKeepaliveBytes) return StreamEnd{Why::kMalformed, local_error("malformed keepalive")};
  if (message.back() != 0) status_due = true;
  if (!dispatcher.in_transaction()) handler.on_idle(read_u64(message.data() + 1));
  return std::nullopt;
}

std::optional<StreamEnd> Stream::Impl::on_alarm() {
  const auto silence = Clock::now() - last_message;
  if (silence > options.silence_max) {
    return StreamEnd{Why::kDisconnected, local_error("the server has not answered for too long")};
  }
  if (silence > options.silence_max / 2) ping_due = true;
  connection->set_alarm(options.status_interval);
  send_status();
  return std::nullopt;
}

// Standby status update: written, flushed and applied are one position, the confirmed. The server then sends a keepalive
// whenever it has read on without anything for us, which is how on_idle moves.
void Stream::Impl::send_status() {
  handler.on_status();
  std::array<char, kStatusBytes> message;
  char* at = message.data();
  *at++ = 'r';
  for (int i = 0; i < 3; ++i) at = write_u64(at, confirmed);
  at = write_u64(at, microseconds_since_2000());
  *at = ping_due ? 1 : 0;
  // What the socket does not take now stays in libpq's buffer until the next status; an error shows when reading.
  if (PQputCopyData(connection->raw(), message.data(), static_cast<int>(message.size())) == 1) status_due = ping_due = false;
  PQflush(connection->raw());
}

Task<StreamEnd> Stream::Impl::end_of_copy() {
  const auto result = co_await connection->finish_copy();
  if (result) co_return StreamEnd{Why::kDisconnected, local_error("the server ended the stream")};
  const Why why = result.error().connection_lost() ? Why::kDisconnected : Why::kServerError;
  co_return StreamEnd{why, result.error()};
}

void Stream::Impl::wake() {
  if (connection) connection->set_alarm(std::chrono::milliseconds(0));
}

std::string_view to_string(StreamEnd::Why why) {
  switch (why) {
    case Why::kStopped: return "stopped";
    case Why::kSlotActive: return "slot active";
    case Why::kSlotMissing: return "slot missing";
    case Why::kSlotLost: return "slot lost";
    case Why::kRefused: return "refused";
    case Why::kDisconnected: return "disconnected";
    case Why::kServerError: return "server error";
    case Why::kMalformed: return "malformed";
  }
  return "unknown";
}

Stream::Stream(StreamOptions options, StreamHandler& handler) : impl_(std::make_unique<Impl>(std::move(options), handler)) {}
Stream::~Stream() = default;

Task<StreamEnd> Stream::run() {
  auto refused = co_await impl_->begin();
  StreamEnd end = refused ? std::move(*refused) : co_await impl_->stream();
  if (end.why == Why::kStopped && impl_->connection) impl_->send_status();
  impl_->connection.reset();
  co_return end;
}

void Stream::confirm(Lsn lsn) {
  impl_->confirmed = std::max(impl_->confirmed, lsn);
}

void Stream::ping() {
  impl_->ping_due = true;
  impl_->wake();
}

void Stream::stop() {
  impl_->stopping = true;
  impl_->wake();
}

}  // namespace sluice::replication

#include "replication/connection.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>
#include <cstdlib>
#include <set>
#include <utility>

namespace sluice::replication {
namespace {

namespace asio = boost::asio;
using Descriptor = asio::posix::basic_stream_descriptor<Executor>;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;

// Values in one form whatever the server's, the database's or the role's settings.
constexpr std::string_view kDisplaySettings =
    "-c DateStyle=ISO -c TimeZone=UTC -c IntervalStyle=iso_8601 -c bytea_output=hex -c extra_float_digits=1 "
    "-c standard_conforming_strings=on";

bool any_of(std::string_view state, std::initializer_list<std::string_view> states) {
  return std::ranges::find(states, state) != states.end();
}

PgError local_error(std::string message) {
  return {.sqlstate = {}, .message = std::move(message), .position = 0};
}

// libpq ends its messages with a line feed and puts one error a line.
std::string one_line(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  std::string line;
  for (char c : text) c == '\n' ? line += "; " : line += c;
  return line;
}

std::string_view field_of(const PGresult* result, int field) {
  const char* value = PQresultErrorField(result, field);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

PgError error_of(const PGresult* result) {
  const std::string_view primary = field_of(result, PG_DIAG_MESSAGE_PRIMARY);
  return {.sqlstate = std::string(field_of(result, PG_DIAG_SQLSTATE)),
          .message = one_line(primary.empty() ? PQresultErrorMessage(result) : primary),
          .position = std::atoi(std::string(field_of(result, PG_DIAG_STATEMENT_POSITION)).c_str())};
}

struct FreeConninfo {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

// The URL's own `options`, then ours. libpq's words about a URL that it cannot parse may quote a password: not passed on.
std::expected<std::string, PgError> options_of(const ConnectOptions& connect) {
  std::string merged;
  if (connect.url.starts_with("postgres") || connect.url.find('=') != std::string::npos) {
    char* message = nullptr;
    const std::unique_ptr<PQconninfoOption, FreeConninfo> parsed(PQconninfoParse(connect.url.c_str(), &message));
    PQfreemem(message);
    if (!parsed) return std::unexpected(local_error("the database URL cannot be parsed"));
    for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
      if (std::string_view(option->keyword) == "options" && option->val != nullptr) merged = option->val;
    }
  }
  merged += ' ';
  merged += kDisplaySettings;
  merged += " -c statement_timeout=" + std::to_string(connect.statement_timeout.count());
  if (connect.read_only) merged += " -c default_transaction_read_only=on";
  return merged;
}

// Later entries win over earlier ones, so what stands before the URL is a default and what stands after it is law.
PGconn* start_connecting(const ConnectOptions& connect, const std::string& options) {
  const std::array<const char*, 9> keywords = {"keepalives_idle", "keepalives_interval", "keepalives_count",
                                               "dbname",          "replication",         "options",
                                               "client_encoding", "application_name",    nullptr};
  const std::array<const char*, 9> values = {"30",
                                             "10",
                                             "3",
                                             connect.url.c_str(),
                                             connect.replication ? "database" : nullptr,
                                             options.c_str(),
                                             "UTF8",
                                             connect.application_name.c_str(),
                                             nullptr};
  return PQconnectStartParams(keywords.data(), values.data(), 1);
}

void ignore_notice(void*, const PGresult*) {}

}  // namespace

std::string PgError::without_values() const {
  if (sqlstate.empty()) return message;
  constexpr std::array<std::string_view, 5> kNamesOnly = {"28", "42", "25", "53", "57"};
  if (std::ranges::find(kNamesOnly, std::string_view(sqlstate).substr(0, 2)) == kNamesOnly.end()) return "error " + sqlstate;
  return message + " (" + sqlstate + ")";
}

bool PgError::connection_lost() const {
  return sqlstate.empty() || sqlstate.starts_with("08") || any_of(sqlstate, {"57P01", "57P02", "57P03", "53300"});
}
bool PgError::undefined_table() const {
  return sqlstate == "42P01";
}
bool PgError::undefined_column() const {
  return sqlstate == "42703";
}
bool PgError::undefined_object() const {
  return sqlstate == "42704";
}
bool PgError::duplicate_object() const {
  return any_of(sqlstate, {"42710", "23505"});
}
bool PgError::object_in_use() const {
  return sqlstate == "55006";
}
bool PgError::insufficient_privilege() const {
  return sqlstate == "42501";
}
bool PgError::lock_not_available() const {
  return sqlstate == "55P03";
}
bool PgError::not_published() const {
  return sqlstate == kNotPublished;
}
bool PgError::query_canceled() const {
  return sqlstate == "57014";
}

bool PgError::invalid_text() const {
  return sqlstate == "22P02";
}

std::optional<std::string_view> Result::value(int row, int column) const {
  if (PQgetisnull(result_.get(), row, column) != 0) return std::nullopt;
  return text(row, column);
}

std::string_view Result::text(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column), static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

// Shared with the alarm's handler, which may be queued when the Connection goes.
struct Connection::State {
  explicit State(const Executor& executor) : socket(executor), alarm(executor) {}
  ~State() { PQfinish(conn); }

  // Asio waits on a duplicate: libpq may close its own, and take the same number again, while it tries addresses.
  bool watch_socket() {
    boost::system::error_code error;
    socket.close(error);
    const int copy = ::fcntl(PQsocket(conn), F_DUPFD_CLOEXEC, 0);
    if (copy < 0) return false;
    socket.assign(copy, error);
    if (error) ::close(copy);
    return !error;
  }

  Task<Wake> wait(Descriptor::wait_type direction) {
    if (!alarm_due) {
      const auto [error] = co_await socket.async_wait(direction, asio::as_tuple(use_task));
      if (!error) co_return Wake::kReady;
      if (!alarm_due) co_return error == asio::error::operation_aborted ? Wake::kCancelled : Wake::kLost;
    }
    alarm_due = false;
    co_return Wake::kAlarm;
  }

  PGconn* conn = nullptr;
  std::set<std::string, std::less<>> prepared;  // names of statements: a few, all our own
  Descriptor socket;
  Timer alarm;
  unsigned alarm_number = 0;  // tells a replaced alarm, already queued, from the one that is set
  bool alarm_due = false;
  bool busy = false;  // a query was sent and its last result not taken
};

Connection::Connection(std::shared_ptr<State> state) : state_(std::move(state)) {}
Connection::~Connection() {
  ++state_->alarm_number;
  state_->alarm.cancel();
}

Task<std::expected<std::unique_ptr<Connection>, PgError>> Connection::connect(ConnectOptions options) {
  const auto merged = options_of(options);
  if (!merged) co_return std::unexpected(merged.error());
  auto state = std::make_shared<State>(co_await asio::this_coro::executor);
  state->conn = start_connecting(options, *merged);
  if (state->conn == nullptr) co_return std::unexpected(local_error("out of memory"));
  std::unique_ptr<Connection> connection(new Connection(std::move(state)));
  connection->set_alarm(options.timeout);
  if (auto established = co_await connection->establish(); !established) co_return std::unexpected(established.error());
  connection->state_->alarm.cancel();
  connection->state_->alarm_due = false;
  ++connection->state_->alarm_number;
  co_return connection;
}

Task<std::expected<void, PgError>> Connection::establish() {
  PGconn* conn = state_->conn;
  PostgresPollingStatusType next = PQstatus(conn) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (next != PGRES_POLLING_OK) {
    if (next == PGRES_POLLING_FAILED) co_return std::unexpected(last_error());
    if (!state_->watch_socket()) co_return std::unexpected(local_error("no socket to wait on"));
    const Wake wake = co_await state_->wait(next == PGRES_POLLING_READING ? Descriptor::wait_read : Descriptor::wait_write);
    if (wake == Wake::kAlarm) co_return std::unexpected(local_error("connecting to the database timed out"));
    if (wake == Wake::kCancelled) co_return std::unexpected(local_error("connecting to the database was cancelled"));
    next = PQconnectPoll(conn);
  }
  if (!state_->watch_socket()) co_return std::unexpected(local_error("no socket to wait on"));
  PQsetNoticeReceiver(conn, ignore_notice, nullptr);
  if (PQsetnonblocking(conn, 1) != 0) co_return std::unexpected(last_error());
  co_return std::expected<void, PgError>();
}

namespace {

// As libpq takes them, while `params` stand.
std::vector<const char*> pointers_to(const Params& params) {
  std::vector<const char*> out;
  for (const auto& param : params) out.push_back(param ? param->c_str() : nullptr);
  return out;
}

}  // namespace

Task<std::expected<Result, PgError>> Connection::query(std::string sql, Params params) {
  if (!usable()) co_return std::unexpected(local_error("the connection is lost or in use"));
  const auto values = pointers_to(params);
  const int sent = params.empty() ? PQsendQuery(state_->conn, sql.c_str())
                                  : PQsendQueryParams(state_->conn, sql.c_str(), static_cast<int>(values.size()), nullptr,
                                                      values.data(), nullptr, nullptr, 0);
  co_return co_await take_results(sent);
}

Task<std::expected<Result, PgError>> Connection::query_prepared(std::string name, std::string sql, Params params) {
  if (!usable()) co_return std::unexpected(local_error("the connection is lost or in use"));
  if (!state_->prepared.contains(name)) {
    auto made = co_await take_results(PQsendPrepare(state_->conn, name.c_str(), sql.c_str(), 0, nullptr));
    if (!made) co_return made;
    state_->prepared.insert(name);
  }
  const auto values = pointers_to(params);
  co_return co_await take_results(
      PQsendQueryPrepared(state_->conn, name.c_str(), static_cast<int>(values.size()), values.data(), nullptr, nullptr, 0));
}

Task<std::expected<Result, PgError>> Connection::take_results(int sent) {
  if (sent != 1) co_return std::unexpected(last_error());
  state_->busy = true;
  if (auto flushed = co_await flush(); !flushed) co_return std::unexpected(flushed.error());
  co_return co_await read_results();
}

Task<std::expected<void, PgError>> Connection::flush() {
  for (;;) {
    const int left = PQflush(state_->conn);
    if (left < 0) co_return std::unexpected(last_error());
    if (left == 0) co_return std::expected<void, PgError>();
    const Wake wake = co_await state_->wait(Descriptor::wait_write);
    if (wake == Wake::kLost || wake == Wake::kCancelled) co_return std::unexpected(local_error("the query was given up"));
  }
}

Task<std::expected<Result, PgError>> Connection::read_results() {
  PGconn* conn = state_->conn;
  Result last(nullptr);
  std::optional<PgError> error;
  for (;;) {
    while (PQisBusy(conn) != 0) {
      const Wake wake = co_await readable();
      if (wake == Wake::kCancelled) co_return std::unexpected(local_error("the query was given up"));
      if (PQconsumeInput(conn) != 1) co_return std::unexpected(last_error());
    }
    PGresult* result = PQgetResult(conn);
    if (result == nullptr) break;
    const ExecStatusType status = PQresultStatus(result);
    last = Result(result);
    if (status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH || status == PGRES_COPY_IN) co_return std::move(last);
    if (!error && (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE)) error = error_of(result);
  }
  state_->busy = false;
  if (error) co_return std::unexpected(std::move(*error));
  co_return std::move(last);
}

Task<std::expected<Result, PgError>> Connection::finish_copy() {
  return read_results();
}

bool Connection::usable() const {
  return !state_->busy && PQstatus(state_->conn) == CONNECTION_OK;
}
int Connection::server_version() const {
  return PQserverVersion(state_->conn);
}
PGconn* Connection::raw() const {
  return state_->conn;
}
Task<Connection::Wake> Connection::readable() {
  return state_->wait(Descriptor::wait_read);
}

void Connection::set_alarm(std::chrono::milliseconds after) {
  state_->alarm_due = false;
  const unsigned number = ++state_->alarm_number;
  state_->alarm.expires_after(after);
  state_->alarm.async_wait([weak = std::weak_ptr(state_), number](const boost::system::error_code& error) {
    const auto state = weak.lock();
    if (error || !state || state->alarm_number != number) return;
    state->alarm_due = true;
    boost::system::error_code ignored;
    state->socket.cancel(ignored);
  });
}

PgError Connection::last_error() const {
  return local_error(one_line(PQerrorMessage(state_->conn)));
}

std::string quote_identifier(std::string_view name) {
  std::string quoted = "\"";
  for (char c : name.substr(0, name.find('\0'))) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

std::string quote_literal(std::string_view value) {
  value = value.substr(0, value.find('\0'));
  std::string quoted = value.find('\\') == std::string_view::npos ? "'" : "E'";
  for (char c : value) quoted.append(c == '\'' || c == '\\' ? 2 : 1, c);
  return quoted + '\'';
}

}  // namespace sluice::replication

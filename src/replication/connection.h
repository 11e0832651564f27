// One connection to Postgres over libpq, non-blocking on Asio.
//
//   auto connection = co_await Connection::connect({.url = url});
//   if (!connection) co_return connection.error();
//   auto result = co_await (*connection)->query("SELECT relname FROM pg_class WHERE oid = $1", {"1259"});
//   if (result && result->rows() == 1) use(*result->value(0, 0));
//
// A connection stays on the io_context of the Task that made it and runs one query at a time. A Task that is cancelled, or
// destroyed, in the middle of a query leaves the connection unusable (`usable()` is false): destroy it; the server gives
// up the query when it next looks at its client. Values come in one form whatever the server's settings: UTF-8,
// ISO dates in UTC, ISO 8601 intervals, hexadecimal bytea, shortest exact floats.
//
// Nothing blocks but the resolution of a host name in the URL, which libpq does by getaddrinfo() inside connect().
// Messages of errors are the server's or libpq's own; they never hold the password.
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"

namespace sluice::replication {

struct PgError {
  std::string sqlstate;  // five characters; empty where the error is not from the server: no connection, a lost one
  std::string message;   // the primary message, in one line without severity
  int position = 0;      // in characters from 1 into the statement; 0 where the error has none

  // For logs: the message where the server quotes only names there (classes 28, 42: the statement, the role; 25, 53, 57: the
  // session), else the code alone, since it may quote a value of a row.
  std::string without_values() const;

  bool connection_lost() const;  // try again on a new connection: no server, shutting down, too many clients
  bool undefined_table() const;  // also where load_table() finds none
  bool undefined_column() const;
  bool undefined_object() const;  // no such slot, publication
  bool duplicate_object() const;
  bool object_in_use() const;  // the slot is active for another connection
  bool insufficient_privilege() const;
  bool lock_not_available() const;  // lock_timeout
  bool not_published() const;       // of check_publication() and check_published(), never the server's
  bool query_canceled() const;      // statement_timeout among others
  bool invalid_text() const;        // a constant is no value of its type
};

// A code that no server sends.
inline constexpr const char* kNotPublished = "SLNOP";

struct ConnectOptions {
  std::string url;           // postgresql://... or key=value
  bool replication = false;  // replication=database: also understands START_REPLICATION; only simple queries
  std::chrono::milliseconds timeout{10'000};       // of connecting
  std::chrono::milliseconds statement_timeout{0};  // the server's; 0: none, whatever the role's default
  bool read_only = false;                          // default_transaction_read_only
  std::string application_name = "sluice";
};

// Rows of a finished query. Movable; values live as long as it does.
class Result {
 public:
  Result() = default;
  explicit Result(PGresult* result) : result_(result) {}
  int rows() const { return PQntuples(result_.get()); }
  int columns() const { return PQnfields(result_.get()); }
  std::optional<std::string_view> value(int row, int column) const;
  // value(), "" for NULL.
  std::string_view text(int row, int column) const;
  PGresult* raw() const { return result_.get(); }

 private:
  struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  std::unique_ptr<PGresult, Clear> result_;
};

using Params = std::vector<std::optional<std::string>>;

class Connection {
 public:
  // On the calling Task's io_context.
  static Task<std::expected<std::unique_ptr<Connection>, PgError>> connect(ConnectOptions options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // With parameters ($1...; their types inferred): one statement. Without: any number of them, in one transaction unless
  // they say otherwise; the first error, or the last statement's result. A COPY's result is returned at once (status
  // PGRES_COPY_OUT or PGRES_COPY_BOTH) and the copy is then the caller's to read through raw().
  Task<std::expected<Result, PgError>> query(std::string sql, Params params = {});
  // The same with parameters, for a statement that is asked again and again: the server plans it once for each connection.
  // `name` stands for one text.
  Task<std::expected<Result, PgError>> query_prepared(std::string name, std::string sql, Params params);

  bool usable() const;
  int server_version() const;  // 150004 for 15.4

  // For those who read a COPY: libpq's handle, in non-blocking mode, and waiting on its socket.
  PGconn* raw() const;
  enum class Wake { kReady, kAlarm, kCancelled, kLost };
  // Until the socket has something to read, or the alarm is due. kCancelled: the Task was.
  Task<Wake> readable();
  // Wakes the next (or current) readable() with kAlarm once, `after` from now; replaces an alarm that was set before.
  void set_alarm(std::chrono::milliseconds after);
  // The copy was read to its end: takes the command's final result, and the connection can be queried again.
  Task<std::expected<Result, PgError>> finish_copy();
  // libpq's last error on this connection, as one that is not from the server.
  PgError last_error() const;

 private:
  struct State;
  explicit Connection(std::shared_ptr<State> state);
  Task<std::expected<void, PgError>> establish();
  Task<std::expected<void, PgError>> flush();
  Task<std::expected<Result, PgError>> take_results(int sent);
  Task<std::expected<Result, PgError>> read_results();
  std::shared_ptr<State> state_;
};

// "name" with its quotes doubled: any name becomes one identifier. A NUL ends it (Postgres has none in names).
std::string quote_identifier(std::string_view name);
// 'value' as a literal of standard_conforming_strings, or E'...' where it holds a backslash.
std::string quote_literal(std::string_view value);

}  // namespace sluice::replication

#include "replication/snapshot.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <span>

#include "replication/catalog.h"
#include "replication/copy_text.h"
#include "replication/lsn.h"

namespace sluice::replication {
namespace {

using Done = std::expected<void, PgError>;

PgError protocol_error(std::string message) {
  return {.sqlstate = "08P01", .message = std::move(message), .position = 0};
}

struct FreeCopyData {
  void operator()(char* data) const { PQfreemem(data); }
};

// The transaction's first query, and so what its snapshot is: behind the lock.
constexpr std::string_view kStateQuery =
    "SELECT pg_catalog.pg_current_snapshot(), pg_catalog.pg_current_wal_lsn(), pg_catalog.pg_current_wal_insert_lsn()";

// row_security off: a policy that would hide rows, which replication then sends nevertheless, is an error instead.
// The connection check: a server that computes for long notices that we have gone.
std::string begin_sql(const Connection& connection, const SnapshotQuery& query) {
  std::string sql = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL row_security = off; ";
  if (connection.server_version() >= 140000) sql += "SET LOCAL client_connection_check_interval = '5s'; ";
  if (query.statement_timeout.count() > 0) {
    sql += fmt::format("SET LOCAL statement_timeout = {}; ", query.statement_timeout.count());
  }
  return sql + fmt::format("LOCK TABLE {}.{} IN ACCESS SHARE MODE; {}", quote_identifier(query.schema),
                           quote_identifier(query.table), kStateQuery);
}

Done choose_columns(const SnapshotQuery& query, SnapshotInfo& info) {
  const std::vector<sql::Column>& all = info.table->columns;
  if (query.columns.empty()) {
    info.columns.resize(all.size());
    std::iota(info.columns.begin(), info.columns.end(), std::size_t{0});
    return {};
  }
  for (const std::string& name : query.columns) {
    const auto found = std::ranges::find(all, name, &sql::Column::name);
    if (found == all.end()) {
      return std::unexpected(PgError{
          .sqlstate = "42703", .message = fmt::format("column {} does not exist", quote_identifier(name)), .position = 0});
    }
    info.columns.push_back(static_cast<std::size_t>(found - all.begin()));
  }
  return {};
}

std::string selected(const sql::Column& column) {
  const bool boolean = column.dimensions == 0 && (column.type == sql::oid::kBool || column.base_type == sql::oid::kBool);
  return quote_identifier(column.name) + (boolean ? "::text" : "");
}

std::string copy_sql(const SnapshotQuery& query, const SnapshotInfo& info) {
  std::string list;
  for (const std::size_t index : info.columns) {
    if (!list.empty()) list += ", ";
    list += selected(info.table->columns[index]);
  }
  std::string sql =
      fmt::format("COPY (SELECT {} FROM {}.{}", list, quote_identifier(query.schema), quote_identifier(query.table));
  if (!query.where.empty()) sql += " WHERE " + query.where;
  if (!query.order_by.empty()) sql += " ORDER BY " + query.order_by;
  if (query.limit) sql += fmt::format(" LIMIT {}", *query.limit);
  if (query.offset) sql += fmt::format(" OFFSET {}", *query.offset);
  return sql + ") TO STDOUT";
}

Task<std::expected<SnapshotInfo, PgError>> describe(Connection& connection, const SnapshotQuery& query, Result state) {
  SnapshotInfo info;
  auto point = parse_snapshot_point(state.text(0, 0));
  const auto written = parse_lsn(state.text(0, 1));
  const auto inserted = parse_lsn(state.text(0, 2));
  if (!point || !written || !inserted) {
    co_return std::unexpected(protocol_error("the server's snapshot cannot be read"));
  }
  info.point = std::move(*point);
  info.lsn = *written;
  info.insert_lsn = *inserted;
  auto table = co_await load_table(connection, query.schema, query.table);
  if (!table) co_return std::unexpected(table.error());
  info.table = std::make_shared<const sql::Table>(std::move(*table));
  if (auto chosen = choose_columns(query, info); !chosen) co_return std::unexpected(chosen.error());
  co_return info;
}

// The rows that have arrived. 0: wait for more; -1: the copy has ended; an error for a row that is not one.
std::expected<int, PgError> take_rows(PGconn* conn, std::size_t columns, CopyTextDecoder& decoder, SnapshotSink& sink) {
  for (;;) {
    char* data = nullptr;
    const int length = PQgetCopyData(conn, &data, 1);
    if (length <= 0) return length == 0 ? 0 : -1;
    const std::unique_ptr<char, FreeCopyData> owned(data);
    const auto row = decoder.decode({data, static_cast<std::size_t>(length)}, columns);
    if (!row) return std::unexpected(protocol_error("a row of COPY has not the columns that were asked for"));
    sink.row(*row);
  }
}

Task<Done> copy_rows(Connection& connection, std::string sql, std::size_t columns, SnapshotSink& sink) {
  const auto started = co_await connection.query(std::move(sql));
  if (!started) co_return std::unexpected(started.error());
  CopyTextDecoder decoder;
  for (;;) {
    const auto taken = take_rows(connection.raw(), columns, decoder, sink);
    if (!taken) co_return std::unexpected(taken.error());
    if (*taken < 0) break;
    if (co_await connection.readable() == Connection::Wake::kCancelled) {
      co_return std::unexpected(PgError{.sqlstate = {}, .message = "the snapshot was given up", .position = 0});
    }
    if (PQconsumeInput(connection.raw()) != 1) co_return std::unexpected(connection.last_error());
  }
  const auto finished = co_await connection.finish_copy();
  if (!finished) co_return std::unexpected(finished.error());
  co_return Done();
}

Task<std::expected<SnapshotInfo, PgError>> read_in_transaction(Connection& connection, const SnapshotQuery& query,
                                                               SnapshotSink& sink) {
  auto begun = co_await connection.query(begin_sql(connection, query));
  if (!begun) co_return std::unexpected(begun.error());
  auto info = co_await describe(connection, query, std::move(*begun));
  if (!info) co_return std::unexpected(info.error());
  sink.begin(*info);
  const auto copied = co_await copy_rows(connection, copy_sql(query, *info), info->columns.size(), sink);
  if (!copied) co_return std::unexpected(copied.error());
  co_return info;
}

}  // namespace

Task<std::expected<SnapshotInfo, PgError>> read_snapshot(Connection& connection, SnapshotQuery query, SnapshotSink& sink) {
  auto info = co_await read_in_transaction(connection, query, sink);
  if (!connection.usable()) co_return info;
  const auto ended = co_await connection.query(info ? "COMMIT" : "ROLLBACK");
  if (info && !ended) co_return std::unexpected(ended.error());
  co_return info;
}

}  // namespace sluice::replication

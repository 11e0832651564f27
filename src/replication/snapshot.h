// Reading a table's rows as of one instant that the replication stream can be joined to.
//
// read_snapshot() opens one REPEATABLE READ READ ONLY transaction, takes an ACCESS SHARE lock on the table (so that its
// columns stay as they are), notes the snapshot and the log position, loads the table's description and copies the rows
// out. The joining rule: a replicated transaction for which `SnapshotPoint::holds(xid)` is in the rows already; every other
// one is not, and comes from the stream. It is exact provided the table was published before (catalog.h, publish_table).
//
// Values are in Postgres's text output, except that booleans are `true` and `false` (pgoutput sends `t` and `f`).
// Rows go to the sink as they arrive, decoded in a reused buffer; memory is one row and libpq's own buffer, at most 1 GB
// (Postgres's limit of a row) and usually 16 kB.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/task.h"
#include "replication/connection.h"
#include "replication/pgoutput.h"
#include "replication/snapshot_point.h"
#include "sql/types.h"

namespace sluice::replication {

struct SnapshotInfo {
  SnapshotPoint point;
  Lsn lsn = 0;         // pg_current_wal_lsn(): written
  Lsn insert_lsn = 0;  // pg_current_wal_insert_lsn(): no transaction in the rows committed after it
  std::shared_ptr<const sql::Table> table;
  std::vector<std::size_t> columns;  // of `table`, in the order of a row's values
};

// SQL texts are trusted: they are what sql::WhereClause::sql() and sql::OrderBy print, never a client's own.
struct SnapshotQuery {
  std::string schema;
  std::string table;
  std::vector<std::string> columns = {};  // empty: all of the table's, in its order
  std::string where = {};                 // empty: all rows
  std::string order_by = {};              // without the words ORDER BY
  std::optional<std::uint64_t> limit = {};
  std::optional<std::uint64_t> offset = {};
  std::chrono::milliseconds statement_timeout{0};  // 0: the connection's
};

class SnapshotSink {
 public:
  virtual ~SnapshotSink() = default;
  // Once, before any row.
  virtual void begin(const SnapshotInfo& info) = 0;
  // Views into a buffer that the next row overwrites. In the order of SnapshotInfo::columns.
  virtual void row(sql::Row values) = 0;
};

// The connection and the sink outlive the Task; the connection is for nothing else meanwhile, and can be used again when
// the Task has completed, with an error too, as long as usable(). After an error the sink may have seen some of the rows.
// Errors: undefined_table(), undefined_column() (also of `columns`), query_canceled() for the timeout, and what else the
// server says.
Task<std::expected<SnapshotInfo, PgError>> read_snapshot(Connection& connection, SnapshotQuery query, SnapshotSink& sink);

}  // namespace sluice::replication

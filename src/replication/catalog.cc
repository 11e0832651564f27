#include "replication/catalog.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <charconv>

#include "replication/lsn.h"
#include "sql/array.h"

namespace sluice::replication {
namespace {

using Done = std::expected<void, PgError>;
using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

// While we wait for a table's lock everybody else waits behind us: short attempts, with time for others between them.
constexpr std::chrono::milliseconds kLockTimeout{1000};
constexpr std::chrono::milliseconds kBetweenLockAttempts{2000};

// One row a column; one row with NULLs for a table without any. A table whose changes are not logged, or of the system's own
// (below 16384), cannot be published: its kind is 'x'. `base` is what is left of a domain when all domains are taken off;
// `element` is there for true arrays only (point and name have elements too).
constexpr const char* kTableQuery = R"(
SELECT c.oid, c.relreplident,
       CASE WHEN c.relpersistence = 'p' AND c.oid >= 16384 THEN c.relkind ELSE 'x' END,
       a.attname, a.atttypid, a.atttypmod,
       coalesce(element.typname, t.typname),
       CASE WHEN element.oid IS NULL THEN 0 ELSE greatest(a.attndims, 1) END,
       a.attnotnull,
       (SELECT k.position - 1 FROM unnest(pk.indkey::int2[]) WITH ORDINALITY k(attnum, position) WHERE k.attnum = a.attnum),
       a.attgenerated <> '',
       coalesce(element.typtype, t.typtype) = 'e',
       coalesce(base.oid, 0),
       coalesce(col.collprovider = 'c' OR col.collprovider = 'd' AND db.datlocprovider = 'c', true),
       CASE WHEN col.collprovider = 'd' THEN db.datctype ELSE col.collctype END,
       CASE WHEN col.collprovider = 'd' THEN db.datcollate ELSE col.collcollate END,
       col.collisdeterministic,
       CASE WHEN t.typtype = 'e' THEN
         ARRAY(SELECT l.enumlabel::text FROM pg_catalog.pg_enum l WHERE l.enumtypid = t.oid ORDER BY l.enumsortorder) END
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN %DATABASE% db ON db.datname = pg_catalog.current_database()
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_catalog.pg_type element ON element.oid = t.typelem AND element.typarray = t.oid
  LEFT JOIN pg_catalog.pg_index pk ON pk.indrelid = c.oid AND pk.indisprimary
  LEFT JOIN pg_catalog.pg_collation col ON col.oid = a.attcollation
  LEFT JOIN LATERAL (
    WITH RECURSIVE chain(oid, typtype, next) AS (
      SELECT t.oid, t.typtype, t.typbasetype
      UNION ALL
      SELECT b.oid, b.typtype, b.typbasetype FROM chain JOIN pg_catalog.pg_type b ON b.oid = chain.next)
    SELECT chain.oid FROM chain WHERE t.typtype = 'd' AND chain.typtype <> 'd') base ON true
 WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
 ORDER BY a.attnum)";

// Before 15 a database has no provider of its own: it is libc's.
std::string table_query(int server_version) {
  std::string query = kTableQuery;
  const std::string_view mark = "%DATABASE%";
  query.replace(query.find(mark), mark.size(),
                server_version >= 150000 ? "pg_catalog.pg_database"
                                         : "(SELECT *, 'c'::\"char\" AS datlocprovider FROM pg_catalog.pg_database)");
  return query;
}

template <typename Number>
Number number(std::string_view text) {
  Number value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool is_true(std::string_view text) {
  return text == "t";
}
char letter(std::string_view text) {
  return text.empty() ? '\0' : text.front();
}

sql::Collation collation_of(bool libc, std::string_view ctype, std::string_view collate, bool deterministic) {
  using Casing = sql::Collation::Casing;
  const auto plain = [](std::string_view locale) { return locale == "C" || locale == "POSIX"; };
  // glibc compares C.UTF-8 by code point, which in UTF-8 is by byte.
  const auto by_byte = [&](std::string_view locale) { return plain(locale) || locale == "C.UTF-8" || locale == "C.utf8"; };
  sql::Collation collation{
      .casing = Casing::kLibc, .orders_bytes = libc && by_byte(collate), .deterministic = deterministic};
  if (!libc || ctype.starts_with("tr") || ctype.starts_with("az")) collation.casing = Casing::kOther;
  if (libc && plain(ctype)) collation.casing = Casing::kAscii;
  return collation;
}

// An enum of more is known without: its labels are taken as they come, and have no order.
constexpr std::size_t kEnumLabelsMax = 10'000;

std::vector<std::string> labels_of(std::string_view array) {
  std::vector<std::string> labels;
  sql::ArrayElements elements(array);
  while (elements.next() && labels.size() <= kEnumLabelsMax) labels.emplace_back(elements.text());
  if (labels.size() > kEnumLabelsMax) labels.clear();
  return labels;
}

sql::Column column_of(const Result& rows, int row) {
  sql::Column column;
  column.name = rows.text(row, 3);
  column.type = number<sql::Oid>(rows.text(row, 4));
  column.type_mod = number<std::int32_t>(rows.text(row, 5));
  column.type_name = rows.text(row, 6);
  column.dimensions = number<int>(rows.text(row, 7));
  column.not_null = is_true(rows.text(row, 8));
  if (const auto position = rows.value(row, 9)) column.pk_index = number<int>(*position);
  column.generated = is_true(rows.text(row, 10));
  column.is_enum = is_true(rows.text(row, 11));
  column.base_type = number<sql::Oid>(rows.text(row, 12));
  if (rows.value(row, 16)) {  // NULL where the type has no collation
    column.collation =
        collation_of(is_true(rows.text(row, 13)), rows.text(row, 14), rows.text(row, 15), is_true(rows.text(row, 16)));
  }
  if (const auto labels = rows.value(row, 17)) column.enum_labels = labels_of(*labels);
  return column;
}

std::string qualified(const sql::Table& table) {
  return quote_identifier(table.schema) + '.' + quote_identifier(table.name);
}

Task<void> pause(std::chrono::milliseconds duration) {
  Timer timer(co_await boost::asio::this_coro::executor, duration);
  co_await timer.async_wait(use_task);
}

Done done_or(const std::expected<Result, PgError>& result) {
  if (!result) return std::unexpected(result.error());
  return {};
}

// The tables whose changes are the table's: itself and, where it is partitioned, all below it.
constexpr const char* kTreeCte =
    "WITH tree AS (SELECT $1::oid AS oid UNION SELECT relid FROM pg_catalog.pg_partition_tree($1::oid::regclass)) ";

Task<std::expected<bool, PgError>> is_published(Connection& connection, std::string publication, sql::Oid table) {
  const auto found = co_await connection.query(
      "SELECT 1 FROM pg_catalog.pg_publication p WHERE p.pubname = $1 AND (p.puballtables OR EXISTS (SELECT FROM"
      " pg_catalog.pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = $2::oid) OR EXISTS (SELECT FROM"
      " pg_catalog.pg_publication_tables t JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname"
      " JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename"
      " WHERE t.pubname = $1 AND c.oid = $2::oid))",
      {publication, std::to_string(table)});
  if (!found) co_return std::unexpected(found.error());
  co_return found->rows() > 0;
}

// The names, quoted, of those of the table's tree that rows are stored in and whose identity is not FULL.
Task<std::expected<std::vector<std::string>, PgError>> without_full_identity(Connection& connection, sql::Oid table) {
  const auto found = co_await connection.query(
      std::string(kTreeCte) +
          "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM tree JOIN pg_catalog.pg_class c ON c.oid = tree.oid"
          " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relreplident <> 'f' AND c.relkind IN ('r', "
          "'p')",
      {std::to_string(table)});
  if (!found) co_return std::unexpected(found.error());
  std::vector<std::string> names;
  names.reserve(static_cast<std::size_t>(found->rows()));
  for (int row = 0; row < found->rows(); ++row) names.emplace_back(found->text(row, 0));
  co_return names;
}

PgError not_published(std::string message) {
  return {.sqlstate = kNotPublished, .message = std::move(message), .position = 0};
}

// What of a published table is left out: "" where nothing is. Filters of rows and columns are 15's.
Task<std::expected<std::string, PgError>> published_in_part(Connection& connection, std::string publication,
                                                            const sql::Table& table) {
  const bool filters = connection.server_version() >= 150000;
  const auto found = co_await connection.query(
      fmt::format("SELECT p.pubviaroot, EXISTS (SELECT FROM pg_catalog.pg_publication_rel r WHERE r.prpubid = p.oid AND"
                  " r.prrelid = $2::oid AND {}), EXISTS (SELECT FROM pg_catalog.pg_publication_rel r JOIN"
                  " pg_catalog.pg_partition_ancestors($2::oid) a ON a.relid = r.prrelid WHERE r.prpubid = p.oid AND"
                  " r.prrelid <> $2::oid) FROM pg_catalog.pg_publication p WHERE p.pubname = $1",
                  filters ? "(r.prqual IS NOT NULL OR r.prattrs IS NOT NULL)" : "false"),
      {publication, std::to_string(table.oid)});
  if (!found) co_return std::unexpected(found.error());
  if (found->rows() == 0) co_return std::string();
  const std::string name = quote_identifier(publication);
  if (is_true(found->text(0, 1))) {
    co_return fmt::format("ALTER PUBLICATION {0} DROP TABLE {1}; ALTER PUBLICATION {0} ADD TABLE {1}", name,
                          qualified(table));
  }
  if (table.kind == 'p' && !is_true(found->text(0, 0))) {
    co_return fmt::format("ALTER PUBLICATION {} SET (publish_via_partition_root = true)", name);
  }
  if (is_true(found->text(0, 0)) && is_true(found->text(0, 2))) {
    co_return std::string("its changes are those of the partitioned table that it is of, which is published too");
  }
  co_return std::string();
}

// What is left to do, as one transaction; empty where nothing is. The lock keeps writers out: with an identity to change,
// readers too, at once in its full strength, because raising a lock later can deadlock.
Task<std::expected<std::string, PgError>> publishing_sql(Connection& connection, std::string publication,
                                                         const sql::Table& table) {
  const auto published = co_await is_published(connection, publication, table.oid);
  if (!published) co_return std::unexpected(published.error());
  const auto unset = co_await without_full_identity(connection, table.oid);
  if (!unset) co_return std::unexpected(unset.error());
  if (*published && unset->empty()) co_return std::string();
  std::string sql = fmt::format("BEGIN; SET LOCAL lock_timeout = {}; LOCK TABLE {} IN {} MODE; ", kLockTimeout.count(),
                                qualified(table), unset->empty() ? "SHARE ROW EXCLUSIVE" : "ACCESS EXCLUSIVE");
  for (const std::string& name : *unset) sql += fmt::format("ALTER TABLE {} REPLICA IDENTITY FULL; ", name);
  if (!*published) {
    sql += fmt::format("ALTER PUBLICATION {} ADD TABLE {}; ", quote_identifier(publication), qualified(table));
  }
  co_return sql + "COMMIT";
}

// Somebody else holds the table, or was faster to publish it.
bool worth_another_try(const PgError& error) {
  return error.lock_not_available() || error.duplicate_object() || error.sqlstate == "40P01";
}

}  // namespace

Task<std::expected<sql::Table, PgError>> load_table(Connection& connection, std::string schema, std::string name) {
  const auto rows = co_await connection.query_prepared("table", table_query(connection.server_version()), {schema, name});
  if (!rows) co_return std::unexpected(rows.error());
  if (rows->rows() == 0) {
    co_return std::unexpected(
        PgError{.sqlstate = "42P01",
                .message = fmt::format("there is no table {}.{}", quote_identifier(schema), quote_identifier(name)),
                .position = 0});
  }
  sql::Table table;
  table.oid = number<sql::Oid>(rows->text(0, 0));
  table.schema = std::move(schema);
  table.name = std::move(name);
  table.replica_identity = letter(rows->text(0, 1));
  table.kind = letter(rows->text(0, 2));
  for (int row = 0; row < rows->rows(); ++row) {
    if (rows->value(row, 3)) table.columns.push_back(column_of(*rows, row));
  }
  co_return table;
}

Task<Done> ensure_publication(Connection& connection, std::string publication) {
  const auto found = co_await connection.query("SELECT 1 FROM pg_catalog.pg_publication WHERE pubname = $1", {publication});
  if (!found || found->rows() > 0) co_return done_or(found);
  const auto made = co_await connection.query(fmt::format(
      "CREATE PUBLICATION {} WITH (publish = 'insert, update, delete, truncate', publish_via_partition_root = true)",
      quote_identifier(publication)));
  if (!made && made.error().duplicate_object()) co_return Done();
  co_return done_or(made);
}

Task<Done> publish_table(Connection& connection, std::string publication, sql::Table table,
                         std::chrono::milliseconds lock_wait) {
  const auto deadline = std::chrono::steady_clock::now() + lock_wait;
  for (;;) {
    const auto sql = co_await publishing_sql(connection, publication, table);
    if (!sql) co_return std::unexpected(sql.error());
    if (sql->empty()) co_return Done();
    const auto published = co_await connection.query(*sql);
    if (published) co_return Done();
    if (connection.usable()) co_await connection.query("ROLLBACK");
    if (!worth_another_try(published.error()) || std::chrono::steady_clock::now() >= deadline) {
      co_return std::unexpected(published.error());
    }
    co_await pause(kBetweenLockAttempts);
  }
}

Task<Done> check_publication(Connection& connection, std::string publication) {
  const auto found = co_await connection.query(
      "SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate FROM pg_catalog.pg_publication WHERE pubname = $1",
      {publication});
  if (!found) co_return std::unexpected(found.error());
  const std::string name = quote_identifier(publication);
  if (found->rows() == 0) {
    co_return std::unexpected(not_published(
        fmt::format("there is no publication {0}: CREATE PUBLICATION {0} WITH (publish_via_partition_root = true)", name)));
  }
  if (!is_true(found->text(0, 0))) {
    co_return std::unexpected(
        not_published(fmt::format("the publication does not publish everything: ALTER PUBLICATION {} SET (publish = "
                                  "'insert, update, delete, truncate')",
                                  name)));
  }
  co_return Done();
}

Task<Done> check_published(Connection& connection, std::string publication, sql::Table table) {
  const auto published = co_await is_published(connection, publication, table.oid);
  if (!published) co_return std::unexpected(published.error());
  const auto unset = co_await without_full_identity(connection, table.oid);
  if (!unset) co_return std::unexpected(unset.error());
  const auto partial = co_await published_in_part(connection, publication, table);
  if (!partial) co_return std::unexpected(partial.error());
  std::string missing;
  const auto add = [&](const std::string& statement) { missing += (missing.empty() ? "" : "; ") + statement; };
  const std::string name = quote_identifier(publication);
  if (!*published) add(fmt::format("ALTER PUBLICATION {} ADD TABLE {}", name, qualified(table)));
  if (*published && !partial->empty()) add(*partial);
  for (const std::string& identity : *unset) add(fmt::format("ALTER TABLE {} REPLICA IDENTITY FULL", identity));
  if (missing.empty()) co_return Done();
  co_return std::unexpected(
      not_published(fmt::format("the changes of {} are not published whole: {}", qualified(table), missing)));
}

Task<std::expected<std::vector<sql::Oid>, PgError>> published_tables(Connection& connection, std::string publication) {
  const auto found = co_await connection.query(
      "SELECT c.oid FROM pg_catalog.pg_publication_tables t JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname"
      " JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename WHERE t.pubname = $1",
      {publication});
  if (!found) co_return std::unexpected(found.error());
  std::vector<sql::Oid> tables;
  for (int row = 0; row < found->rows(); ++row) tables.push_back(number<sql::Oid>(found->text(row, 0)));
  co_return tables;
}

Task<std::expected<std::optional<Lsn>, PgError>> slot_restart(Connection& connection, std::string slot) {
  const auto found = co_await connection.query(
      "SELECT restart_lsn FROM pg_catalog.pg_replication_slots WHERE slot_name = $1 AND restart_lsn IS NOT NULL", {slot});
  if (!found) co_return std::unexpected(found.error());
  if (found->rows() == 0) co_return std::nullopt;
  co_return parse_lsn(found->text(0, 0));
}

Task<std::expected<int, PgError>> unpublish_others(Connection& connection, std::string publication,
                                                   std::vector<sql::Oid> used) {
  const auto found = co_await connection.query(
      "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_publication p"
      " JOIN pg_catalog.pg_publication_rel r ON r.prpubid = p.oid JOIN pg_catalog.pg_class c ON c.oid = r.prrelid"
      " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
      " WHERE p.pubname = $1 AND NOT r.prrelid = ANY($2::oid[])",
      {publication, fmt::format("{{{}}}", fmt::join(used, ","))});
  if (!found) co_return std::unexpected(found.error());
  int dropped = 0;
  for (int row = 0; row < found->rows(); ++row) {
    const auto done = co_await connection.query(
        fmt::format("BEGIN; SET LOCAL lock_timeout = {}; ALTER PUBLICATION {} DROP TABLE {}; COMMIT", kLockTimeout.count(),
                    quote_identifier(publication), found->text(row, 0)));
    if (done) {
      ++dropped;
      continue;
    }
    if (!connection.usable()) co_return std::unexpected(done.error());
    co_await connection.query("ROLLBACK");
    // In use now; or gone meanwhile. The others may go nevertheless.
    if (!done.error().lock_not_available() && !done.error().undefined_object() && !done.error().undefined_table()) {
      co_return std::unexpected(done.error());
    }
  }
  co_return dropped;
}

Task<std::expected<bool, PgError>> hides_rows(Connection& connection, sql::Oid table) {
  const auto active = co_await connection.query("SELECT pg_catalog.row_security_active($1::oid)", {std::to_string(table)});
  if (!active) co_return std::unexpected(active.error());
  co_return active->rows() > 0 && is_true(active->text(0, 0));
}

Task<std::expected<bool, PgError>> reads_whole(Connection& connection, sql::Oid table) {
  const auto whole = co_await connection.query(
      "SELECT pg_catalog.has_table_privilege($1::oid, 'SELECT') AND NOT pg_catalog.row_security_active($1::oid)",
      {std::to_string(table)});
  if (!whole) co_return std::unexpected(whole.error());
  co_return whole->rows() > 0 && is_true(whole->text(0, 0));
}

Task<std::expected<std::optional<Slot>, PgError>> find_slot(Connection& connection, std::string slot) {
  const auto found = co_await connection.query(
      "SELECT coalesce(confirmed_flush_lsn, '0/0'), active, coalesce(wal_status = 'lost', false),"
      " coalesce(plugin = 'pgoutput' AND database = pg_catalog.current_database(), false)"
      " FROM pg_catalog.pg_replication_slots WHERE slot_name = $1",
      {slot});
  if (!found) co_return std::unexpected(found.error());
  if (found->rows() == 0) co_return std::nullopt;
  if (!is_true(found->text(0, 3))) {
    co_return std::unexpected(PgError{
        .sqlstate = "55000",
        .message = fmt::format("the replication slot {} is not one of pgoutput in this database", quote_identifier(slot)),
        .position = 0});
  }
  co_return Slot{.created = false,
                 .confirmed = parse_lsn(found->text(0, 0)).value_or(0),
                 .active = is_true(found->text(0, 1)),
                 .lost = is_true(found->text(0, 2))};
}

Task<std::expected<Server, PgError>> identify_server(Connection& connection) {
  const auto found = co_await connection.query(
      "SELECT (SELECT system_identifier FROM pg_catalog.pg_control_system()), d.oid, pg_catalog.pg_current_wal_flush_lsn()"
      " FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()");
  if (!found) co_return std::unexpected(found.error());
  co_return Server{.system_identifier = std::string(found->text(0, 0)),
                   .database = number<sql::Oid>(found->text(0, 1)),
                   .end = parse_lsn(found->text(0, 2)).value_or(0)};
}

Task<std::expected<Slot, PgError>> ensure_slot(Connection& connection, std::string slot) {
  const auto found = co_await find_slot(connection, slot);
  if (!found) co_return std::unexpected(found.error());
  if (*found) co_return **found;
  const auto made =
      co_await connection.query("SELECT lsn FROM pg_catalog.pg_create_logical_replication_slot($1, 'pgoutput')", {slot});
  if (made) {
    co_return Slot{.created = true, .confirmed = parse_lsn(made->text(0, 0)).value_or(0), .active = false, .lost = false};
  }
  if (!made.error().duplicate_object()) co_return std::unexpected(made.error());
  const auto faster = co_await find_slot(connection, slot);
  if (!faster) co_return std::unexpected(faster.error());
  if (!*faster) co_return std::unexpected(made.error());
  co_return **faster;
}

Task<Done> drop_slot(Connection& connection, std::string slot) {
  const auto dropped = co_await connection.query(
      "SELECT pg_catalog.pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots WHERE slot_name = $1",
      {slot});
  if (!dropped && dropped.error().undefined_object()) co_return Done();
  co_return done_or(dropped);
}

}  // namespace sluice::replication

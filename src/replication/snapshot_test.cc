#include "replication/snapshot.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "replication/catalog.h"
#include "replication/stream.h"
#include "replication/test_cluster.h"

namespace sluice::replication {
namespace {

using testing::ElementsAre;
using Field = std::optional<std::string>;
using Fields = std::vector<Field>;

class Collector : public SnapshotSink {
 public:
  void begin(const SnapshotInfo& begun) override { info = begun; }
  void row(sql::Row values) override { rows.emplace_back(values.begin(), values.end()); }
  SnapshotInfo info;
  std::vector<Fields> rows;
};

class SnapshotTest : public testing::Test {
 protected:
  void SetUp() override { sql_ = runner_.connect({.url = TestCluster::get().url()}); }
  std::string ask(std::string sql) { return runner_.ask(*sql_, std::move(sql)); }
  std::expected<SnapshotInfo, PgError> read(SnapshotQuery query) {
    sink_ = {};
    return runner_.run(read_snapshot(*sql_, std::move(query), sink_));
  }

  TaskRunner runner_;
  std::unique_ptr<Connection> sql_;
  Collector sink_;
};

TEST_F(SnapshotTest, GivesRowsInPostgresTextWithBooleansSpelledOut) {
  ask("CREATE DOMAIN yesno AS bool; CREATE TABLE kinds (id int PRIMARY KEY, b bool, y yesno, bs bool[], c char(5), t text,"
      " n numeric, ts timestamptz, j jsonb, f float8, by bytea)");
  ask("INSERT INTO kinds VALUES (1, true, false, '{t,f}', 'c', E'tab\\there\\\\\\n\\u00e9', 1.50, '2024-01-02 03:04:05+02',"
      " '{\"a\": 1}', 0.1, '\\x00ff'), (2, NULL, NULL, NULL, NULL, '', NULL, NULL, NULL, NULL, NULL)");
  auto info = read({.schema = "public", .table = "kinds"});
  ASSERT_TRUE(info) << info.error().message;
  ASSERT_EQ(sink_.rows.size(), 2U);
  EXPECT_THAT(sink_.rows[0], ElementsAre("1", "true", "false", "{t,f}", "c    ", "tab\there\\\n\u00e9", "1.50",
                                         "2024-01-02 01:04:05+00", "{\"a\": 1}", "0.1", "\\x00ff"));
  EXPECT_EQ(sink_.rows[1][5], "");
  EXPECT_EQ(sink_.rows[1][4], std::nullopt);
  EXPECT_EQ(sink_.info.table->name, "kinds");
  EXPECT_EQ(sink_.info.columns.size(), 11U);
  EXPECT_GE(info->insert_lsn, info->lsn);
  EXPECT_GT(info->lsn, 0U);
  EXPECT_TRUE(sql_->usable());
}

TEST_F(SnapshotTest, SelectsColumnsRowsOrderAndPage) {
  ask("CREATE TABLE \"Pa\"\"ge\" (id int, \"Na me\" text)");
  ask("INSERT INTO \"Pa\"\"ge\" SELECT i, 'n' || i FROM generate_series(1, 10) i");
  ASSERT_TRUE(read({.schema = "public",
                    .table = "Pa\"ge",
                    .columns = {"Na me", "id"},
                    .where = "id > 3",
                    .order_by = "id DESC",
                    .limit = 2,
                    .offset = 1}));
  EXPECT_THAT(sink_.rows, ElementsAre(Fields{"n9", "9"}, Fields{"n8", "8"}));
  EXPECT_THAT(sink_.info.columns, ElementsAre(1U, 0U));
}

TEST_F(SnapshotTest, ReadsTablesWithoutRowsOrColumns) {
  ask("CREATE TABLE no_rows (id int); CREATE TABLE no_columns (); INSERT INTO no_columns DEFAULT VALUES");
  ASSERT_TRUE(read({.schema = "public", .table = "no_rows"}));
  EXPECT_TRUE(sink_.rows.empty());
  EXPECT_NE(sink_.info.table, nullptr);
  ASSERT_TRUE(read({.schema = "public", .table = "no_columns"}));
  EXPECT_THAT(sink_.rows, ElementsAre(Fields{}));
}

TEST_F(SnapshotTest, ErrorsLeaveTheConnectionUsable) {
  ask("CREATE TABLE erring (id int)");
  ask("INSERT INTO erring VALUES (1)");
  auto missing = read({.schema = "public", .table = "nowhere"});
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().undefined_table());
  auto column = read({.schema = "public", .table = "erring", .columns = {"nothing"}});
  ASSERT_FALSE(column);
  EXPECT_TRUE(column.error().undefined_column());
  auto divided = read({.schema = "public", .table = "erring", .where = "1 / (id - 1) = 1"});
  ASSERT_FALSE(divided);
  EXPECT_EQ(divided.error().sqlstate, "22012");
  auto slow = read({.schema = "public",
                    .table = "erring",
                    .where = "pg_sleep(600) IS NULL",
                    .statement_timeout = std::chrono::milliseconds(20)});
  ASSERT_FALSE(slow);
  EXPECT_TRUE(slow.error().query_canceled());
  EXPECT_TRUE(sql_->usable());
  ASSERT_TRUE(read({.schema = "public", .table = "erring"}));
  EXPECT_THAT(sink_.rows, ElementsAre(Fields{"1"}));
  EXPECT_EQ(ask("SHOW statement_timeout"), "0");
}

TEST_F(SnapshotTest, FailsWhereRowSecurityWouldHideRows) {
  ask("CREATE TABLE secured (id int); ALTER TABLE secured ENABLE ROW LEVEL SECURITY; CREATE ROLE limited LOGIN;"
      "GRANT SELECT ON secured TO limited");
  std::string url = TestCluster::get().url();
  url.replace(url.find("postgres@"), 8, "limited");
  auto limited = runner_.connect({.url = url});
  auto refused = runner_.run(read_snapshot(*limited, {.schema = "public", .table = "secured"}, sink_));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().insufficient_privilege());
}

TEST_F(SnapshotTest, KnowsWhichTransactionsItHolds) {
  ask("CREATE TABLE seen (id int)");
  auto open = runner_.connect({.url = TestCluster::get().url()});
  const auto running = static_cast<std::uint32_t>(std::stoul(runner_.ask(*open, "BEGIN; SELECT txid_current()")));
  const auto before = static_cast<std::uint32_t>(std::stoul(ask("SELECT txid_current()")));
  auto info = read({.schema = "public", .table = "seen"});
  ASSERT_TRUE(info);
  const auto after = static_cast<std::uint32_t>(std::stoul(ask("SELECT txid_current()")));
  EXPECT_FALSE(info->point.holds(running));
  EXPECT_TRUE(info->point.holds(before));
  EXPECT_FALSE(info->point.holds(after));
}

// A table as the snapshot and then the stream tell it.
class Joined : public SnapshotSink, public StreamHandler {
 public:
  void begin(const SnapshotInfo& begun) override { info = begun; }
  void row(sql::Row values) override { add(std::string(*values[0])); }
  void on_begin(const Begin& begin) override { skip = info.point.holds(begin.xid); }
  void on_relation(const Relation&) override {}
  void on_insert(const Insert& insert) override {
    if (!skip) add(std::string(insert.row[0].text));
  }
  void on_update(const Update&) override { wrong = true; }
  void on_delete(const Delete& deletion) override {
    if (!skip) wrong |= rows.erase(std::string(deletion.old_row[0].text)) != 1;
  }
  void on_truncate(const Truncate&) override { wrong = true; }
  void on_commit(const Commit& commit) override { at = commit.end_lsn; }
  void on_idle(Lsn server_end) override { at = server_end; }
  void on_batch_end() override {}

  void add(std::string key) { wrong |= !rows.insert(std::move(key)).second; }

  SnapshotInfo info;
  std::set<std::string> rows;
  Lsn at = 0;
  bool skip = false;
  bool wrong = false;
};

// Inserts and deletes until told to stop, in transactions that last: at any instant some are in the middle.
void write_until(const std::string& url, int writer, const std::atomic<bool>& stop, std::atomic<int>& failures) {
  PGconn* conn = PQconnectdb(url.c_str());
  for (int i = 0; !stop; ++i) {
    const std::string sql = fmt::format(
        "BEGIN; INSERT INTO joined VALUES ({0}); SELECT pg_sleep(0.004); SAVEPOINT s; INSERT INTO joined VALUES ({1}); "
        "RELEASE s;"
        "DELETE FROM joined WHERE id = {2}; {3}",
        writer * 1'000'000 + 2 * i, writer * 1'000'000 + 2 * i + 1, writer * 1'000'000 + i,
        i % 5 == 0 ? "ROLLBACK" : "COMMIT");
    PGresult* result = PQexec(conn, sql.c_str());
    if (PQresultStatus(result) != PGRES_COMMAND_OK) ++failures;
    PQclear(result);
  }
  PQfinish(conn);
}

// The rule that everything rests on: the rows of the snapshot, and of the transactions it does not hold, are the table.
TEST_F(SnapshotTest, JoinsTheStreamExactlyWhileOthersWrite) {
  const std::string url = TestCluster::get().url();
  const std::string slot = "join_" + std::to_string(::getpid());
  ask("CREATE TABLE joined (id int)");
  ASSERT_TRUE(runner_.run(ensure_publication(*sql_, "join_pub")));
  ASSERT_TRUE(runner_.run(ensure_slot(*sql_, slot)));
  std::atomic<bool> stop_writing = false;
  std::atomic<int> failures = 0;
  std::vector<std::thread> writers;
  for (int writer = 1; writer <= 3; ++writer)
    writers.emplace_back(write_until, url, writer, std::cref(stop_writing), std::ref(failures));
  ask("SELECT pg_sleep(0.1)");
  auto table = runner_.run(load_table(*sql_, "public", "joined"));
  ASSERT_TRUE(table);
  auto published = runner_.run(publish_table(*sql_, "join_pub", *table));
  ASSERT_TRUE(published) << published.error().message;

  // The snapshot is read first and the stream, whose slot is older, after it.
  auto open = runner_.connect({.url = url});
  runner_.ask(*open, "BEGIN");
  runner_.ask(*open, "INSERT INTO joined VALUES (-2)");
  ask("SELECT pg_sleep(0.05)");
  Joined joined;
  ASSERT_TRUE(runner_.run(read_snapshot(*sql_, {.schema = "public", .table = "joined"}, joined)));
  EXPECT_FALSE(joined.info.point.xip.empty());
  runner_.ask(*open, "COMMIT");
  EXPECT_FALSE(joined.rows.empty());
  Stream stream({.url = url, .slot = slot, .publication = "join_pub"}, joined);
  std::optional<StreamEnd> end;
  boost::asio::co_spawn(runner_.io(), stream.run(), [&](const std::exception_ptr&, const StreamEnd& e) { end = e; });
  ask("SELECT pg_sleep(0.2)");
  stop_writing = true;
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(failures, 0) << "publishing a table must never fail somebody's write";
  // The mark goes through the stream as everything before it does.
  ask("INSERT INTO joined VALUES (-1)");
  runner_.run_until([&] { return joined.rows.contains("-1") || end; });
  ASSERT_FALSE(end) << end->error.message;
  stream.stop();
  runner_.run_until([&] { return end.has_value(); });

  EXPECT_FALSE(joined.wrong) << "a row twice, or a delete of one that was not there";
  EXPECT_EQ(std::to_string(joined.rows.size()), ask("SELECT count(*) FROM joined"));
  auto rows = runner_.run(sql_->query("SELECT id FROM joined"));
  ASSERT_TRUE(rows);
  for (int row = 0; row < rows->rows(); ++row) EXPECT_TRUE(joined.rows.contains(std::string(rows->text(row, 0))));
  while (!runner_.run(drop_slot(*sql_, slot))) {}
}

}  // namespace
}  // namespace sluice::replication

// The embedded origin with a folder, ended and made again on it against a real Postgres: whatever happened meanwhile,
// clients go on where they were, or are told to fetch again; they never have wrong rows.
#include <filesystem>

#include "embedded_origin.h"

namespace sluice {
namespace {

class OriginRestartTest : public EmbeddedOriginTest {
 protected:
  void SetUp() override { start(options()); }
  void TearDown() override {
    EmbeddedOriginTest::TearDown();
    sql_.run("SET client_min_messages = warning; DROP TABLE IF EXISTS other, renamed");
  }

  origin::EmbeddedOptions options() const {
    origin::EmbeddedOptions options;
    options.storage = folder_.path() + "/data";
    options.chunk_bytes = 16 * 1024;
    return options;
  }
  // Both are what a process finds that is started on the folder: what the last one left, and as after a crash, without its
  // end.
  void restart_after(const std::function<void()>& meanwhile) {
    stop();
    await_free_slot();
    meanwhile();
    begin_start(options());
  }
  void restart_from_copy() {
    const std::string copy = folder_.path() + "/copy";
    std::filesystem::copy(options().storage, copy, std::filesystem::copy_options::recursive);
    stop();
    std::filesystem::remove_all(options().storage);
    std::filesystem::rename(copy, options().storage);
    start(options());
  }
  // Reads everything, and holds it against the table.
  void expect_rows(Materialised& shape, const std::string& definition, const std::string& select) {
    ASSERT_NO_FATAL_FAILURE(read_until(shape, definition, wal_lsn()));
    std::map<std::string, std::string> expected;
    for (const auto& row : sql_.run(select)) expected["\"public\".\"t\"/\"" + row[0] + "\""] = row[1];
    std::map<std::string, std::string> seen;
    for (auto& [key, row] : shape.rows) seen[key] = row["v"];
    EXPECT_EQ(seen, expected) << definition;
  }

  TestFolder folder_;
};

TEST_F(OriginRestartTest, ShapesHandlesAndOffsetsAreAsTheyWere) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, i FROM generate_series(1, 1000) i");
  const std::vector<std::string> definitions = {"table=t", "table=t&where=id%3E500&replica=full",
                                                "table=t&where=v%20LIKE%20$1&params[1]=%25%27%25&columns=id,v",
                                                "table=t&log=changes_only"};
  std::map<std::string, Materialised> shapes;
  for (const auto& definition : definitions) ASSERT_NO_FATAL_FAILURE(read_until(shapes[definition], definition, 0));
  sql_.run("INSERT INTO t VALUES (2000, '''quoted'''), (2001, 'x'); UPDATE t SET v = 'y' WHERE id % 7 = 0");
  ASSERT_NO_FATAL_FAILURE(read_until(shapes["table=t"], "table=t", wal_lsn()));
  std::map<std::string, Answer> before;
  for (const auto& definition : definitions) before[definition] = get(definition + "&offset=-1");

  // Before the database is asked anything, they are served.
  restart_after([] {});
  for (const auto& definition : definitions) {
    Answer answer = get(definition + "&offset=-1");
    EXPECT_EQ(answer.body, before[definition].body);
    EXPECT_EQ(answer.field("etag"), before[definition].field("etag"));
    EXPECT_EQ(answer.field("electric-schema"), before[definition].field("electric-schema"));
  }
  await_active();
  sql_.run("DELETE FROM t WHERE id % 5 = 0; INSERT INTO t VALUES (3000, 'it''s')");
  expect_rows(shapes["table=t"], "table=t", "SELECT id, v FROM t");
  expect_rows(shapes[definitions[1]], definitions[1], "SELECT id, v FROM t WHERE id > 500");
  expect_rows(shapes[definitions[2]], definitions[2], "SELECT id, v FROM t WHERE v LIKE '%''%'");
  for (auto& [definition, shape] : shapes) {
    EXPECT_EQ(shape.refetched, 0);
    EXPECT_EQ(shape.handle, before[definition].field("electric-handle"));
  }
  EXPECT_EQ(origin_->stats().snapshots_done, 0u);
}

TEST_F(OriginRestartTest, WhatWasWrittenMeanwhileComes) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a'), (2, 'b')");
  Materialised shape;
  ASSERT_NO_FATAL_FAILURE(read_until(shape, "table=t", 0));
  for (int round = 0; round < 3; ++round) {
    restart_after([&] {
      sql_.run("INSERT INTO t VALUES (" + std::to_string(10 + round) + ", 'new'); UPDATE t SET v = v || 'x' WHERE id = 1");
    });
    expect_rows(shape, "table=t", "SELECT id, v FROM t");
  }
  EXPECT_EQ(shape.refetched, 0);
}

// The folder as it was a moment before the end, as if that had never been written: the slot may have moved on from there,
// and then everything is fetched again; where it has not, nothing is.
TEST_F(OriginRestartTest, AFolderOfAnEarlierMomentIsGoneOnFromOnlyWhereTheSlotAllowsIt) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY, v text)");
  std::map<std::string, Materialised> shapes;
  for (int round = 0; round < 4; ++round) {
    // A shape that is made while another session writes holds transactions that may be sent again.
    std::atomic<bool> stopped{false};
    auto writer = std::async(std::launch::async, [&] {
      Sql sql(url_);
      for (int i = 0; !stopped && i < 2000; ++i) {
        sql.run("INSERT INTO t VALUES (" + std::to_string(round * 100'000 + i) + ", 'v'); UPDATE t SET v = v || '" +
                std::to_string(round) + "' WHERE id % 13 = " + std::to_string(i % 13) + " AND id % 7 = 0");
      }
    });
    const std::string definition = "table=t&where=id%3E-" + std::to_string(round + 1);
    ASSERT_NO_FATAL_FAILURE(read_until(shapes[definition], definition, wal_lsn()));
    restart_from_copy();
    stopped = true;
    writer.get();
    for (auto& [text, shape] : shapes) expect_rows(shape, text, "SELECT id, v FROM t");
  }
}

TEST_F(OriginRestartTest, TruncatedAlteredDroppedAndRenamedMeanwhile) {
  const std::vector<std::string> changes = {
      "TRUNCATE t; INSERT INTO t VALUES (7, 'after')",
      "ALTER TABLE t ADD COLUMN more int DEFAULT 3",
      "ALTER TABLE t ALTER COLUMN v TYPE varchar(20)",
      "DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (9, 'other')",
      "ALTER TABLE t RENAME TO renamed; CREATE TABLE t (id int PRIMARY KEY, v text)",
      "ALTER TABLE t REPLICA IDENTITY DEFAULT; UPDATE t SET v = 'b'",
      "ALTER PUBLICATION sluice_test DROP TABLE t; INSERT INTO t VALUES (11, 'unseen')",
      "DROP PUBLICATION sluice_test; INSERT INTO t VALUES (12, 'unseen')",
      "SELECT pg_drop_replication_slot('sluice_test'); INSERT INTO t VALUES (13, 'unseen')",
  };
  origin::EmbeddedOptions looking = options();
  looking.table_check_interval = 10ms;
  restart(looking);
  for (const std::string& change : changes) {
    SCOPED_TRACE(change);
    sql_.run("SET client_min_messages = warning; DROP TABLE IF EXISTS t");
    eventually([&] { return origin_->stats().shapes == 0; });
    sql_.run(
        "SET client_min_messages = warning; DROP TABLE IF EXISTS t, renamed; CREATE TABLE t (id int PRIMARY KEY, v text);"
        "INSERT INTO t VALUES (1, 'a')");
    Materialised shape;
    ASSERT_NO_FATAL_FAILURE(read_until(shape, "table=t", wal_lsn()));
    const std::string handle = shape.handle;
    stop();
    await_free_slot();
    sql_.run(change);
    begin_start(looking);
    eventually([&] { return get("table=t&offset=0_inf&handle=" + handle).status == 409; });
    await_active();
    expect_rows(shape, "table=t", "SELECT id, v FROM t");
    EXPECT_NE(shape.handle, handle);
  }
}

TEST_F(OriginRestartTest, ASlotThatMovedOnMeanwhileBeginsAnew) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY, v text)");
  Materialised shape;
  ASSERT_NO_FATAL_FAILURE(read_until(shape, "table=t", 0));
  restart_after([&] {
    sql_.run("INSERT INTO t VALUES (1, 'unseen')");
    sql_.run("SELECT pg_replication_slot_advance('sluice_test', pg_current_wal_lsn())");
  });
  eventually([&] { return get("table=t&offset=0_inf&handle=" + shape.handle).status == 409; });
  await_active();
  expect_rows(shape, "table=t", "SELECT id, v FROM t");
  EXPECT_EQ(shape.refetched, 1);
}

TEST_F(OriginRestartTest, AnotherOriginOfTheFolderWaitsForIt) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a')");
  Materialised shape;
  ASSERT_NO_FATAL_FAILURE(read_until(shape, "table=t", 0));
  auto first = std::move(origin_);
  auto first_api = std::move(api_);
  begin_start(options());
  EXPECT_TRUE(origin_->stats().stands_by);
  EXPECT_EQ(origin_->health(), origin::Origin::Health::kUnavailable);
  Answer refused = get("table=t&offset=-1");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.field("retry-after"), "2");
  first->stop();
  first_api.reset();
  first.reset();
  sql_.run("INSERT INTO t VALUES (2, 'b')");
  await_active();
  expect_rows(shape, "table=t", "SELECT id, v FROM t");
  EXPECT_EQ(shape.refetched, 0);
}

TEST_F(OriginRestartTest, DroppedShapesAndTheSlotWhereWantedAreGone) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY, v text)");
  origin::EmbeddedOptions deleting = options();
  deleting.shapes_max = 1;
  restart(deleting);
  get("table=t&where=id%3E1&offset=-1");
  get("table=t&where=id%3E2&offset=-1");
  eventually([this] { return origin_->stats().evicted == 2; });
  deleting.drop_slot_on_stop = true;
  restart(deleting);
  EXPECT_EQ(origin_->stats().shapes, 0u);
  EXPECT_EQ(sql_.one("SELECT count(*) FROM pg_replication_slots"), "1");
  stop();
  EXPECT_EQ(sql_.one("SELECT count(*) FROM pg_replication_slots"), "0");
  start(options());
}

TEST_F(OriginRestartTest, TheServerIsToldThatItMayForgetWhatIsStored) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY, v text)");
  Materialised shape;
  ASSERT_NO_FATAL_FAILURE(read_until(shape, "table=t", 0));
  sql_.run("INSERT INTO t VALUES (1, 'a')");
  ASSERT_NO_FATAL_FAILURE(read_until(shape, "table=t", wal_lsn()));
  const std::string end = sql_.one("SELECT pg_current_wal_lsn()");
  eventually([&] {
    return sql_.one("SELECT confirmed_flush_lsn >= '" + end +
                    "' FROM pg_replication_slots WHERE slot_name = 'sluice_test'") == "t";
  });
}

}  // namespace
}  // namespace sluice

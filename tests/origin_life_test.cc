// The embedded origin from its start to its end, against a real Postgres: snapshots that are served while they are read, two
// origins of one slot, what a role may do.
#include "embedded_origin.h"

namespace sluice {
namespace {

using Health = origin::Origin::Health;

class OriginLifeTest : public EmbeddedOriginTest {
 protected:
  void TearDown() override {
    second_api_.reset();
    if (second_) second_->stop();
    second_.reset();
    EmbeddedOriginTest::TearDown();
    sql_.run("DROP TABLE IF EXISTS other");
    if (sql_.one("SELECT count(*) FROM pg_roles WHERE rolname = 'least'") != "0") {
      sql_.run("DROP OWNED BY least; DROP ROLE least");
    }
  }

  void start_second(origin::EmbeddedOptions options) {
    options.database_url = url_;
    options.slot = options.publication = "sluice_test";
    second_ = std::make_unique<origin::EmbeddedOrigin>(options);
    gateway::OriginApiOptions api_options;
    api_options.insecure = true;
    second_api_ = std::make_unique<gateway::OriginApi>(api_options, *second_);
    second_->start();
  }
  Answer ask_second(const std::string& path, const std::string& query) {
    auto it = std::make_shared<Exchange>();
    it->query = query;
    it->path = path;
    auto done = asio::co_spawn(workers_[0].context, ask(*second_api_, it), asio::use_future);
    done.get();
    return to_answer(*it);
  }
  // A table of 40,000 rows, far more than a chunk.
  void begin_with_many_chunks() {
    sql_.run(
        "CREATE TABLE t (id int PRIMARY KEY, title text);"
        "INSERT INTO t SELECT i, repeat('x', 200) FROM generate_series(1, 40000) i");
    origin::EmbeddedOptions options;
    options.chunk_bytes = 64 * 1024;
    restart(options);
  }
  // A role that may do no more than it must, and the URL to be it.
  std::string make_least_role(const std::string& grants) {
    sql_.run("CREATE ROLE least LOGIN REPLICATION; " + grants);
    std::string url = url_;
    return url.replace(url.find("postgres@"), 8, "least");
  }
  // As that role, with `t` published by hand.
  void restart_as_reader(origin::EmbeddedOptions options) {
    options.database_url = make_least_role("GRANT SELECT ON t TO least");
    options.manual_publication = true;
    sql_.run("DROP PUBLICATION IF EXISTS sluice_test");
    stop();
    sql_.run("CREATE PUBLICATION sluice_test FOR TABLE t");
    start(std::move(options));
  }
  std::string published() {
    return sql_.one(
        "SELECT coalesce(string_agg(tablename, ',' ORDER BY tablename), '') FROM pg_publication_tables "
        "WHERE pubname = 'sluice_test'");
  }

  std::unique_ptr<origin::EmbeddedOrigin> second_;
  std::unique_ptr<gateway::OriginApi> second_api_;
};

TEST_F(OriginLifeTest, ASnapshotIsServedWhileItIsRead) {
  begin_with_many_chunks();
  // A shape's whole snapshot may be read before the first answer gets here: then with the next one.
  int tries = 0;
  std::string definition;
  std::string handle;
  do {
    definition = "table=t&where=id%3E-" + std::to_string(++tries);
    Answer first = get(definition + "&offset=-1");
    ASSERT_EQ(first.status, 200) << first.body;
    ASSERT_EQ(first.field("electric-offset"), "0_0");
    ASSERT_EQ(first.fields.get("electric-up-to-date"), std::nullopt);
    handle = first.field("electric-handle");
  } while (origin_->stats().snapshots_running == 0);
  // Whoever asks meanwhile gets the same shape, and everything of it.
  Materialised shape;
  ASSERT_NO_FATAL_FAILURE(read_until(shape, definition, wal_lsn()));
  EXPECT_EQ(shape.rows.size(), 40000u);
  EXPECT_EQ(shape.handle, handle);
  EXPECT_EQ(origin_->stats().snapshots_done, static_cast<std::uint64_t>(tries));
}

TEST_F(OriginLifeTest, ASnapshotThatFailsAfterPartsWereServedIsFetchedAgain) {
  begin_with_many_chunks();
  int tries = 0;
  Answer first;
  std::string definition;
  do {
    definition = "table=t&where=id%3E-" + std::to_string(++tries);
    first = get(definition + "&offset=-1");
    ASSERT_EQ(first.status, 200) << first.body;
    sql_.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY (%' AND state = 'active'");
    eventually([this] { return origin_->stats().snapshots_running == 0; });
  } while (origin_->stats().snapshots_failed == 0);
  const std::string handle = first.field("electric-handle");
  Answer next = get(definition + "&offset=0_0&handle=" + handle);
  EXPECT_EQ(next.status, 409) << next.body;
  EXPECT_NE(next.field("electric-handle"), handle);
  Materialised shape;
  ASSERT_NO_FATAL_FAILURE(read_until(shape, definition, wal_lsn()));
  EXPECT_EQ(shape.rows.size(), 40000u);
}

TEST_F(OriginLifeTest, ManyWhoAskForANewShapeCauseOneSnapshot) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 2000)");
  std::vector<std::future<Answer>> asked;
  for (int i = 0; i < 200; ++i) asked.push_back(begin("table=t&offset=-1"));
  std::string handle;
  for (auto& future : asked) {
    Answer answer = future.get();
    ASSERT_EQ(answer.status, 200) << answer.body;
    if (handle.empty()) handle = answer.field("electric-handle");
    EXPECT_EQ(answer.field("electric-handle"), handle);
  }
  EXPECT_EQ(origin_->stats().snapshots_done, 1u);
}

TEST_F(OriginLifeTest, ASecondOriginOfTheSlotStandsByAndTakesOver) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  ASSERT_EQ(get("table=t&offset=-1").status, 200);
  start_second({});
  eventually([this] { return second_->stats().stands_by; });
  EXPECT_EQ(second_->health(), Health::kUnavailable);
  Answer health = ask_second("/v1/health", "");
  EXPECT_EQ(health.status, 202);
  EXPECT_EQ(health.body, R"({"status":"waiting"})");
  Answer refused = ask_second("/v1/shape", "table=t&offset=-1");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.field("retry-after"), "2");
  EXPECT_EQ(refused.field("cache-control"), "no-store");
  EXPECT_EQ(origin_->health(), Health::kActive);
  EXPECT_EQ(get("table=t&offset=-1").status, 200) << "the first goes on";

  stop();
  eventually([this] { return second_->health() == Health::kActive; });
  EXPECT_FALSE(second_->stats().stands_by);
  EXPECT_EQ(ask_second("/v1/health", "").status, 200);
  Answer answer = ask_second("/v1/shape", "table=t&offset=-1");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_NE(answer.body.find("\"insert\""), std::string::npos);
}

TEST_F(OriginLifeTest, AnOriginThatLosesTheLockToAnotherStandsBy) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY)");
  const std::string handle = get("table=t&offset=-1").field("electric-handle");
  start_second({});
  eventually([this] { return second_->stats().stands_by; });
  // As when the first one's network is gone: the server has given it up, and it does not know yet. It may be faster to ask
  // for the lock again.
  const std::string sessions = "SELECT pid FROM pg_stat_activity WHERE application_name = 'sluice lock' AND pid ";
  const std::string holder = "(SELECT pid FROM pg_locks WHERE locktype = 'advisory')";
  const std::string waiting = sql_.one(sessions + "NOT IN " + holder);
  eventually([&] {
    auto holding = sql_.run(sessions + "IN " + holder);
    if (holding.empty()) return false;
    if (holding[0][0] == waiting) return true;
    sql_.run("SELECT pg_terminate_backend(" + holding[0][0] + ")");
    return false;
  });
  eventually([this] { return second_->health() == Health::kActive && origin_->stats().stands_by; });
  EXPECT_EQ(get("table=t&offset=0_inf&handle=" + handle).status, 503) << "what it has may be old";
  sql_.run("INSERT INTO t VALUES (1)");
  EXPECT_EQ(ask_second("/v1/shape", "table=t&offset=-1").status, 200);
  second_->stop();
  second_.reset();
  await_active();
  EXPECT_EQ(get("table=t&offset=0_inf&handle=" + handle).status, 409) << "the other has moved the slot on";
  Materialised shape;
  ASSERT_NO_FATAL_FAILURE(read_until(shape, "table=t", wal_lsn()));
  EXPECT_EQ(shape.rows.size(), 1u);
}

TEST_F(OriginLifeTest, AManualPublicationIsOnlyCheckedByARoleWithFewRights) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY, title text); CREATE TABLE other (id int PRIMARY KEY)");
  origin::EmbeddedOptions options;
  options.database_url = make_least_role("GRANT SELECT ON t, other TO least");
  options.manual_publication = true;
  stop();
  begin_start(options);
  eventually([&] { return sql_.one("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") != "0"; });
  EXPECT_NE(origin_->health(), Health::kActive) << "there is no publication";
  sql_.run("CREATE PUBLICATION sluice_test WITH (publish_via_partition_root = true)");
  await_active();

  Answer refused = get("table=t&offset=-1");
  EXPECT_EQ(refused.status, 503);
  EXPECT_NE(refused.body.find("table_not_published"), std::string::npos) << refused.body;
  EXPECT_NE(refused.body.find(R"(ALTER PUBLICATION \"sluice_test\" ADD TABLE \"public\".\"t\")"), std::string::npos)
      << refused.body;
  EXPECT_NE(refused.body.find("ALTER TABLE public.t REPLICA IDENTITY FULL"), std::string::npos) << refused.body;
  sql_.run("ALTER PUBLICATION sluice_test ADD TABLE t (id); ALTER TABLE t REPLICA IDENTITY FULL");
  EXPECT_EQ(get("table=t&offset=-1").status, 503) << "a column is left out";
  sql_.run("ALTER PUBLICATION sluice_test SET TABLE t, other; ALTER TABLE other REPLICA IDENTITY FULL");

  Materialised shape;
  read_until(shape, "table=t", 0);
  sql_.run("INSERT INTO t VALUES (1, 'one'); UPDATE t SET title = 'two'");
  ASSERT_NO_FATAL_FAILURE(read_until(shape, "table=t", wal_lsn()));
  EXPECT_EQ(shape.rows.size(), 1u);
  stop();
  EXPECT_EQ(published(), "other,t") << "it is not ours";
}

TEST_F(OriginLifeTest, ARoleThatMayNotPublishIsTold) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY)");
  origin::EmbeddedOptions options;
  options.database_url = make_least_role("GRANT SELECT ON t TO least; GRANT CREATE ON DATABASE app TO least");
  restart(options);
  Answer refused = get("table=t&offset=-1");
  EXPECT_EQ(refused.status, 503);
  EXPECT_NE(refused.body.find("insufficient_privilege"), std::string::npos) << refused.body;
  stop();
}

TEST_F(OriginLifeTest, RowLevelSecurityThatHidesRowsIsReported) {
  sql_.run(
      "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); ALTER TABLE t ENABLE ROW LEVEL SECURITY;"
      "ALTER TABLE t REPLICA IDENTITY FULL");
  restart_as_reader({});
  Answer refused = get("table=t&offset=-1");
  EXPECT_EQ(refused.status, 503);
  EXPECT_NE(refused.body.find("row_level_security"), std::string::npos) << refused.body;
  EXPECT_NE(refused.body.find("BYPASSRLS"), std::string::npos) << refused.body;
  sql_.run("ALTER ROLE least BYPASSRLS");
  EXPECT_EQ(get("table=t&offset=-1").status, 200);
  stop();
}

TEST_F(OriginLifeTest, WhatTheRoleMayNoLongerReadIsNoLongerServed) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); ALTER TABLE t REPLICA IDENTITY FULL");
  origin::EmbeddedOptions options;
  options.table_check_interval = 10ms;
  restart_as_reader(options);
  const auto refused_after = [this](const char* taken, const char* given) {
    const Answer first = get("table=t&offset=-1");
    EXPECT_EQ(first.status, 200) << taken;
    const std::string next = "table=t&offset=0_0&handle=" + first.field("electric-handle");
    sql_.run(taken);
    eventually([&] { return get(next).status != 200; });
    EXPECT_EQ(get("table=t&offset=-1").status, 503) << taken;
    sql_.run(given);
  };
  refused_after("ALTER TABLE t ENABLE ROW LEVEL SECURITY", "ALTER TABLE t DISABLE ROW LEVEL SECURITY");
  refused_after("REVOKE SELECT ON t FROM least", "GRANT SELECT ON t TO least");
  EXPECT_EQ(get("table=t&offset=-1").status, 200);
  stop();
}

TEST_F(OriginLifeTest, TablesThatNoShapeIsOfAreUnpublished) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY)");
  origin::EmbeddedOptions options;
  options.table_check_interval = 10ms;
  options.shapes_max = 1;
  restart(options);
  ASSERT_EQ(get("table=t&offset=-1").status, 200);
  ASSERT_EQ(get("table=other&offset=-1").status, 200);
  // Beyond its bound the origin evicts the older; the other too, where its snapshot is done by then.
  eventually([this] { return published().empty() || published() == "other"; });
  Materialised shape;
  ASSERT_NO_FATAL_FAILURE(read_until(shape, "table=t", 0));
  sql_.run("INSERT INTO t VALUES (1)");
  ASSERT_NO_FATAL_FAILURE(read_until(shape, "table=t", wal_lsn()));
  EXPECT_EQ(shape.rows.size(), 1u);
  EXPECT_EQ(shape.refetched, 0);
}

TEST_F(OriginLifeTest, ATableThatIsTakenOutOfThePublicationIsFetchedAgain) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY)");
  origin::EmbeddedOptions options;
  options.table_check_interval = 10ms;
  restart(options);
  const std::string handle = get("table=t&offset=-1").field("electric-handle");
  sql_.run("ALTER PUBLICATION sluice_test DROP TABLE t; INSERT INTO t VALUES (1)");
  eventually([&] { return get("table=t&offset=0_inf&handle=" + handle).status == 409; });
  Materialised shape;
  ASSERT_NO_FATAL_FAILURE(read_until(shape, "table=t", wal_lsn()));
  EXPECT_EQ(shape.rows.size(), 1u);
}

TEST_F(OriginLifeTest, BeginsAnewWhenThePublicationIsDropped) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY)");
  const std::string handle = get("table=t&offset=-1").field("electric-handle");
  sql_.run("DROP PUBLICATION sluice_test; INSERT INTO t VALUES (1)");
  eventually([&] { return get("table=t&offset=0_inf&handle=" + handle).status == 409; });
  Materialised shape;
  await_active();
  ASSERT_NO_FATAL_FAILURE(read_until(shape, "table=t", wal_lsn()));
  EXPECT_EQ(shape.rows.size(), 1u);
}

}  // namespace
}  // namespace sluice

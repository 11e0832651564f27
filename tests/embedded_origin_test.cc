// The embedded origin against a real Postgres: what the recorded conversations do not show. No row lost or doubled while
// writers commit, requests held by the thousand, connections lost.
#include "embedded_origin.h"

#include <random>

namespace sluice {
namespace {

// Random transactions: inserts, updates that move rows between orgs, key changes, deletes, some taken back.
void write_at_random(const std::string& url, unsigned seed, int transactions) {
  Sql sql(url);
  std::mt19937 random(seed);
  auto pick = [&](unsigned n) { return std::to_string(random() % n); };
  for (int i = 0; i < transactions; ++i) {
    std::string text = "BEGIN;";
    for (unsigned n = 1 + random() % 4; n-- > 0;) {
      switch (random() % 5) {
        case 0:
        case 1: text += "INSERT INTO t VALUES (" + pick(200) + "," + pick(4) + ",0) ON CONFLICT DO NOTHING;"; break;
        case 2: text += "UPDATE t SET org=" + pick(4) + ", v=v+1 WHERE id=" + pick(200) + ";"; break;
        case 3: text += "DELETE FROM t WHERE id=" + pick(200) + ";"; break;
        default:
          text +=
              "UPDATE t SET id=id+1000 WHERE id=" + pick(200) + " AND NOT EXISTS (SELECT 1 FROM t x WHERE x.id=t.id+1000);";
      }
    }
    text += random() % 8 == 0 ? "ROLLBACK" : "COMMIT";
    try {
      sql.run(text);
    } catch (const std::runtime_error&) {
      sql.run("ROLLBACK");  // a deadlock, or a key that somebody else made meanwhile
    }
  }
}

TEST_F(EmbeddedOriginTest, LosesAndDoublesNothingWhileWritersCommit) {
  sql_.run(
      "CREATE TABLE t (id int PRIMARY KEY, org int, v int); INSERT INTO t SELECT i, i % 4, 0 FROM generate_series(0, 99) i");
  // Publishing waits for those who write: not while they hold each other up.
  ASSERT_EQ(get("table=t&offset=-1").status, 200);
  std::atomic<int> writing{3};
  std::vector<std::future<void>> writers;
  for (unsigned seed = 1; seed <= 3; ++seed) {
    writers.push_back(std::async(std::launch::async, [&, seed] {
      write_at_random(url_, seed, 400);
      --writing;
    }));
  }
  // Shapes are made all the time: v is never negative, so each is its org's rows under another handle.
  std::map<std::string, Materialised> shapes;
  int number = 0;
  do {
    int org = number % 4;
    std::string where = "org%3D" + std::to_string(org) + "%20AND%20v%3E-" + std::to_string(++number);
    std::string definition = "table=t&where=" + where + (number % 3 == 0 ? "&replica=full" : "");
    Materialised& shape = shapes[definition];
    ASSERT_NO_FATAL_FAILURE(read_until(shape, definition, 0));
  } while (writing > 0 || number < 4);
  for (auto& writer : writers) writer.get();
  std::uint64_t end = wal_lsn();
  for (auto& [definition, shape] : shapes) {
    ASSERT_NO_FATAL_FAILURE(read_until(shape, definition, end));
    EXPECT_EQ(shape.refetched, 0);
    std::string org = definition.substr(definition.find("%3D") + 3, 1);
    auto rows = sql_.run("SELECT id, org, v FROM t WHERE org = " + org);
    ASSERT_EQ(shape.rows.size(), rows.size()) << definition;
    for (const auto& row : rows) {
      auto& value = shape.rows["\"public\".\"t\"/\"" + row[0] + "\""];
      EXPECT_EQ(value["org"], row[1]);
      EXPECT_EQ(value["v"], row[2]) << definition;
    }
  }
  EXPECT_GT(shapes.size(), 3u);
}

// A commit that a synchronous standby holds up is on the stream before it is visible to snapshots.
class HeldUpCommitTest : public EmbeddedOriginTest {
 protected:
  void TearDown() override {
    release();
    EmbeddedOriginTest::TearDown();
  }

  // Writes rows to t until one's commit is held up. Answers how many are visible; `shape`, of all rows, has one more.
  std::size_t hold_up(Materialised& shape) {
    read_until(shape, "table=t", 0);
    sql_.run("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    sql_.run("SELECT pg_reload_conf()");
    // The setting takes hold a moment after the reload.
    writer_ = std::async(std::launch::async, [this] {
      Sql sql(url_);
      for (int id = 1; !held_; ++id) sql.run("INSERT INTO t VALUES (" + std::to_string(id) + ")");
    });
    eventually([this] { return sql_.one("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") != "0"; });
    held_ = true;
    const std::size_t visible = std::stoul(sql_.one("SELECT count(*) FROM t"));
    while (shape.rows.size() <= visible) {
      Answer answer = get("table=t&offset=" + shape.offset + "&handle=" + shape.handle);
      apply(shape, answer.body);
      if (HasFailure()) break;
      shape.offset = answer.field("electric-offset");
    }
    return visible;
  }
  // Until `answer` is there, or the origin has looked whether it can be.
  void await_look(std::future<Answer>& answer) {
    eventually([&] {
      return answer.wait_for(0s) == std::future_status::ready ||
             sql_.one("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_current_snapshot()%'") != "0";
    });
  }
  void release() {
    held_ = true;
    sql_.run("ALTER SYSTEM RESET synchronous_standby_names");
    sql_.run("SELECT pg_reload_conf()");
    if (writer_.valid()) writer_.get();
  }

  std::atomic<bool> held_{false};
  std::future<void> writer_;
};

TEST_F(HeldUpCommitTest, ItsRowIsNotLostToANewShape) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY)");
  Materialised first;
  const std::size_t visible = hold_up(first);
  auto second = begin("table=t&where=id%3E0&offset=-1");
  await_look(second);
  release();
  Answer answer = second.get();
  Materialised rows;
  rows.handle = answer.field("electric-handle");
  rows.offset = answer.field("electric-offset");
  apply(rows, answer.body);
  read_until(rows, "table=t&where=id%3E0", wal_lsn());
  EXPECT_EQ(rows.rows.size(), visible + 1);
}

// Who asks has it from the stream already, and would take the subset for the newer.
TEST_F(HeldUpCommitTest, ItsRowIsInASubset) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY)");
  Materialised first;
  const std::size_t visible = hold_up(first);
  auto subset = begin("table=t&offset=" + first.offset + "&handle=" + first.handle + "&subset__where=true");
  await_look(subset);
  release();
  Answer answer = subset.get();
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_NE(answer.body.find("\"id\":\"" + std::to_string(visible + 1) + "\""), std::string::npos) << answer.body;
}

// Clients of event streams go on from operation 0 of the position they were told last.
TEST_F(EmbeddedOriginTest, GoesOnFromAnUpToDateMessageBehindTheHeadOfItsLog) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE IF NOT EXISTS other (id int)");
  Materialised shape;
  read_until(shape, "table=t", 0);
  sql_.run("INSERT INTO other VALUES (1)");
  ASSERT_NO_FATAL_FAILURE(read_until(shape, "table=t", wal_lsn()));
  std::string there = "table=t&offset=" + std::to_string(shape.lsn) + "_0&handle=" + shape.handle;
  Answer now = get(there);
  EXPECT_EQ(now.status, 200) << now.body;
  EXPECT_TRUE(now.fields.get("electric-up-to-date"));
  auto live = begin(there + "&live=true");
  sql_.run("INSERT INTO t VALUES (1)");
  ASSERT_NO_FATAL_FAILURE(apply(shape, live.get().body));
  EXPECT_EQ(shape.rows.size(), 1u);
  sql_.run("DROP TABLE other");
}

TEST_F(EmbeddedOriginTest, ACommitThatBeginsWhereTheLastOneEndedIsNotBehindTheUpToDateMessage) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY)");
  Materialised shape;
  read_until(shape, "table=t", 0);
  Sql first(url_), second(url_);
  first.run("BEGIN; INSERT INTO t VALUES (1)");
  second.run("BEGIN; INSERT INTO t VALUES (2)");
  first.run("COMMIT");
  ASSERT_NO_FATAL_FAILURE(read_until(shape, "table=t", wal_lsn()));
  ASSERT_EQ(shape.rows.size(), 1u);
  second.run("COMMIT");
  Answer answer = get("table=t&live=true&offset=" + std::to_string(shape.lsn) + "_0&handle=" + shape.handle);
  ASSERT_NO_FATAL_FAILURE(apply(shape, answer.body));
  EXPECT_EQ(shape.rows.size(), 2u);
}

TEST_F(EmbeddedOriginTest, WakesThousandsWithOneEncodedChange) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY, title text)");
  Answer initial = get("table=t&offset=-1");
  std::string live = "table=t&live=true&offset=0_inf&handle=" + initial.field("electric-handle");
  constexpr std::size_t kWaiters = 3000;
  std::vector<std::future<Answer>> waiting;
  for (std::size_t i = 0; i < kWaiters; ++i) waiting.push_back(begin(live));
  eventually([this] { return origin_->stats().held_requests == kWaiters; });
  sql_.run("INSERT INTO t VALUES (1, 'one')");
  const char* data = nullptr;
  for (auto& future : waiting) {
    Answer answer = future.get();
    ASSERT_EQ(answer.status, 200);
    ASSERT_NE(answer.body.find("\"insert\""), std::string::npos);
    ASSERT_EQ(answer.pieces.size(), 3u);
    if (data == nullptr) data = answer.pieces[1];
    ASSERT_EQ(answer.pieces[1], data) << "the change was copied";
  }
  EXPECT_EQ(origin_->stats().held_requests, 0u);
}

TEST_F(EmbeddedOriginTest, E18_BothSidesOfASubsetAreInParentheses) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY, x int, y int, z int)");
  sql_.run("INSERT INTO t VALUES (1, 1, 0, 0), (2, 0, 2, 0), (3, 1, 0, 3), (4, 0, 2, 3), (5, 0, 0, 3)");
  const std::string shape = "table=t&where=x%3D1%20OR%20y%3D2";
  const std::string at = shape + "&offset=0_inf&handle=" + get(shape + "&offset=-1").field("electric-handle");
  const auto ids = [&](const std::string& where) {
    std::string found;
    const std::string body = get(at + "&subset__where=" + where).body;
    for (int id = 1; id <= 5; ++id)
      if (body.find("\"id\":\"" + std::to_string(id) + "\"") != std::string::npos) found += std::to_string(id);
    return found;
  };
  EXPECT_EQ(ids("z%3D3"), "34");
  EXPECT_EQ(ids("z%3D3%20OR%20true"), "1234");
}

TEST_F(EmbeddedOriginTest, E15_ASubsetThatTakesTooLongIsGivenUp) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  origin::EmbeddedOptions options;
  options.subset_timeout = 50ms;
  restart(options);
  const std::string subset =
      "table=t&offset=0_inf&subset__where=id%3D1&handle=" + get("table=t&offset=-1").field("electric-handle");
  ASSERT_EQ(get(subset).status, 200);

  Sql other(url_);
  other.run("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE");
  const Answer answer = get(subset);
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.field("retry-after"), "10");
  EXPECT_NE(answer.body.find("\"timeout\""), std::string::npos) << answer.body;
  other.run("ROLLBACK");
  EXPECT_EQ(get(subset).status, 200) << "its connection can be used again";
}

TEST_F(EmbeddedOriginTest, StreamsEventsUntilItsTimeout) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY)");
  origin::EmbeddedOptions options;
  options.sse_timeout = 400ms;
  options.sse_keepalive = 30ms;
  restart(options);
  std::string handle = get("table=t&offset=-1").field("electric-handle");
  bool written = false;
  std::string all =
      read_stream("table=t&live=true&live_sse=true&offset=0_inf&handle=" + handle, [&](std::string_view piece) {
        if (!written) sql_.run("INSERT INTO t VALUES (1), (2)");
        written = true;
        EXPECT_TRUE(piece.ends_with("\n\n")) << piece;
      });
  EXPECT_TRUE(all.starts_with(": keep-alive\n\n")) << all;
  EXPECT_NE(all.find("data: {\"key\":\"\\\"public\\\".\\\"t\\\"/\\\"2\\\"\""), std::string::npos) << all;
  EXPECT_NE(all.find("data: {\"headers\":{\"control\":\"up-to-date\""), std::string::npos) << all;
}

TEST_F(EmbeddedOriginTest, AnEventStreamEndsWithItsShape) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY)");
  origin::EmbeddedOptions options;
  options.sse_keepalive = 30ms;
  restart(options);
  std::string handle = get("table=t&offset=-1").field("electric-handle");
  bool truncated = false;
  std::string all = read_stream("table=t&live=true&live_sse=true&offset=0_inf&handle=" + handle, [&](std::string_view) {
    if (!truncated) sql_.run("TRUNCATE t");
    truncated = true;
  });
  EXPECT_EQ(all.find("must-refetch"), std::string::npos);
  EXPECT_EQ(get("table=t&offset=0_inf&handle=" + handle).status, 409);
}

TEST_F(EmbeddedOriginTest, AHeldRequestIsToldTheHandleOfWhatIsInItsShapesPlace) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY)");
  const std::string handle = get("table=t&offset=-1").field("electric-handle");
  next_worker_ = 0;
  auto held = begin("table=t&live=true&offset=0_inf&handle=" + handle);
  eventually([this] { return origin_->stats().held_requests == 1; });
  // It comes to its answer only after others have asked.
  std::promise<void> asked;
  asio::post(workers_[0].context, [&] { asked.get_future().wait(); });
  sql_.run("TRUNCATE t");
  std::string successor = handle;
  eventually([&] {
    next_worker_ = 1;
    successor = get("table=t&offset=-1").field("electric-handle");
    return successor != handle;
  });
  asked.set_value();
  const Answer answer = held.get();
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(answer.field("electric-handle"), successor);
  EXPECT_EQ(get("table=t&offset=-1").field("electric-handle"), successor);
}

TEST_F(EmbeddedOriginTest, ACancelledRequestIsHeldNoLonger) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY)");
  std::string live = "table=t&live=true&offset=0_inf&handle=" + get("table=t&offset=-1").field("electric-handle");
  next_worker_ = 0;
  asio::cancellation_signal signal;
  auto held = begin(live, signal.slot());
  eventually([this] { return origin_->stats().held_requests == 1; });
  asio::post(workers_[0].context, [&] { signal.emit(asio::cancellation_type::terminal); });
  EXPECT_THROW(held.get(), boost::system::system_error);
  EXPECT_EQ(origin_->stats().held_requests, 0u);
}

TEST_F(EmbeddedOriginTest, DrainAnswersWhatIsHeld) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY)");
  std::string live = "table=t&live=true&offset=0_inf&handle=" + get("table=t&offset=-1").field("electric-handle");
  auto held = begin(live);
  eventually([this] { return origin_->stats().held_requests == 1; });
  origin_->drain();
  Answer answer = held.get();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.field("electric-has-data"), "false");
}

TEST_F(EmbeddedOriginTest, GoesOnWhereItWasWhenTheConnectionWasLost) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY)");
  Materialised shape;
  read_until(shape, "table=t", 0);
  std::string handle = shape.handle;
  for (int i = 0; i < 3; ++i) {
    sql_.run("INSERT INTO t VALUES (" + std::to_string(i) + ")");
    sql_.run("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = 'sluice_test' AND active");
    sql_.run("INSERT INTO t VALUES (" + std::to_string(i + 100) + ")");
  }
  ASSERT_NO_FATAL_FAILURE(read_until(shape, "table=t", wal_lsn()));
  EXPECT_EQ(shape.rows.size(), 6u);
  EXPECT_EQ(shape.handle, handle);
  EXPECT_EQ(shape.refetched, 0);
}

void lose_slot(Sql& sql) {
  eventually([&sql] {
    sql.run("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = 'sluice_test' AND active");
    try {
      sql.run("SELECT pg_drop_replication_slot('sluice_test')");
      return true;
    } catch (const std::runtime_error&) {  // still, or again, in use
      return false;
    }
  });
}

TEST_F(EmbeddedOriginTest, BeginsAnewWhenTheSlotIsLost) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY)");
  Materialised shape;
  read_until(shape, "table=t", 0);
  std::string handle = shape.handle;
  lose_slot(sql_);
  sql_.run("INSERT INTO t VALUES (1)");  // nobody will ever be told of this one
  eventually([&] { return get("table=t&offset=0_inf&handle=" + handle).status != 200; });
  eventually([&] { return origin_->health() == origin::Origin::Health::kActive; });
  ASSERT_NO_FATAL_FAILURE(read_until(shape, "table=t", wal_lsn()));
  EXPECT_EQ(shape.rows.size(), 1u);
  EXPECT_NE(shape.handle, handle);
}

TEST_F(EmbeddedOriginTest, WhileItBeginsAnewNewShapesAreWorthAskingForSoon) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY)");
  ASSERT_EQ(get("table=t&offset=-1").status, 200);
  Sql other(url_);
  other.run("BEGIN; SELECT pg_current_xact_id()");  // a slot is not made before it ends
  lose_slot(sql_);
  eventually([this] {
    return sql_.one(
               "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND state = 'active' AND query LIKE "
               "'%pg_create_logical_replication_slot%'") != "0";
  });
  const Answer answer = get("table=t&offset=-1");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.field("retry-after"), "1");
  other.run("COMMIT");
  eventually([this] { return get("table=t&offset=-1").status == 200; });
}

TEST_F(EmbeddedOriginTest, NoticesATableThatIsMadeAnewOrAlteredWithoutAWrite) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  origin::EmbeddedOptions options;
  options.table_check_interval = 10ms;
  restart(options);
  std::string handle = get("table=t&offset=-1").field("electric-handle");
  sql_.run("DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY)");
  eventually([&] { return get("table=t&offset=0_inf&handle=" + handle).status == 409; });
  Answer anew = get("table=t&offset=-1");
  EXPECT_EQ(anew.body.find("\"insert\""), std::string::npos);
  handle = anew.field("electric-handle");
  sql_.run("ALTER TABLE t ADD COLUMN extra int DEFAULT 5");
  eventually([&] { return get("table=t&offset=0_inf&handle=" + handle).status == 409; });
  EXPECT_NE(get("table=t&offset=-1").field("electric-schema").find("extra"), std::string::npos);
}

// Well before the next look at all tables.
TEST_F(EmbeddedOriginTest, ATableThatIsMadeAnewIsNoticedWhenAnotherShapeOfItIsMade) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  origin::EmbeddedOptions options;
  options.table_check_interval = 1h;
  restart(options);
  int others = 0;
  for (const char* change : {"DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY)", "ALTER TABLE t ADD COLUMN extra int"}) {
    const Answer former = get("table=t&offset=-1");
    const std::string handle = former.field("electric-handle");
    auto held = begin("table=t&live=true&offset=0_inf&handle=" + handle);
    eventually([this] { return origin_->stats().held_requests == 1; });
    std::this_thread::sleep_for(1s);  // for so long the table may be taken as it was
    sql_.run(change);
    EXPECT_EQ(get("table=t&where=id%3E" + std::to_string(++others) + "&offset=-1").status, 200);
    EXPECT_EQ(held.get().status, 409) << change;
    EXPECT_EQ(get("table=t&offset=0_inf&handle=" + handle).status, 409) << change;
    EXPECT_NE(get("table=t&offset=-1").field("electric-schema"), "");
  }
}

TEST_F(EmbeddedOriginTest, AShapeOfWhatATableWasJustGivenIsMadeAtOnce) {
  sql_.run("DROP TYPE IF EXISTS mood; CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE t (id int PRIMARY KEY, m mood)");
  ASSERT_EQ(get("table=t&offset=-1").status, 200);
  sql_.run("ALTER TABLE t ADD COLUMN extra int DEFAULT 5; INSERT INTO t VALUES (1)");
  Answer answer = get("table=t&where=extra=5&offset=-1");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_NE(answer.body.find("\"extra\":\"5\""), std::string::npos) << answer.body;
  sql_.run("ALTER TYPE mood ADD VALUE 'glad'");
  answer = get("table=t&where=m='glad'&offset=-1");
  EXPECT_EQ(answer.status, 200) << answer.body;
  sql_.run("DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY)");
  answer = get("table=t&where=id%3E7&offset=-1");
  EXPECT_EQ(answer.status, 200) << answer.body;
  answer = get("table=t&where=extra=6&offset=-1");
  EXPECT_EQ(answer.status, 400) << answer.body;
}

// A table with an enum, whose labels are looked at all the time.
class EnumOriginTest : public EmbeddedOriginTest {
 protected:
  void SetUp() override {
    EmbeddedOriginTest::SetUp();
    sql_.run(
        "DROP TYPE IF EXISTS mood; CREATE TYPE mood AS ENUM ('low', 'high'); CREATE TABLE t (id int PRIMARY KEY, m mood);"
        "INSERT INTO t VALUES (1, 'low'), (2, 'high')");
    origin::EmbeddedOptions options;
    options.table_check_interval = 10ms;
    restart(options);
  }
};

TEST_F(EnumOriginTest, AShapeThatOrdersAnEnumIsMadeAnewForALabelThatItDoesNotKnow) {
  const std::string below = "table=t&where=m%3C'high'";
  const std::string equal = "table=t&where=m='low'";
  Materialised ordered, others;
  ASSERT_NO_FATAL_FAILURE(read_until(ordered, below, wal_lsn()));
  ASSERT_NO_FATAL_FAILURE(read_until(others, equal, wal_lsn()));
  EXPECT_EQ(ordered.rows.size(), 1u);

  sql_.run("ALTER TYPE mood ADD VALUE 'mid' BEFORE 'high'");
  sql_.run("INSERT INTO t VALUES (3, 'low')");
  ASSERT_NO_FATAL_FAILURE(read_until(ordered, below, wal_lsn()));
  EXPECT_EQ(ordered.rows.size(), 2u);
  EXPECT_EQ(ordered.refetched, 0) << "what is known is in the order that it had";
  sql_.run("INSERT INTO t VALUES (4, 'mid')");
  ASSERT_NO_FATAL_FAILURE(read_until(ordered, below, wal_lsn()));
  EXPECT_EQ(ordered.rows.size(), 3u);
  EXPECT_EQ(ordered.refetched, 1);
  sql_.run("UPDATE t SET m = 'mid' WHERE id = 2; UPDATE t SET m = 'high' WHERE id = 3; INSERT INTO t VALUES (5, 'mid')");
  ASSERT_NO_FATAL_FAILURE(read_until(ordered, below, wal_lsn()));
  EXPECT_EQ(ordered.rows.size(), 4u);
  EXPECT_FALSE(ordered.rows.contains(R"("public"."t"/"3")"));
  EXPECT_EQ(ordered.refetched, 1);

  // Whether it is equal can be said of any.
  ASSERT_NO_FATAL_FAILURE(read_until(others, equal, wal_lsn()));
  EXPECT_EQ(others.rows.size(), 1u);
  EXPECT_EQ(others.refetched, 0);
  Answer subset = get(equal + "&offset=now&subset__where=m%3C%3E'mid'&handle=" + others.handle);
  EXPECT_EQ(subset.status, 200) << subset.body;
  subset = get(equal + "&offset=now&subset__where=m='none'&handle=" + others.handle);
  EXPECT_EQ(subset.status, 400) << subset.body;
  EXPECT_NE(subset.body.find(R"("subset":{"where":["At location)"), std::string::npos) << subset.body;
  EXPECT_NE(subset.body.find("none"), std::string::npos) << subset.body;
}

TEST_F(EnumOriginTest, AShapeIsMadeAnewWhenALabelIsRenamed) {
  const std::string below = "table=t&where=m%3C'high'";
  std::string handle = get(below + "&offset=-1").field("electric-handle");
  sql_.run("ALTER TYPE mood RENAME VALUE 'low' TO 'least'");
  eventually([&] { return get(below + "&offset=0_inf&handle=" + handle).status == 409; });
  Materialised shape;
  ASSERT_NO_FATAL_FAILURE(read_until(shape, below, wal_lsn()));
  ASSERT_EQ(shape.rows.size(), 1u);
  EXPECT_EQ(shape.rows.begin()->second["m"], "least");
  Answer answer = get("table=t&where=m%3C'low'&offset=-1");
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find("invalid value for enum mood: low"), std::string::npos) << answer.body;
}

TEST_F(EmbeddedOriginTest, EvictsTheLeastUsedBeyondItsBounds) {
  sql_.run("CREATE TABLE t (id int PRIMARY KEY)");
  origin::EmbeddedOptions options;
  options.shapes_max = 4;
  restart(options);
  for (int i = 0; i < 8; ++i) get("table=t&where=id%3E" + std::to_string(i) + "&offset=-1");
  eventually([this] { return origin_->stats().shapes <= 4; });
  EXPECT_EQ(get("table=t&where=id%3E0&offset=-1").status, 200);
}

TEST_F(EmbeddedOriginTest, AShapeThatDoesNotFitIsRefusedAndItsMemoryGivenBack) {
  sql_.run(
      "CREATE TABLE t (id int PRIMARY KEY, title text); INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(1, "
      "3000) i");
  origin::EmbeddedOptions options;
  options.memory_max = 1 << 20;
  restart(options);
  Answer answer = get("table=t&offset=-1");
  EXPECT_EQ(answer.status, 503) << answer.body;
  EXPECT_NE(answer.field("retry-after"), "");
  eventually([this] { return origin_->stats().log_bytes == 0; });
}

TEST_F(EmbeddedOriginTest, ServesALargeSnapshotInChunks) {
  sql_.run(
      "CREATE TABLE t (id int PRIMARY KEY, title text); INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(1, "
      "2000) i");
  origin::EmbeddedOptions options;
  options.chunk_bytes = 64 * 1024;
  restart(options);
  Materialised shape;
  ASSERT_NO_FATAL_FAILURE(read_until(shape, "table=t", wal_lsn()));
  EXPECT_EQ(shape.rows.size(), 2000u);
  EXPECT_EQ(get("table=t&offset=-1").body, get("table=t&offset=-1").body);
  EXPECT_EQ(get("table=t&offset=0_0&handle=" + shape.handle).field("electric-offset"), "0_1");
  EXPECT_EQ(get("table=t&offset=0_1&handle=" + shape.handle).fields.get("electric-up-to-date"), std::nullopt);
}

}  // namespace
}  // namespace sluice

#include "replication/stream.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "replication/catalog.h"
#include "replication/lsn.h"
#include "replication/test_cluster.h"

namespace sluice::replication {
namespace {

using testing::ElementsAre;
using Why = StreamEnd::Why;

std::string print(Tuple tuple) {
  std::string text;
  for (const TupleValue& value : tuple) {
    if (!text.empty()) text += '|';
    if (value.kind == TupleValue::Kind::kText) text += value.text.size() > 20 ? "(long)" : value.text;
    if (value.kind == TupleValue::Kind::kNull) text += "NULL";
    if (value.kind == TupleValue::Kind::kUnchanged) text += "UNCHANGED";
  }
  return text;
}

// Writes down what it is told.
class Recorder : public StreamHandler {
 public:
  void on_begin(const Begin&) override { events.emplace_back("begin"); }
  void on_relation(const Relation& relation) override {
    names[relation.oid] = std::string(relation.name);
    events.push_back(fmt::format("relation {}.{} {} {}", relation.schema, relation.name, relation.replica_identity,
                                 relation.columns.size()));
  }
  void on_insert(const Insert& insert) override {
    events.push_back(fmt::format("insert {} {}", names[insert.relation], print(insert.row)));
  }
  void on_update(const Update& update) override {
    events.push_back(fmt::format("update {} {} -> {}", names[update.relation], print(update.old_row), print(update.row)));
  }
  void on_delete(const Delete& deletion) override {
    events.push_back(fmt::format("delete {} {}", names[deletion.relation], print(deletion.old_row)));
  }
  void on_truncate(const Truncate& truncate) override {
    events.push_back(fmt::format("truncate {}", names[truncate.relations.front()]));
  }
  void on_commit(const Commit& commit) override {
    events.emplace_back("commit");
    ++commits;
    last_end = commit.end_lsn;
    if (after_commit) after_commit();
  }
  void on_idle(Lsn server_end) override {
    idle_at = server_end;
    ++idles;
  }
  void on_batch_end() override { ++batches; }

  std::vector<std::string> events_without_relations() const {
    std::vector<std::string> kept;
    for (const std::string& event : events) {
      if (!event.starts_with("relation")) kept.push_back(event);
    }
    return kept;
  }

  std::vector<std::string> events;
  std::map<sql::Oid, std::string> names;
  int commits = 0;
  int batches = 0;
  int idles = 0;
  Lsn last_end = 0;
  Lsn idle_at = 0;
  std::function<void()> after_commit;
};

class StreamTest : public testing::Test {
 protected:
  void SetUp() override {
    sql_ = runner_.connect({.url = url()});
    slot_ = "stream_" + std::to_string(::getpid());
    name_ = "t" + std::to_string(++tables_);
    ask("CREATE TABLE " + name_ + " (id int PRIMARY KEY, flag bool, note text)");
    ASSERT_TRUE(runner_.run(ensure_publication(*sql_, "stream pub")));
    publish(name_);
    auto slot = runner_.run(ensure_slot(*sql_, slot_));
    ASSERT_TRUE(slot) << slot.error().message;
    ASSERT_TRUE(slot->created);
  }
  void TearDown() override {
    stop();
    // The walsender of a connection that was closed a moment ago may still hold the slot.
    while (!runner_.run(drop_slot(*sql_, slot_))) {}
  }

  std::string url() { return TestCluster::get().url(); }
  std::string ask(std::string sql) { return runner_.ask(*sql_, std::move(sql)); }
  void publish(const std::string& name) {
    auto table = runner_.run(load_table(*sql_, "public", name));
    ASSERT_TRUE(table) << table.error().message;
    auto published = runner_.run(publish_table(*sql_, "stream pub", *table));
    ASSERT_TRUE(published) << published.error().message;
  }
  StreamOptions options() {
    return {.url = url(), .slot = slot_, .publication = "stream pub", .status_interval = std::chrono::milliseconds(50)};
  }
  void start() {
    end_.reset();
    stream_ = std::make_unique<Stream>(options(), recorder_);
    boost::asio::co_spawn(runner_.io(), stream_->run(),
                          [this](const std::exception_ptr&, const StreamEnd& end) { end_ = end; });
  }
  // Also the stream before, which the server may still be taking leave of.
  void restart() {
    stop();
    do {
      start();
      stream_->ping();
      recorder_.idle_at = 0;
      runner_.run_until([&] { return end_ || recorder_.idle_at > 0 || recorder_.commits > 0; });
    } while (end_ && end_->why == Why::kSlotActive);
  }
  void stop() {
    if (!stream_) return;
    stream_->stop();
    runner_.run_until([&] { return end_.has_value(); });
    stream_.reset();
  }
  void await_commits(int count) {
    runner_.run_until([&] { return recorder_.commits >= count || end_; });
    ASSERT_FALSE(end_) << to_string(end_->why) << ": " << end_->error.message;
  }

  static inline int tables_ = 0;
  TaskRunner runner_;
  std::unique_ptr<Connection> sql_;
  std::string slot_;
  std::string name_;
  Recorder recorder_;
  std::unique_ptr<Stream> stream_;
  std::optional<StreamEnd> end_;
};

TEST_F(StreamTest, DeliversCommittedChangesInOrder) {
  start();
  ask("INSERT INTO " + name_ + " VALUES (1, true, NULL), (2, false, 'x')");
  ask("UPDATE " + name_ + " SET note = 'y' WHERE id = 2");
  ask("BEGIN; DELETE FROM " + name_ + "; ROLLBACK");
  ask("DELETE FROM " + name_ + " WHERE id = 1");
  ask("TRUNCATE " + name_);
  await_commits(4);
  const std::string t = name_;
  EXPECT_EQ(recorder_.events[1], "relation public." + t + " f 3");
  EXPECT_THAT(recorder_.events_without_relations(),
              ElementsAre("begin", "insert " + t + " 1|t|NULL", "insert " + t + " 2|f|x", "commit", "begin",
                          "update " + t + " 2|f|x -> 2|f|y", "commit", "begin", "delete " + t + " 1|t|NULL", "commit",
                          "begin", "truncate " + t, "commit"));
  EXPECT_GE(recorder_.batches, 1);
}

TEST_F(StreamTest, SendsTheRelationAgainAfterItChanged) {
  start();
  ask("INSERT INTO " + name_ + " VALUES (1, NULL, NULL)");
  ask("ALTER TABLE " + name_ + " ADD COLUMN extra int DEFAULT 7");
  ask("INSERT INTO " + name_ + " VALUES (2, NULL, NULL)");
  await_commits(2);
  EXPECT_THAT(recorder_.events,
              ElementsAre("begin", "relation public." + name_ + " f 3", "insert " + name_ + " 1|NULL|NULL", "commit",
                          "begin", "relation public." + name_ + " f 4", "insert " + name_ + " 2|NULL|NULL|7", "commit"));
}

TEST_F(StreamTest, MarksUntouchedOutOfLineValuesAndGivesThemInTheOldRow) {
  start();
  ask("ALTER TABLE " + name_ + " ALTER note SET STORAGE EXTERNAL");
  ask("INSERT INTO " + name_ + " VALUES (1, true, repeat('x', 100000))");
  ask("UPDATE " + name_ + " SET flag = false");
  await_commits(2);
  EXPECT_EQ(recorder_.events[recorder_.events.size() - 2], "update " + name_ + " 1|t|(long) -> 1|f|UNCHANGED");
}

TEST_F(StreamTest, PublishesPartitionsAsTheirTable) {
  const std::string parent = name_ + "_parted";
  ask("CREATE TABLE " + parent + " (id int, note text) PARTITION BY RANGE (id)");
  ask("CREATE TABLE " + parent + "_a PARTITION OF " + parent + " FOR VALUES FROM (0) TO (10)");
  publish(parent);
  start();
  ask("INSERT INTO " + parent + " VALUES (1, 'a')");
  ask("UPDATE " + parent + "_a SET note = 'b'");
  await_commits(2);
  EXPECT_THAT(recorder_.events_without_relations(), ElementsAre("begin", "insert " + parent + " 1|a", "commit", "begin",
                                                                "update " + parent + " 1|a -> 1|b", "commit"));
}

TEST_F(StreamTest, SendsAgainWhatWasNotConfirmedAndNothingElse) {
  restart();
  ask("INSERT INTO " + name_ + " VALUES (1, NULL, NULL)");
  await_commits(1);
  stream_->confirm(recorder_.last_end);
  ask("INSERT INTO " + name_ + " VALUES (2, NULL, NULL)");
  await_commits(2);
  recorder_.events.clear();
  recorder_.commits = 0;
  restart();
  await_commits(1);
  EXPECT_THAT(recorder_.events,
              ElementsAre("begin", "relation public." + name_ + " f 3", "insert " + name_ + " 2|NULL|NULL", "commit"));
}

TEST_F(StreamTest, TellsTheServerWhatIsConfirmed) {
  start();
  ask("INSERT INTO " + name_ + " VALUES (1, NULL, NULL)");
  await_commits(1);
  stream_->confirm(recorder_.last_end);
  const std::string confirmed = "SELECT confirmed_flush_lsn >= '" + to_string_lsn(recorder_.last_end) +
                                "' FROM pg_replication_slots WHERE slot_name = '" + slot_ + "'";
  while (ask(confirmed) != "t") {}
  stream_->confirm(1);  // a lower position changes nothing
  stream_->ping();
  EXPECT_EQ(ask(confirmed), "t");
}

TEST_F(StreamTest, AnswersAPingWhenItHasReadSoFar) {
  start();
  ask("CREATE TABLE IF NOT EXISTS unpublished (id int)");
  ask("INSERT INTO unpublished VALUES (1)");
  const Lsn here = *parse_lsn(ask("SELECT pg_current_wal_lsn()"));
  while (recorder_.idle_at < here && !end_) {
    const int before = recorder_.idles;
    stream_->ping();
    runner_.run_until([&] { return recorder_.idles != before || end_; });
  }
  ASSERT_FALSE(end_) << end_->error.message;
  EXPECT_EQ(recorder_.commits, 0);
}

TEST_F(StreamTest, SaysThatTheSlotIsActive) {
  restart();
  Recorder other;
  Stream second(options(), other);
  const StreamEnd end = runner_.run(second.run());
  EXPECT_EQ(end.why, Why::kSlotActive) << end.error.message;
  EXPECT_NE(end.error.message.find("is active for PID"), std::string::npos) << end.error.message;
}

TEST_F(StreamTest, SaysThatThereIsNoSuchSlot) {
  StreamOptions wrong = options();
  wrong.slot = "no_such_slot";
  Stream stream(wrong, recorder_);
  EXPECT_EQ(runner_.run(stream.run()).why, Why::kSlotMissing);
}

TEST_F(StreamTest, SaysThatThereIsNoSuchPublication) {
  StreamOptions wrong = options();
  wrong.publication = "no such \"publication'";
  Stream stream(wrong, recorder_);
  ask("INSERT INTO " + name_ + " VALUES (1, NULL, NULL)");
  const StreamEnd end = runner_.run(stream.run());
  EXPECT_EQ(end.why, Why::kServerError);
  EXPECT_EQ(end.error.message, "publication \"no such \"publication'\" does not exist");
}

TEST_F(StreamTest, EndsWhenTheServerEndsTheConnection) {
  restart();
  ask("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '" + slot_ + "'");
  runner_.run_until([&] { return end_.has_value(); });
  EXPECT_EQ(end_->why, Why::kDisconnected) << end_->error.message;
}

TEST_F(StreamTest, EndsWhereThereIsNoServer) {
  StreamOptions wrong = options();
  wrong.url = "postgresql://postgres@127.0.0.1:1/app";
  Stream stream(wrong, recorder_);
  EXPECT_EQ(runner_.run(stream.run()).why, Why::kDisconnected);
}

TEST_F(StreamTest, StopsFromWithinTheHandlerBeforeTheNextMessage) {
  start();
  recorder_.after_commit = [this] { stream_->stop(); };
  ask("INSERT INTO " + name_ + " VALUES (1, NULL, NULL)");
  ask("INSERT INTO " + name_ + " VALUES (2, NULL, NULL)");
  runner_.run_until([&] { return end_.has_value(); });
  EXPECT_EQ(end_->why, Why::kStopped);
  EXPECT_EQ(recorder_.commits, 1);
}

}  // namespace
}  // namespace sluice::replication

// The publication as it is checked and kept (catalog.h), and the slot's lock.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replication/catalog.h"
#include "replication/slot_lock.h"
#include "replication/test_cluster.h"

namespace sluice::replication {
namespace {

using testing::HasSubstr;
using testing::Not;

class PublicationTest : public testing::Test {
 protected:
  void SetUp() override {
    sql_ = runner_.connect({.url = TestCluster::get().url()});
    ask("SET client_min_messages = warning");
    ask("CREATE TABLE one (id int PRIMARY KEY, v text); CREATE TABLE two (id int PRIMARY KEY);"
        "CREATE TABLE root (id int PRIMARY KEY) PARTITION BY RANGE (id);"
        "CREATE TABLE leaf PARTITION OF root FOR VALUES FROM (0) TO (9)");
  }
  void TearDown() override { ask("DROP TABLE one, two, root; DROP PUBLICATION IF EXISTS p"); }

  std::string ask(std::string sql) { return runner_.ask(*sql_, std::move(sql)); }
  sql::Table table(std::string name) { return *runner_.run(load_table(*sql_, "public", std::move(name))); }
  // What is missing; "" where nothing is.
  std::string missing(const std::string& name) {
    auto checked = runner_.run(check_published(*sql_, "p", table(name)));
    if (checked) return "";
    EXPECT_TRUE(checked.error().not_published()) << checked.error().message;
    return checked.error().message;
  }

  TaskRunner runner_;
  std::unique_ptr<Connection> sql_;
};

TEST_F(PublicationTest, SaysWhatAPublicationLacks) {
  auto none = runner_.run(check_publication(*sql_, "p"));
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error().not_published());
  EXPECT_THAT(none.error().message, HasSubstr("CREATE PUBLICATION \"p\""));
  ask("CREATE PUBLICATION p WITH (publish = 'insert, update')");
  auto some = runner_.run(check_publication(*sql_, "p"));
  ASSERT_FALSE(some);
  EXPECT_THAT(some.error().message, HasSubstr("SET (publish = 'insert, update, delete, truncate')"));
  ask("ALTER PUBLICATION p SET (publish = 'insert, update, delete, truncate')");
  EXPECT_TRUE(runner_.run(check_publication(*sql_, "p")));
}

TEST_F(PublicationTest, SaysWhatATableLacks) {
  ask("CREATE PUBLICATION p");
  EXPECT_THAT(missing("one"), HasSubstr(R"(ADD TABLE "public"."one"; ALTER TABLE public.one REPLICA IDENTITY FULL)"));
  ask("ALTER TABLE one REPLICA IDENTITY FULL; ALTER PUBLICATION p ADD TABLE one WHERE (id > 5)");
  EXPECT_THAT(missing("one"), HasSubstr(R"(DROP TABLE "public"."one"; ALTER PUBLICATION "p" ADD TABLE)"));
  ask("ALTER PUBLICATION p SET TABLE one (id)");
  EXPECT_THAT(missing("one"), HasSubstr("DROP TABLE"));
  ask("ALTER PUBLICATION p SET TABLE one");
  EXPECT_EQ(missing("one"), "");
}

TEST_F(PublicationTest, PartitionsAreTheirRootsOrTheirOwn) {
  ask("CREATE PUBLICATION p FOR TABLE root; ALTER TABLE root REPLICA IDENTITY FULL");
  EXPECT_THAT(missing("root"), HasSubstr("publish_via_partition_root = true"));
  ask("ALTER PUBLICATION p SET (publish_via_partition_root = true)");
  EXPECT_THAT(missing("root"), HasSubstr("ALTER TABLE public.leaf REPLICA IDENTITY FULL"));
  ask("ALTER TABLE leaf REPLICA IDENTITY FULL");
  EXPECT_EQ(missing("root"), "");
  ask("ALTER PUBLICATION p ADD TABLE leaf");
  EXPECT_THAT(missing("leaf"), HasSubstr("partitioned table"));
  ask("ALTER PUBLICATION p DROP TABLE root");
  EXPECT_EQ(missing("leaf"), "");
}

TEST_F(PublicationTest, TakesOutWhatIsNotUsed) {
  ask("CREATE PUBLICATION p FOR TABLE one, two");
  const sql::Oid one = table("one").oid;
  auto gone = runner_.run(unpublish_others(*sql_, "p", {one}));
  ASSERT_TRUE(gone) << gone.error().message;
  EXPECT_EQ(*gone, 1);
  EXPECT_EQ(runner_.run(published_tables(*sql_, "p")).value(), std::vector<sql::Oid>{one});
  EXPECT_EQ(runner_.run(unpublish_others(*sql_, "p", {})).value(), 1);
  EXPECT_TRUE(runner_.run(published_tables(*sql_, "p")).value().empty());
}

TEST_F(PublicationTest, WhatSomebodyUsesIsTakenOutLater) {
  ask("CREATE PUBLICATION p FOR TABLE one, two");
  auto other = runner_.connect({.url = TestCluster::get().url()});
  runner_.ask(*other, "BEGIN; LOCK TABLE one IN ACCESS EXCLUSIVE MODE");
  EXPECT_EQ(runner_.run(unpublish_others(*sql_, "p", {})).value(), 1);
  runner_.ask(*other, "ROLLBACK");
  EXPECT_EQ(runner_.run(unpublish_others(*sql_, "p", {})).value(), 1);
}

TEST_F(PublicationTest, AServerIsIdentifiedByARoleWithoutRights) {
  ask("CREATE ROLE nobody_special LOGIN");
  std::string url = TestCluster::get().url();
  auto plain = runner_.connect({.url = url.replace(url.find("postgres@"), 8, "nobody_special")});
  auto server = runner_.run(identify_server(*plain));
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_EQ(server->system_identifier, ask("SELECT system_identifier FROM pg_control_system()"));
  EXPECT_GT(server->end, 0u);
  plain.reset();
  ask("DROP ROLE nobody_special");
}

TEST(SlotLock, IsHeldByOneSessionAtATime) {
  TaskRunner runner;
  const std::string url = TestCluster::get().url();
  auto first = runner.run(SlotLock::connect(url, "it's")).value();
  auto second = runner.run(SlotLock::connect(url, "it's")).value();
  auto other = runner.run(SlotLock::connect(url, "another")).value();
  EXPECT_FALSE(first->held());
  EXPECT_TRUE(runner.run(first->try_acquire()).value());
  EXPECT_TRUE(first->held());
  EXPECT_FALSE(runner.run(second->try_acquire()).value());
  EXPECT_FALSE(second->held());
  EXPECT_TRUE(runner.run(other->try_acquire()).value());
  first.reset();
  while (!runner.run(second->try_acquire()).value()) {}
  EXPECT_TRUE(second->held());
}

TEST(SlotLock, IsLostWithItsConnection) {
  TaskRunner runner;
  const std::string url = TestCluster::get().url();
  auto lock = runner.run(SlotLock::connect(url, "lost")).value();
  ASSERT_TRUE(runner.run(lock->try_acquire()).value());
  auto sql = runner.connect({.url = url});
  runner.ask(*sql, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sluice lock'");
  while (lock->held()) {}
  EXPECT_FALSE(runner.run(lock->try_acquire()));
}

}  // namespace
}  // namespace sluice::replication

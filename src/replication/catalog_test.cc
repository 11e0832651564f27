#include "replication/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include "replication/lsn.h"
#include "replication/test_cluster.h"

namespace sluice::replication {
namespace {

using testing::HasSubstr;

class CatalogTest : public testing::Test {
 protected:
  void SetUp() override { sql_ = runner_.connect({.url = TestCluster::get().url()}); }
  std::string ask(std::string sql) { return runner_.ask(*sql_, std::move(sql)); }
  sql::Table load(std::string schema, std::string name) {
    auto table = runner_.run(load_table(*sql_, std::move(schema), std::move(name)));
    if (!table) throw std::runtime_error(table.error().message);
    return *table;
  }

  TaskRunner runner_;
  std::unique_ptr<Connection> sql_;
};

TEST_F(CatalogTest, DescribesColumnsAsWhereClausesNeedThem) {
  ask("CREATE SCHEMA \"Odd \"\"Schema\"; CREATE TYPE mood AS ENUM ('sad', 'ok');"
      "CREATE DOMAIN positive AS int CHECK (VALUE > 0); CREATE DOMAIN small AS positive;"
      "CREATE TABLE \"Odd \"\"Schema\".\"T t\" (gone int, b int NOT NULL, a text, c numeric(10,2), \"D\" mood, e mood[][],"
      " f small, g varchar(5)[], h int GENERATED ALWAYS AS (b * 2) STORED, p point, PRIMARY KEY (a, b));"
      "ALTER TABLE \"Odd \"\"Schema\".\"T t\" DROP COLUMN gone");
  const sql::Table table = load("Odd \"Schema", "T t");
  EXPECT_GT(table.oid, 0U);
  EXPECT_EQ(table.schema, "Odd \"Schema");
  EXPECT_EQ(table.name, "T t");
  EXPECT_EQ(table.kind, 'r');
  EXPECT_EQ(table.replica_identity, 'd');
  ASSERT_EQ(table.columns.size(), 9U);
  const auto& c = table.columns;
  EXPECT_EQ(c[0].name, "b");
  EXPECT_EQ(c[0].type, sql::oid::kInt4);
  EXPECT_EQ(c[0].type_name, "int4");
  EXPECT_TRUE(c[0].not_null);
  EXPECT_EQ(c[0].pk_index, 1);
  EXPECT_EQ(c[1].pk_index, 0);
  EXPECT_EQ(c[1].type_name, "text");
  EXPECT_EQ(c[2].type_mod, ((10 << 16) | 2) + 4);
  EXPECT_EQ(c[2].pk_index, std::nullopt);
  EXPECT_FALSE(c[2].not_null);
  EXPECT_EQ(c[3].name, "D");
  EXPECT_EQ(c[3].type_name, "mood");
  EXPECT_TRUE(c[3].is_enum);
  EXPECT_EQ(c[3].dimensions, 0);
  EXPECT_EQ(c[3].enum_labels, (std::vector<std::string>{"sad", "ok"}));
  EXPECT_EQ(c[4].type_name, "mood");
  EXPECT_TRUE(c[4].is_enum);
  EXPECT_EQ(c[4].dimensions, 2);
  EXPECT_EQ(c[5].type_name, "small");
  EXPECT_EQ(c[5].base_type, sql::oid::kInt4);
  EXPECT_EQ(c[6].type_name, "varchar");
  EXPECT_EQ(c[6].dimensions, 1);
  EXPECT_EQ(c[6].type_mod, 9);
  EXPECT_TRUE(c[7].generated);
  EXPECT_FALSE(c[0].generated);
  EXPECT_EQ(c[8].type_name, "point");
  EXPECT_EQ(c[8].dimensions, 0);
  EXPECT_EQ(c[8].base_type, 0U);
}

TEST_F(CatalogTest, DescribesCollations) {
  ask("CREATE COLLATION loose (provider = icu, locale = 'und', deterministic = false);"
      "CREATE TABLE collated (a text, b text COLLATE \"C\", c text COLLATE loose, d int)");
  using Casing = sql::Collation::Casing;
  const auto c = load("public", "collated").columns;
  EXPECT_EQ(c[0].collation.casing, Casing::kLibc);
  EXPECT_TRUE(c[0].collation.orders_bytes);  // the cluster's C.UTF-8
  EXPECT_EQ(c[1].collation.casing, Casing::kAscii);
  EXPECT_TRUE(c[1].collation.orders_bytes);
  EXPECT_EQ(c[2].collation.casing, Casing::kOther);
  EXPECT_FALSE(c[2].collation.orders_bytes);
  EXPECT_FALSE(c[2].collation.deterministic);
  EXPECT_EQ(c[3].collation, sql::Collation());
}

TEST_F(CatalogTest, LoadsATableWithoutColumns) {
  ask("CREATE TABLE empty ()");
  EXPECT_TRUE(load("public", "empty").columns.empty());
}

TEST_F(CatalogTest, ATableThatIsNotThereIsUndefined) {
  auto missing = runner_.run(load_table(*sql_, "public", "No'Such"));
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().undefined_table());
  EXPECT_THAT(missing.error().message, HasSubstr("\"No'Such\""));
  EXPECT_FALSE(runner_.run(load_table(*sql_, "public", "pg_class_oid_index")));
}

TEST_F(CatalogTest, PublishesATableOnceAndForAll) {
  ask("CREATE TABLE published (id int PRIMARY KEY)");
  const sql::Table table = load("public", "published");
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(runner_.run(ensure_publication(*sql_, "odd \"pub")));
    auto done = runner_.run(publish_table(*sql_, "odd \"pub", table));
    ASSERT_TRUE(done) << done.error().message;
  }
  EXPECT_EQ(ask("SELECT count(*) FROM pg_publication_tables WHERE pubname = 'odd \"pub'"), "1");
  EXPECT_EQ(load("public", "published").replica_identity, 'f');
}

TEST_F(CatalogTest, AcceptsAPublicationOfAllTables) {
  ask("CREATE TABLE in_all (id int); ALTER TABLE in_all REPLICA IDENTITY FULL; CREATE PUBLICATION everything FOR ALL "
      "TABLES");
  auto done = runner_.run(publish_table(*sql_, "everything", load("public", "in_all")));
  EXPECT_TRUE(done) << done.error().message;
  ask("DROP PUBLICATION everything");
}

TEST_F(CatalogTest, SetsTheIdentityOfEveryPartition) {
  ask("CREATE TABLE parts (id int) PARTITION BY RANGE (id);"
      "CREATE TABLE parts_a PARTITION OF parts FOR VALUES FROM (0) TO (10);"
      "CREATE TABLE parts_b PARTITION OF parts FOR VALUES FROM (10) TO (20)");
  ASSERT_TRUE(runner_.run(ensure_publication(*sql_, "parted")));
  auto done = runner_.run(publish_table(*sql_, "parted", load("public", "parts")));
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(ask("SELECT string_agg(relreplident::text, '') FROM pg_class WHERE relname LIKE 'parts%'"), "fff");
}

TEST_F(CatalogTest, PublishesOnlyWhenNobodyIsInTheMiddleOfWriting) {
  ask("CREATE TABLE written (id int)");
  ASSERT_TRUE(runner_.run(ensure_publication(*sql_, "waiting")));
  auto writer = runner_.connect({.url = TestCluster::get().url()});
  for (const std::string identity : {"DEFAULT", "FULL"}) {  // with the identity still to be set, and without
    ask("ALTER TABLE written REPLICA IDENTITY " + identity);
    const sql::Table table = load("public", "written");
    runner_.ask(*writer, "BEGIN");
    runner_.ask(*writer, "INSERT INTO written VALUES (1)");
    auto late = runner_.run(publish_table(*sql_, "waiting", table, std::chrono::milliseconds(0)));
    ASSERT_FALSE(late);
    EXPECT_TRUE(late.error().lock_not_available());
    EXPECT_EQ(load("public", "written").replica_identity, table.replica_identity);
    EXPECT_EQ(ask("SELECT count(*) FROM pg_publication_tables WHERE pubname = 'waiting'"), "0");
    runner_.ask(*writer, "COMMIT");
    auto published = runner_.run(publish_table(*sql_, "waiting", table));
    ASSERT_TRUE(published) << published.error().message;
    EXPECT_EQ(load("public", "written").replica_identity, 'f');
    ask("ALTER PUBLICATION waiting DROP TABLE written");
  }
}

TEST_F(CatalogTest, SaysWhenTheRoleMayNotPublish) {
  ask("CREATE TABLE owned (id int); CREATE ROLE reader LOGIN; GRANT SELECT ON owned TO reader");
  const sql::Table table = load("public", "owned");
  ASSERT_TRUE(runner_.run(ensure_publication(*sql_, "restricted")));
  std::string url = TestCluster::get().url();
  url.replace(url.find("postgres@"), 8, "reader");
  auto reader = runner_.connect({.url = url});
  auto refused = runner_.run(publish_table(*reader, "restricted", table));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().insufficient_privilege());
  ASSERT_TRUE(runner_.run(publish_table(*sql_, "restricted", table)));
  EXPECT_TRUE(runner_.run(publish_table(*reader, "restricted", table))) << "nothing is left to do";
  EXPECT_TRUE(reader->usable());
  EXPECT_FALSE(runner_.run(ensure_publication(*reader, "not mine")));
}

TEST_F(CatalogTest, MakesFindsAndDropsTheSlot) {
  const std::string name = "catalog_" + std::to_string(::getpid());
  auto made = runner_.run(ensure_slot(*sql_, name));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(made->created);
  EXPECT_FALSE(made->active);
  EXPECT_FALSE(made->lost);
  auto found = runner_.run(ensure_slot(*sql_, name));
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->created);
  EXPECT_EQ(found->confirmed, made->confirmed);
  EXPECT_GT(found->confirmed, 0U);
  EXPECT_TRUE(runner_.run(drop_slot(*sql_, name)));
  EXPECT_TRUE(runner_.run(drop_slot(*sql_, name))) << "dropping what is gone is no error";
}

TEST_F(CatalogTest, RefusesASlotOfAnotherKind) {
  const std::string name = "physical_" + std::to_string(::getpid());
  ask("SELECT pg_create_physical_replication_slot('" + name + "')");
  auto refused = runner_.run(ensure_slot(*sql_, name));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("not one of pgoutput"));
  EXPECT_TRUE(runner_.run(drop_slot(*sql_, name)));
}

TEST(Lsn, ReadsAndPrintsPostgresSpelling) {
  EXPECT_EQ(parse_lsn("16/B374D848"), Lsn{0x16B374D848});
  EXPECT_EQ(parse_lsn("0/0"), Lsn{0});
  EXPECT_EQ(to_string_lsn(0x16B374D848), "16/B374D848");
  EXPECT_EQ(parse_lsn(to_string_lsn(~Lsn{0})), ~Lsn{0});
  for (const char* bad : {"", "/", "1", "1/", "/1", "1/2/3", "x/1", "100000000/1", "-1/1", "1/ 1"}) {
    EXPECT_EQ(parse_lsn(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace sluice::replication

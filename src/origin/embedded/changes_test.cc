// Joining and routing, from pgoutput's messages to the logs, without a database.
#include "origin/embedded/changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "origin/embedded/test_table.h"

namespace sluice::origin::embedded {
namespace {

using replication::TupleValue;
using testing::HasSubstr;
using testing::Not;

constexpr sql::Oid kItems = 4711;

std::vector<TupleValue> tuple(std::initializer_list<const char*> values) {
  std::vector<TupleValue> out;
  for (const char* value : values) {
    if (value == nullptr) {
      out.push_back({TupleValue::Kind::kNull, {}});
    } else if (std::string_view(value) == "<unchanged>") {
      out.push_back({TupleValue::Kind::kUnchanged, {}});
    } else {
      out.push_back({TupleValue::Kind::kText, value});
    }
  }
  return out;
}

class ChangesTest : public testing::Test {
 protected:
  ChangesTest() : changes_([this](const auto& shape, auto why) { dropped_[shape.get()] = why; }) { describe(); }

  void describe(char identity = 'f', bool with_extra = false) {
    std::vector<replication::RelationColumn> columns = {
        {true, "id", sql::oid::kInt8, -1}, {true, "title", sql::oid::kText, -1}, {true, "org", sql::oid::kText, -1}};
    if (with_extra) columns.push_back({true, "extra", sql::oid::kInt4, -1});
    changes_.relation({kItems, "public", "items", identity, columns});
  }

  // A shape whose snapshot was taken before everything: the whole stream is its own.
  std::shared_ptr<Shape> live_shape(std::optional<std::string> where = std::nullopt,
                                    std::optional<std::string> replica = std::nullopt) {
    auto shape = items_shape(store_, std::move(where), std::nullopt, std::move(replica));
    changes_.add(shape);
    changes_.find(*shape)->release({.xmin = 1, .xmax = 1, .xip = {}}, 1);
    shape->log().finish_snapshot(0);
    return shape;
  }

  void begin(std::uint32_t xid) { changes_.begin(lsn_ += 10, xid); }
  void insert(std::initializer_list<const char*> row) {
    auto values = tuple(row);
    changes_.insert({kItems, values});
  }
  void update(std::initializer_list<const char*> before, std::initializer_list<const char*> after) {
    auto old_values = tuple(before);
    auto values = tuple(after);
    changes_.update({kItems, 'O', old_values, values});
  }
  void erase(std::initializer_list<const char*> row) {
    auto values = tuple(row);
    changes_.erase({kItems, 'O', values});
  }
  void commit() {
    changes_.commit();
    store_.commit(lsn_, {});
  }

  store::MemoryStore store_{1 << 20};
  std::map<const Shape*, std::optional<Failure>> dropped_;
  Changes changes_;
  std::uint64_t lsn_ = 100;
};

TEST_F(ChangesTest, OnlyTheLastOperationOfATransactionSaysSo) {
  auto shape = live_shape();
  begin(7);
  insert({"1", "a", nullptr});
  erase({"2", "b", nullptr});
  EXPECT_EQ(log_text(*shape), "");
  commit();
  std::string text = log_text(*shape);
  EXPECT_EQ(text.find("\"last\":true"), text.rfind("\"last\":true"));
  EXPECT_TRUE(text.ends_with("\"last\":true}},\n")) << text;
  EXPECT_EQ(shape->log().head().print(), "110_2");
}

TEST_F(ChangesTest, RowsMoveIntoAndOutOfAWhereClause) {
  auto shape = live_shape("org = 'x'");
  begin(7);
  update({"1", "a", "y"}, {"1", "a", "x"});
  commit();
  EXPECT_THAT(log_text(*shape), HasSubstr(R"("value":{"id":"1","title":"a","org":"x"},"headers":{"operation":"insert")"));
  begin(8);
  update({"1", "a", "x"}, {"1", "a", "y"});
  commit();
  EXPECT_THAT(log_text(*shape, shape::Offset::after_transaction(110)),
              HasSubstr(R"("value":{"id":"1"},"headers":{"operation":"delete")"));
  begin(9);
  update({"2", "a", "y"}, {"2", "a", "z"});
  commit();
  EXPECT_EQ(shape->log().head().print(), "120_0");
}

TEST_F(ChangesTest, AnUpdateThatChangesNothingVanishes) {
  auto shape = live_shape();
  begin(7);
  update({"1", "a", nullptr}, {"1", "a", nullptr});
  commit();
  EXPECT_EQ(log_text(*shape), "");
}

TEST_F(ChangesTest, AnUnchangedToastedValueComesFromTheOldRow) {
  auto shape = live_shape(std::nullopt, "full");
  begin(7);
  update({"1", "long", "x"}, {"1", "<unchanged>", "y"});
  commit();
  EXPECT_THAT(log_text(*shape), HasSubstr(R"("value":{"id":"1","title":"long","org":"y"},"old_value":{"org":"x"})"));
}

TEST_F(ChangesTest, AChangedKeyIsADeleteAndAnInsert) {
  auto shape = live_shape();
  begin(7);
  update({"1", "a", nullptr}, {"2", "a", nullptr});
  commit();
  std::string text = log_text(*shape);
  EXPECT_THAT(text, HasSubstr(R"("operation":"delete")"));
  EXPECT_THAT(text, HasSubstr("key_change_to"));
  EXPECT_THAT(text, HasSubstr("key_change_from"));
  EXPECT_EQ(shape->log().head().print(), "110_1");
}

TEST_F(ChangesTest, HoldsChangesUntilTheSnapshotIsKnown) {
  auto shape = items_shape(store_);
  changes_.add(shape);
  for (std::uint32_t xid : {50, 51, 52}) {
    begin(xid);
    insert({std::to_string(xid).c_str(), "a", nullptr});
    commit();
  }
  // Transaction 51 was running when the snapshot was taken; 50 is in it, 52 came later.
  changes_.find(*shape)->release({.xmin = 51, .xmax = 52, .xip = {51}}, 1000);
  begin(40);  // held by the snapshot, but late
  insert({"40", "a", nullptr});
  commit();
  begin(53);
  insert({"53", "a", nullptr});
  commit();
  shape->log().finish_snapshot(0);
  std::string text = log_text(*shape);
  EXPECT_THAT(text, Not(HasSubstr(R"("id":"50")")));
  EXPECT_THAT(text, Not(HasSubstr(R"("id":"40")")));
  EXPECT_THAT(text, HasSubstr(R"("id":"51")"));
  EXPECT_THAT(text, HasSubstr(R"("id":"52")"));
  EXPECT_THAT(text, HasSubstr(R"("id":"53")"));
}

TEST_F(ChangesTest, ReleaseInTheMiddleOfATransactionKeepsOrDropsAllOfIt) {
  for (bool held : {false, true}) {
    auto shape = items_shape(store_);
    changes_.add(shape);
    begin(60);
    insert({"1", "first", nullptr});
    insert({"2", "second", nullptr});
    std::uint64_t xmax = held ? 61 : 60;
    changes_.find(*shape)->release({.xmin = xmax, .xmax = xmax, .xip = {}}, 10'000);
    insert({"3", "third", nullptr});
    commit();
    shape->log().finish_snapshot(0);
    std::string text = log_text(*shape);
    for (const char* title : {"first", "second", "third"}) EXPECT_EQ(text.find(title) == std::string::npos, held) << text;
    changes_.remove(*shape);
  }
}

TEST_F(ChangesTest, TransactionsAreNotComparedForEver) {
  auto shape = items_shape(store_);
  changes_.add(shape);
  changes_.find(*shape)->release({.xmin = 100, .xmax = 100, .xip = {}}, 150);
  shape->log().finish_snapshot(0);
  lsn_ = 200;
  begin(100);
  insert({"1", "a", nullptr});
  commit();
  begin(99);  // an id of the next epoch: the snapshot is long past
  insert({"2", "a", nullptr});
  commit();
  EXPECT_THAT(log_text(*shape), HasSubstr(R"("id":"2")"));
}

TEST_F(ChangesTest, RestartTakesBackWhatWasNotCommitted) {
  auto shape = live_shape();
  auto pending = items_shape(store_);
  changes_.add(pending);
  begin(7);
  insert({"1", "a", nullptr});
  insert({"2", "a", nullptr});
  changes_.restart();
  describe();
  lsn_ -= 10;
  begin(7);
  insert({"1", "a", nullptr});
  commit();
  changes_.find(*pending)->release({.xmin = 1, .xmax = 1, .xip = {}}, 1);
  pending->log().finish_snapshot(0);
  store_.commit(lsn_, {});
  EXPECT_THAT(log_text(*shape), Not(HasSubstr(R"("id":"2")")));
  EXPECT_EQ(log_text(*shape), log_text(*pending));
}

TEST_F(ChangesTest, TruncateDropsTheShapesOfTheTable) {
  auto shape = live_shape();
  auto newer = items_shape(store_, "org = 'x'");
  changes_.add(newer);
  changes_.find(*newer)->release({.xmin = 90, .xmax = 90, .xip = {}}, 10'000);
  begin(80);
  std::vector<sql::Oid> relations = {kItems};
  changes_.truncate({relations, 0});
  EXPECT_TRUE(dropped_.contains(shape.get()));
  EXPECT_FALSE(dropped_.contains(newer.get())) << "its snapshot was taken after the truncate";
  EXPECT_EQ(changes_.find(*shape), nullptr);
  EXPECT_NE(changes_.find(*newer), nullptr);
}

TEST_F(ChangesTest, AnAlteredTableDropsItsShapesWithTheNextChange) {
  auto shape = live_shape();
  describe('f', true);
  EXPECT_FALSE(dropped_.contains(shape.get()));
  begin(7);
  insert({"1", "a", nullptr, "9"});
  EXPECT_TRUE(dropped_.contains(shape.get()));
  commit();
}

// REPLICA IDENTITY FULL is set after the table was published: changes in between are of the snapshot.
// pgoutput does not say that NOT NULL was dropped, and a client that was told of it fails at the first NULL.
TEST_F(ChangesTest, ANullThatTheSchemaForbidsDropsTheShapesOfTheTable) {
  auto inserted = live_shape();
  begin(10);
  insert({nullptr, "a", "acme"});
  commit();
  EXPECT_TRUE(dropped_.contains(inserted.get()));

  auto updated = live_shape();
  begin(11);
  update({"1", "a", "acme"}, {nullptr, "a", "acme"});
  commit();
  EXPECT_TRUE(dropped_.contains(updated.get()));

  auto nullable = live_shape();
  begin(12);
  insert({"1", nullptr, nullptr});
  commit();
  EXPECT_FALSE(dropped_.contains(nullable.get()));
}

TEST_F(ChangesTest, WhatAShapeCannotFollowIsForgivenWhereItsSnapshotHoldsIt) {
  for (bool held : {true, false}) {
    auto shape = items_shape(store_);
    changes_.add(shape);
    describe('d');
    begin(50);
    erase({"1", nullptr, nullptr});
    commit();
    EXPECT_FALSE(dropped_.contains(shape.get()));
    std::uint64_t xmax = held ? 51 : 50;
    EXPECT_EQ(changes_.find(*shape)->release({.xmin = xmax, .xmax = xmax, .xip = {}}, 1000), held);
    changes_.remove(*shape);
  }
}

TEST_F(ChangesTest, WithoutTheOldRowShapesAreDropped) {
  auto shape = live_shape();
  describe('d');
  begin(7);
  erase({"1", nullptr, nullptr});
  EXPECT_TRUE(dropped_.contains(shape.get()));
  commit();
}

// items whose org is an enum, and shapes of it.
class EnumChangesTest : public ChangesTest {
 protected:
  EnumChangesTest() {
    sql::Table table = items_table();
    sql::Column& org = table.columns[2];
    org.type = kOrg;
    org.type_name = "org";
    org.is_enum = true;
    org.enum_labels = {"low", "high"};
    table_ = std::make_shared<const sql::Table>(std::move(table));
    std::vector<replication::RelationColumn> columns = {
        {true, "id", sql::oid::kInt8, -1}, {true, "title", sql::oid::kText, -1}, {true, "org", kOrg, -1}};
    changes_.relation({kItems, "public", "items", 'f', columns});
  }

  std::shared_ptr<Shape> added(const std::string& where) {
    auto spec = resolve(items_definition(where), table_);
    EXPECT_TRUE(spec) << where;
    std::string handle = make_handle();
    auto shape = std::make_shared<Shape>(handle, *spec, store_.create(handle, ""));
    changes_.add(shape);
    return shape;
  }
  std::shared_ptr<Shape> live(const std::string& where) {
    auto shape = added(where);
    changes_.find(*shape)->release({.xmin = 1, .xmax = 1, .xip = {}}, 1);
    shape->log().finish_snapshot(0);
    return shape;
  }

  static constexpr sql::Oid kOrg = 20'000;
  std::shared_ptr<const sql::Table> table_;
};

TEST_F(EnumChangesTest, ARowThatCannotBeJudgedDropsTheShape) {
  auto ordered = live("org < 'high'");
  auto old_row = live("org <= 'low'");
  auto equal = live("org = 'low'");
  auto others = live("title = 't' AND org < 'high'");
  begin(7);
  insert({"1", "a", "low"});
  insert({"2", "a", "mid"});
  EXPECT_TRUE(dropped_.contains(ordered.get()));
  EXPECT_EQ(changes_.find(*ordered), nullptr);
  commit();
  EXPECT_TRUE(dropped_.contains(old_row.get()));
  EXPECT_FALSE(dropped_.contains(equal.get()));
  EXPECT_FALSE(dropped_.contains(others.get())) << "it is false whatever the order is";
  EXPECT_THAT(log_text(*equal), HasSubstr(R"("id":"1")"));
  begin(8);
  update({"2", "t", "mid"}, {"2", "t", "high"});
  commit();
  EXPECT_TRUE(dropped_.contains(others.get())) << "where the row was is not known";
  EXPECT_FALSE(dropped_.contains(equal.get()));
}

TEST_F(EnumChangesTest, ARowThatCannotBeJudgedIsForgivenWhereTheSnapshotHoldsIt) {
  for (bool held : {true, false}) {
    auto shape = added("org < 'high'");
    begin(50);
    insert({"1", "a", "mid"});
    commit();
    EXPECT_FALSE(dropped_.contains(shape.get()));
    std::uint64_t xmax = held ? 51 : 50;
    EXPECT_EQ(changes_.find(*shape)->release({.xmin = xmax, .xmax = xmax, .xip = {}}, 1000), held);
    changes_.remove(*shape);
  }
}

TEST_F(ChangesTest, RoutesEachChangeToTheShapesItConcernsAndNoOther) {
  std::map<std::string, std::shared_ptr<Shape>> by_org;
  for (const char* org : {"a", "b", "c"}) by_org[org] = live_shape("org = '" + std::string(org) + "'");
  auto scanned = live_shape("title LIKE 't%'");
  auto both = live_shape("org = 'a' AND title = 't'");
  begin(7);
  insert({"1", "t", "a"});
  commit();
  EXPECT_NE(log_text(*by_org["a"]), "");
  EXPECT_EQ(log_text(*by_org["b"]), "");
  EXPECT_NE(log_text(*scanned), "");
  EXPECT_NE(log_text(*both), "");
  begin(8);
  update({"1", "t", "a"}, {"1", "x", "b"});
  commit();
  EXPECT_THAT(log_text(*by_org["a"]), HasSubstr("\"delete\""));
  EXPECT_THAT(log_text(*by_org["b"]), HasSubstr("\"insert\""));
  EXPECT_EQ(log_text(*by_org["c"]), "");
  EXPECT_THAT(log_text(*scanned), HasSubstr("\"delete\""));
  EXPECT_THAT(log_text(*both), HasSubstr("\"delete\""));
}

TEST_F(ChangesTest, ARemovedShapeGetsNothingMore) {
  auto kept = live_shape("org = 'a'");
  auto removed = live_shape("org = 'a'");
  begin(7);
  insert({"1", "t", "a"});
  changes_.remove(*removed);
  insert({"2", "t", "a"});
  commit();
  EXPECT_EQ(log_text(*removed), "");
  EXPECT_NE(log_text(*kept), "");
  changes_.remove(*removed);
}

}  // namespace
}  // namespace sluice::origin::embedded

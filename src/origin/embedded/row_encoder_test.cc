#include "origin/embedded/row_encoder.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "origin/embedded/test_table.h"

namespace sluice::origin::embedded {
namespace {

using Values = std::vector<std::optional<std::string_view>>;

class RowEncoderTest : public testing::Test {
 protected:
  std::string transaction_ = transaction_json(500, 7);
  ChangeHeader header_{transaction_, 4};
  RowEncoder encoder_{items_table(), {0, 1, 2}};
  Values one_{"1", "a", std::nullopt};
  Values two_{"1", "b", std::nullopt};
};

TEST_F(RowEncoderTest, SnapshotRow) {
  std::string out;
  encoder_.append_snapshot_row(out, one_);
  EXPECT_EQ(out, R"({"key":"\"public\".\"items\"/\"1\"","value":{"id":"1","title":"a","org":null},)"
                 R"("headers":{"operation":"insert","relation":["public","items"]}},)"
                 "\n");
}

TEST_F(RowEncoderTest, ARowWithABooleanKeyHasOneKeyInSnapshotAndStream) {
  sql::Table table = items_table();
  for (sql::Column& column : table.columns) column.pk_index.reset();
  table.columns[1].type = sql::oid::kBool;
  const RowEncoder encoder(table, {0, 1, 2});
  std::string snapshot, stream;
  encoder.append_snapshot_row(snapshot, Values{"1", "true", std::nullopt});
  encoder.append_delete(stream, Values{"1", "t", std::nullopt}, header_, false);
  const std::string key = R"({"key":"\"public\".\"items\"/\"1\"/\"t\"/_",)";
  EXPECT_TRUE(snapshot.starts_with(key)) << snapshot;
  EXPECT_TRUE(stream.starts_with(key)) << stream;
  EXPECT_NE(snapshot.find(R"("title":"true")"), std::string::npos) << snapshot;
}

TEST_F(RowEncoderTest, SubsetRowCarriesItsMark) {
  std::string out;
  encoder_.append_subset_row(out, one_, 9);
  EXPECT_TRUE(out.ends_with(",\"snapshot_mark\":9}},\n")) << out;
}

TEST_F(RowEncoderTest, Insert) {
  std::string out;
  encoder_.append_insert(out, one_, header_);
  EXPECT_EQ(
      out,
      R"({"key":"\"public\".\"items\"/\"1\"","value":{"id":"1","title":"a","org":null},"headers":{"operation":"insert",)"
      R"("relation":["public","items"],"lsn":"500","txids":[7],"op_position":4)");
}

TEST_F(RowEncoderTest, UpdateTellsTheKeyAndWhatChanged) {
  std::string out;
  encoder_.append_update(out, one_, two_, header_, false);
  EXPECT_NE(out.find(R"("value":{"id":"1","title":"b"},"headers":{"operation":"update")"), std::string::npos) << out;
  EXPECT_EQ(out.find("old_value"), std::string::npos);
}

TEST_F(RowEncoderTest, FullUpdateTellsTheRowAndTheOldValues) {
  std::string out;
  encoder_.append_update(out, one_, two_, header_, true);
  EXPECT_NE(out.find(R"("value":{"id":"1","title":"b","org":null},"old_value":{"title":"a"},)"), std::string::npos) << out;
}

TEST_F(RowEncoderTest, UpdateToNullTellsNull) {
  Values null{"1", std::nullopt, std::nullopt};
  std::string out;
  encoder_.append_update(out, one_, null, header_, false);
  EXPECT_NE(out.find(R"("value":{"id":"1","title":null})"), std::string::npos) << out;
}

TEST_F(RowEncoderTest, DeleteTellsTheKeyOrTheRow) {
  std::string by_key, full;
  encoder_.append_delete(by_key, one_, header_, false);
  encoder_.append_delete(full, one_, header_, true);
  EXPECT_NE(by_key.find(R"("value":{"id":"1"},)"), std::string::npos) << by_key;
  EXPECT_NE(full.find(R"("value":{"id":"1","title":"a","org":null},)"), std::string::npos) << full;
}

TEST_F(RowEncoderTest, AKeyChangeIsTwoEntriesThatNameEachOther) {
  Values moved{"2", "a", std::nullopt};
  std::string removed, added;
  encoder_.append_key_change(removed, added, one_, moved, header_, {transaction_, 5}, false);
  EXPECT_TRUE(removed.ends_with(R"("op_position":4,"key_change_to":"\"public\".\"items\"/\"2\"")")) << removed;
  EXPECT_TRUE(added.ends_with(R"("op_position":5,"key_change_from":"\"public\".\"items\"/\"1\"")")) << added;
  EXPECT_FALSE(encoder_.same_key(one_, moved));
  EXPECT_TRUE(encoder_.same_key(one_, two_));
}

TEST_F(RowEncoderTest, ComparesOnlyWhatTheShapeShows) {
  RowEncoder narrow(items_table(), {0, 2});
  EXPECT_TRUE(narrow.same_value(one_, two_));
  EXPECT_FALSE(encoder_.same_value(one_, two_));
}

TEST(RowEncoder, KeysDoubleSlashesAndTellNull) {
  sql::Table table = items_table();
  table.name = "odd\"/name";
  for (sql::Column& column : table.columns) column.pk_index.reset();
  RowEncoder encoder(table, {0, 1});
  Values row{"a/b", std::nullopt, "unseen"};
  std::string out;
  encoder.append_snapshot_row(out, row);
  EXPECT_TRUE(out.starts_with(R"({"key":"\"public\".\"odd\"\"/name\"/\"a//b\"/_",)")) << out;
}

TEST(RowEncoder, KeysFollowTheOrderOfThePrimaryKey) {
  sql::Table table = items_table();
  table.columns[0].pk_index = 1;
  table.columns[1].pk_index = 0;
  RowEncoder encoder(table, {0, 1, 2});
  std::string out;
  encoder.append_snapshot_row(out, Values{"1", "t", "o"});
  EXPECT_TRUE(out.starts_with(R"({"key":"\"public\".\"items\"/\"t\"/\"1\"")")) << out;
}

TEST(RowEncoder, NoEntryHoldsANewline) {
  RowEncoder encoder(items_table(), {0, 1, 2});
  std::string out;
  encoder.append_snapshot_row(out, Values{"1", "a\nb\r\n", "\n"});
  EXPECT_EQ(out.find('\n'), out.size() - 1);
}

TEST(RowEncoder, SchemaTellsTypesAndTheirModifiers) {
  sql::Table table = items_table();
  table.columns[1].type_name = "varchar";
  table.columns[1].type_mod = 14;
  table.columns[2].type_name = "numeric";
  table.columns[2].type_mod = (12 << 16 | 4) + 4;
  table.columns[2].dimensions = 1;
  EXPECT_EQ(RowEncoder(table, {0, 1, 2}).schema_json(),
            R"({"id":{"type":"int8","not_null":true,"pk_index":0},"title":{"type":"varchar","max_length":10},)"
            R"("org":{"type":"numeric","dims":1,"precision":12,"scale":4}})");
}

TEST(RowEncoder, SchemaTellsIntervalsTimesAndBits) {
  sql::Table table = items_table();
  const auto told = [&](std::string type, std::int32_t mod) {
    table.columns[1].type_name = std::move(type);
    table.columns[1].type_mod = mod;
    const std::string json = RowEncoder(table, {1}).schema_json();
    return json.substr(std::string_view(R"({"title":)").size(), json.size() - std::string_view(R"({"title":})").size());
  };
  // As `SELECT atttypmod` has them on Postgres 15.
  EXPECT_EQ(told("interval", -1), R"({"type":"interval"})");
  EXPECT_EQ(told("interval", 2147418115), R"({"type":"interval","precision":3})");            // (3)
  EXPECT_EQ(told("interval", 470351871), R"({"type":"interval","fields":"DAY TO SECOND"})");  // day to second
  EXPECT_EQ(told("interval", 470286338),
            R"({"type":"interval","precision":2,"fields":"DAY TO SECOND"})");                        // day to second(2)
  EXPECT_EQ(told("interval", 458751), R"({"type":"interval","fields":"YEAR TO MONTH"})");            // year to month
  EXPECT_EQ(told("interval", 268435457), R"({"type":"interval","precision":1,"fields":"SECOND"})");  // second(1)
  EXPECT_EQ(told("interval", 327679), R"({"type":"interval","fields":"YEAR"})");                     // year
  EXPECT_EQ(told("time", 3), R"({"type":"time","precision":3})");
  EXPECT_EQ(told("timestamptz", 0), R"({"type":"timestamptz"})");
  EXPECT_EQ(told("bit", 4), R"({"type":"bit","length":4})");
  EXPECT_EQ(told("varbit", -1), R"({"type":"varbit","length":-1})");
}

}  // namespace
}  // namespace sluice::origin::embedded

#include "origin/embedded/entry_offset.h"

#include <gtest/gtest.h>

#include <simdjson.h>

#include <random>

#include "origin/embedded/test_table.h"

namespace sluice::origin::embedded {
namespace {

using shape::Offset;

// Names and values that look like an entry's own members.
const std::vector<std::string> kNasty = {
    R"(,"headers":{"operation":"insert","lsn":"1","op_position":2}},)",
    R"("headers":{"operation":")",
    R"(","lsn":"7)",
    R"(,"op_position":9)",
    R"(\)",
    R"(\",")",
    R"(",)",
    "headers",
    "lsn",
    "op_position",
    ",",
    "",
    "\n",
    "{",
    "}},",
};

// The headers as a JSON parser finds them.
Offset parsed_offset(std::string_view entry) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  EXPECT_EQ(parser.parse(entry.substr(0, entry.size() - 2)).get(root), simdjson::SUCCESS) << entry;
  std::string lsn(root["headers"]["lsn"].get_string().value());
  return Offset::at(std::stoull(lsn), root["headers"]["op_position"].get_uint64().value());
}

TEST(EntryOffset, IsWhatTheHeadersSayWhateverColumnsAndValuesHold) {
  std::mt19937 random(1);
  auto nasty = [&] { return kNasty[random() % kNasty.size()] + kNasty[random() % kNasty.size()]; };
  for (int round = 0; round < 2000; ++round) {
    sql::Table table = items_table();
    table.schema = nasty();
    table.name = nasty();
    for (sql::Column& column : table.columns) column.name = nasty();
    RowEncoder encoder(table, {0, 1, 2});
    std::vector<std::string> texts = {nasty(), nasty(), nasty(), nasty(), nasty(), nasty()};
    std::vector<std::optional<std::string_view>> before = {texts[0], texts[1], std::nullopt};
    std::vector<std::optional<std::string_view>> after = {texts[3], texts[4], texts[5]};
    std::uint64_t lsn = (std::uint64_t{random()} << 31) + random();
    std::string transaction = transaction_json(lsn, random());
    ChangeHeader header{transaction, random() % 1000};
    ChangeHeader next{transaction, header.op_position + 1};
    std::vector<std::string> entries(5);
    encoder.append_insert(entries[0], after, header);
    encoder.append_delete(entries[1], before, header, round % 2 == 0);
    encoder.append_update(entries[2], before, after, header, round % 2 == 0);
    encoder.append_key_change(entries[3], entries[4], before, after, header, next, round % 2 == 0);
    for (std::string& entry : entries) {
      entry += round % 3 == 0 ? kLastEntryEnd : kEntryEnd;
      auto offset = entry_offset(entry);
      ASSERT_TRUE(offset) << entry;
      EXPECT_EQ(*offset, parsed_offset(entry)) << entry;
      EXPECT_EQ(offset->tx(), lsn);
    }
    EXPECT_EQ(entry_offset(entries[4])->op(), next.op_position);
    std::string row;
    encoder.append_snapshot_row(row, after);
    EXPECT_EQ(entry_offset(row), std::nullopt) << row;
  }
}

TEST(EntryOffset, IsNothingForWhatIsNoChange) {
  EXPECT_EQ(entry_offset(""), std::nullopt);
  EXPECT_EQ(entry_offset(R"({"headers":{"control":"snapshot-end","xmin":"1"}},)"), std::nullopt);
  const std::string start = R"({"key":"k","value":{},"headers":{"operation":"insert")";
  EXPECT_EQ(entry_offset(start + R"(,"lsn":"5","op_position":6}},)"), Offset::at(5, 6));
  EXPECT_EQ(entry_offset(start + R"(,"lsn":"","op_position":6}},)"), std::nullopt);
  EXPECT_EQ(entry_offset(start + R"(,"lsn":"5x","op_position":6}},)"), std::nullopt);
  EXPECT_EQ(entry_offset(start + R"(,"lsn":"99999999999999999999","op_position":6}},)"), std::nullopt);
  EXPECT_EQ(entry_offset(start + R"(,"lsn":"5","op_position":18446744073709551615}},)"), std::nullopt);
  EXPECT_EQ(entry_offset(start + R"(,"lsn":"5","op_position":6)"), std::nullopt) << "cut off";
}

}  // namespace
}  // namespace sluice::origin::embedded

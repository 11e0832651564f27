#include "replication/pgoutput.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "base/bytes.h"
#include "replication/catalog.h"
#include "replication/test_cluster.h"

namespace sluice::replication {
namespace {

using Kind = TupleValue::Kind;
using namespace std::string_literals;

// Messages written by hand, field by field.
struct Bytes {
  std::string out;
  Bytes& c(char value) { return out += value, *this; }
  Bytes& u16(unsigned value) { return big_endian(value, 2); }
  Bytes& u32(std::uint32_t value) { return big_endian(value, 4); }
  Bytes& u64(std::uint64_t value) { return big_endian(value, 8); }
  Bytes& name(const char* value) { return out.append(value).push_back('\0'), *this; }
  Bytes& text(std::string_view value) {
    c('t').u32(static_cast<std::uint32_t>(value.size()));
    return out.append(value), *this;
  }

 private:
  Bytes& big_endian(std::uint64_t value, int count) {
    for (int shift = 8 * (count - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
    return *this;
  }
};

std::string insert_message() {
  return Bytes().c('I').u32(7).c('N').u16(3).text("42").c('n').c('u').out;
}
std::string update_message() {
  return Bytes().c('U').u32(7).c('O').u16(1).text("old").c('N').u16(1).text("new").out;
}
std::string relation_message() {
  return Bytes().c('R').u32(7).name("public").name("t").c('f').u16(1).c(1).name("id").u32(23).u32(0xffffffff).out;
}

// One of each kind, all well formed.
std::vector<std::string> messages() {
  return {Bytes().c('B').u64(10).u64(20).u32(30).out,
          Bytes().c('C').c(0).u64(10).u64(11).u64(20).out,
          relation_message(),
          insert_message(),
          update_message(),
          Bytes().c('U').u32(7).c('N').u16(1).text("new").out,
          Bytes().c('U').u32(7).c('K').u16(1).text("1").c('N').u16(1).text("2").out,
          Bytes().c('D').u32(7).c('K').u16(1).text("1").out,
          Bytes().c('T').u32(2).c(1).u32(7).u32(8).out,
          Bytes().c('O').u64(1).name("origin").out,
          Bytes().c('Y').u32(1).name("public").name("mood").out,
          Bytes().c('M').c(1).u64(1).name("prefix").u32(2).c('h').c('i').out};
}

template <typename T>
T decoded(Decoder& decoder, const std::string& bytes) {
  auto message = decoder.decode(bytes);
  if (!message) throw std::runtime_error(std::string(to_string(message.error())));
  return std::get<T>(*message);
}

std::optional<DecodeError> error_of(const std::string& bytes) {
  Decoder decoder;
  const auto message = decoder.decode(bytes);
  return message ? std::nullopt : std::optional(message.error());
}

TEST(PgoutputDecoder, ReadsEveryField) {
  Decoder decoder;
  const auto all = messages();
  const auto begin = decoded<Begin>(decoder, all[0]);
  EXPECT_EQ(begin.final_lsn, 10U);
  EXPECT_EQ(begin.commit_time_us, 20);
  EXPECT_EQ(begin.xid, 30U);
  const auto commit = decoded<Commit>(decoder, all[1]);
  EXPECT_EQ(commit.commit_lsn, 10U);
  EXPECT_EQ(commit.end_lsn, 11U);
  const auto relation = decoded<Relation>(decoder, all[2]);
  EXPECT_EQ(relation.oid, 7U);
  EXPECT_EQ(relation.schema, "public");
  EXPECT_EQ(relation.name, "t");
  EXPECT_EQ(relation.replica_identity, 'f');
  ASSERT_EQ(relation.columns.size(), 1U);
  EXPECT_TRUE(relation.columns[0].key);
  EXPECT_EQ(relation.columns[0].name, "id");
  EXPECT_EQ(relation.columns[0].type, 23U);
  EXPECT_EQ(relation.columns[0].type_mod, -1);
  const auto deletion = decoded<Delete>(decoder, all[7]);
  EXPECT_EQ(deletion.old_kind, 'K');
  EXPECT_EQ(deletion.old_row[0].text, "1");
  const auto truncate = decoded<Truncate>(decoder, all[8]);
  EXPECT_THAT(truncate.relations, testing::ElementsAre(7U, 8U));
  EXPECT_EQ(truncate.flags, 1);
  for (std::size_t i = 9; i < all.size(); ++i) EXPECT_EQ(decoded<Ignored>(decoder, all[i]).kind, all[i][0]);
}

TEST(PgoutputDecoder, TellsNullUnchangedAndTextApart) {
  Decoder decoder;
  const std::string bytes = insert_message();
  const auto insert = decoded<Insert>(decoder, bytes);
  EXPECT_EQ(insert.relation, 7U);
  ASSERT_EQ(insert.row.size(), 3U);
  EXPECT_EQ(insert.row[0].kind, Kind::kText);
  EXPECT_EQ(insert.row[0].text, "42");
  EXPECT_EQ(insert.row[1].kind, Kind::kNull);
  EXPECT_EQ(insert.row[2].kind, Kind::kUnchanged);
}

TEST(PgoutputDecoder, ReadsUpdatesWithAndWithoutOldRows) {
  Decoder decoder;
  const auto all = messages();
  const auto full = decoded<Update>(decoder, all[4]);
  EXPECT_EQ(full.old_kind, 'O');
  EXPECT_EQ(full.old_row[0].text, "old");
  EXPECT_EQ(full.row[0].text, "new");
  const auto plain = decoded<Update>(decoder, all[5]);
  EXPECT_EQ(plain.old_kind, 0);
  EXPECT_TRUE(plain.old_row.empty());
  EXPECT_EQ(decoded<Update>(decoder, all[6]).old_kind, 'K');
}

TEST(PgoutputDecoder, RefusesEveryTruncationAndEveryExtraByte) {
  for (const std::string& whole : messages()) {
    ASSERT_EQ(error_of(whole), std::nullopt);
    for (std::size_t length = 0; length < whole.size(); ++length) {
      EXPECT_NE(error_of(whole.substr(0, length)), std::nullopt) << whole[0] << " cut to " << length;
    }
    EXPECT_EQ(error_of(whole + "x"), DecodeError::kTrailing) << whole[0];
  }
}

TEST(PgoutputDecoder, NamesWhatIsWrong) {
  EXPECT_EQ(error_of(""), DecodeError::kTruncated);
  EXPECT_EQ(error_of("X"), DecodeError::kUnknownKind);
  EXPECT_EQ(error_of("S\0\0\0\1\1"s), DecodeError::kUnknownKind) << "streamed transactions are of version 2";
  EXPECT_EQ(error_of(Bytes().c('I').u32(7).c('K').u16(0).out), DecodeError::kBadTuple);
  EXPECT_EQ(error_of(Bytes().c('I').u32(7).c('N').u16(1).c('b').u32(0).out), DecodeError::kBadTuple) << "binary is off";
  EXPECT_EQ(error_of(Bytes().c('I').u32(7).c('N').u16(1).c('t').u32(0xffffffff).out), DecodeError::kBadCount);
  EXPECT_EQ(error_of(Bytes().c('I').u32(7).c('N').u16(1).c('t').u32(0x7fffffff).c('x').out), DecodeError::kTruncated);
  EXPECT_EQ(error_of(Bytes().c('I').u32(7).c('N').u16(kColumnsMax + 1).out), DecodeError::kBadCount);
  EXPECT_EQ(error_of(Bytes().c('I').u32(7).c('N').u16(kColumnsMax).out), DecodeError::kTruncated);
  EXPECT_EQ(error_of(Bytes().c('U').u32(7).c('X').u16(0).out), DecodeError::kBadTuple);
  EXPECT_EQ(error_of(Bytes().c('D').u32(7).c('N').u16(0).out), DecodeError::kBadTuple);
  EXPECT_EQ(error_of(Bytes().c('T').u32(0xffffffff).c(0).out), DecodeError::kBadCount);
  EXPECT_EQ(error_of(Bytes().c('T').u32(0x7fffffff).c(0).out), DecodeError::kBadCount);
  EXPECT_EQ(error_of(Bytes().c('R').u32(7).out + "public"), DecodeError::kBadString);
}

TEST(PgoutputDecoder, ReusesItsStorage) {
  Decoder decoder;
  const std::string bytes = insert_message();
  const auto* first = decoded<Insert>(decoder, bytes).row.data();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(decoded<Insert>(decoder, bytes).row.data(), first);
}

// What a real server sends, as SQL functions give it. With SLUICE_FUZZ_SEEDS set to a folder, written there as seeds.
class PgoutputCapture : public testing::Test {
 protected:
  std::vector<std::string> capture() {
    const std::string slot = "capture_" + std::to_string(::getpid());
    auto sql = runner_.connect({.url = TestCluster::get().url()});
    runner_.ask(
        *sql,
        "CREATE TYPE shade AS ENUM ('dark'); CREATE TABLE captured (id int PRIMARY KEY, s shade, big text, n numeric);"
        "ALTER TABLE captured ALTER big SET STORAGE EXTERNAL");
    runner_.ask(*sql, "CREATE PUBLICATION capture_pub FOR TABLE captured");
    runner_.ask(*sql, "SELECT pg_create_logical_replication_slot('" + slot + "', 'pgoutput')");
    runner_.ask(*sql, "INSERT INTO captured VALUES (1, 'dark', repeat('x', 5000), 1.5), (2, NULL, '', NULL)");
    runner_.ask(*sql, "UPDATE captured SET id = 3 WHERE id = 1");
    runner_.ask(*sql, "UPDATE captured SET n = 2 WHERE id = 2");
    runner_.ask(*sql, "ALTER TABLE captured REPLICA IDENTITY FULL");
    runner_.ask(*sql, "UPDATE captured SET n = 7");
    runner_.ask(*sql, "SELECT pg_logical_emit_message(true, 'prefix', 'content')");
    runner_.ask(*sql, "DELETE FROM captured WHERE id = 3");
    runner_.ask(*sql, "TRUNCATE captured CASCADE");
    auto changes =
        runner_.run(sql->query("SELECT encode(data, 'hex') FROM pg_logical_slot_get_binary_changes($1, NULL, NULL,"
                               "'proto_version', '1', 'publication_names', 'capture_pub', 'messages', 'true')",
                               {slot}));
    if (!changes) throw std::runtime_error(changes.error().message);
    std::vector<std::string> bytes;
    bytes.reserve(static_cast<std::size_t>(changes->rows()));
    for (int row = 0; row < changes->rows(); ++row) bytes.push_back(*hex_decode(changes->text(row, 0)));
    runner_.ask(*sql, "SELECT pg_drop_replication_slot('" + slot + "')");
    return bytes;
  }

  TaskRunner runner_;
};

TEST_F(PgoutputCapture, EveryMessageOfARealServerIsUnderstood) {
  Decoder decoder;
  std::string kinds;
  bool unchanged = false;
  const auto captured = capture();
  for (const std::string& bytes : captured) {
    const auto message = decoder.decode(bytes);
    ASSERT_TRUE(message) << to_string(message.error()) << " in " << bytes[0];
    kinds += bytes[0];
    if (const auto* update = std::get_if<Update>(&*message)) unchanged |= update->row[2].kind == Kind::kUnchanged;
  }
  for (const char kind : "BYRIUDTMC"s) EXPECT_NE(kinds.find(kind), std::string::npos) << kind << " not in " << kinds;
  EXPECT_TRUE(unchanged);
  if (const char* folder = std::getenv("SLUICE_FUZZ_SEEDS")) {
    for (std::size_t i = 0; i < captured.size(); ++i) {
      if (captured[i].size() < 1000) std::ofstream(fmt::format("{}/{}{:02}", folder, kinds[i], i)) << captured[i];
    }
  }
}

}  // namespace
}  // namespace sluice::replication

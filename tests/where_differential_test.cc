// Where clauses against Postgres itself: random clauses over random rows must select the same rows three ways: matches(),
// the clause as written with its parameters as literals, and the printed form.
//
//   SLUICE_WHERE_CLAUSES   how many clauses (2000)
//   SLUICE_WHERE_SEED      repeats a run; a failure prints its seed
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "differential.h"
#include "sql/print.h"
#include "sql/test_table.h"
#include "sql/where.h"

namespace sluice {
namespace {

using sql::Collation;
using sql::Table;
using test::Clause;
using test::Differential;
using test::setting;

constexpr int kRows = 80;
constexpr Collation kCollationC{.casing = Collation::Casing::kAscii, .orders_bytes = true};

// The unit tests' table with a key before it, and a text column of collation C and another of the enum after it.
Table make_table() {
  Table table = sql::test_table();
  sql::Column id;
  id.name = "id";
  id.type = sql::oid::kInt4;
  table.columns.insert(table.columns.begin(), id);
  sql::Column tc;
  tc.name = "tc";
  tc.type = sql::oid::kText;
  tc.collation = kCollationC;
  table.columns.push_back(tc);
  sql::Column e2 = table.columns[*table.find("e")];
  e2.name = "e2";
  table.columns.push_back(e2);
  return table;
}

// Values of one type: what rows hold and what constants are made of. Kept such that no comparison of two is an error.
struct Pool {
  std::string type;
  std::vector<std::string> values;
};

const std::vector<Pool>& pools() {
  static const std::vector<Pool> out{
      {"int2", {"0", "1", "-1", "7", "32767", "-32768", "2"}},
      {"int4", {"0", "1", "-1", "7", "2147483647", "-2147483648", "16777217", "2", "3"}},
      {"int8",
       {"0", "1", "-1", "7", "9223372036854775807", "-9223372036854775808", "9007199254740993", "9007199254740992", "2"}},
      {"numeric",
       {"0", "0.00", "-0.1", "0.1", "1", "1.0", "1.50", "7", "NaN", "Infinity", "-Infinity", "9007199254740993",
        "9223372036854775808", "123456789012345678901234567890.123456789", "-1e-20", "1e30", "0.10000000149011612"}},
      {"float4", {"0", "-0", "0.1", "1", "1.5", "7", "NaN", "Infinity", "-Infinity", "1e30", "1e-40", "16777216", "-2.5"}},
      {"float8",
       {"0", "-0", "0.1", "1", "1.5", "7", "NaN", "Infinity", "-Infinity", "1e300", "5e-324", "9007199254740992",
        "0.10000000149011612", "-2.5", "123456789.123456789"}},
      {"text",
       {"", "a", "A", "b", "ab", "a ", "a\\b", "o'k", "%", "_", "100%", "Größe", "\xE2\x84\xAA", "\xC4\xB0x", "a_b", "é",
        "ABC"}},
      {"varchar", {"", "a", "A", "ab", "a ", "Größe", "x_y", "100%", "b"}},
      {"bpchar", {"", "a", "A", "ab", "a ", "b", "é", " a"}},
      {"bool", {"t", "f", "true", "off", "1", "no"}},
      {"uuid",
       {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}",
        "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "a0eebc999c0b4ef8bb6d6bb9bd380a12"}},
      {"date",
       {"2024-02-29", "2024-03-01", "0044-03-15 BC", "infinity", "-infinity", "1999-12-31", "2000-01-01", "12024-01-01",
        "5874897-12-31"}},
      {"time", {"00:00:00", "24:00:00", "12:34", "12:34:56.5", "12:34:56.000001", "23:59:59.999999"}},
      {"timestamp",
       {"2024-02-29", "2024-02-29 12:00", "2024-02-29T12:00:00.5", "2024-03-01 00:00:00", "0044-03-15 01:02:03 BC",
        "infinity", "-infinity", "1999-12-31 23:59:59.999999", "294276-12-31 23:59:59.999999", "4714-11-24 00:00:00 BC"}},
      {"timestamptz",
       {"2024-02-29", "2024-02-29 12:00Z", "2024-02-29T14:00:00.5+02", "2024-03-01 00:00:00-05:30", "infinity", "-infinity",
        "1999-12-31 23:59:59.999999+00", "2024-02-29 12:00:00.500 +00", "0044-03-15 01:02:03+00 BC"}},
      {"mood", {"ok", "sad", "happy"}},
      {"interval", {"1 day", "24:00:00", "1 mon", "P30D", "-1 day", "PT0S", "P1Y2M3DT4H5M6.5S", "P1M-2DT3H"}},
  };
  return out;
}

// Other spellings of constants, right and wrong: what is accepted here must be accepted by Postgres and mean the same.
const std::vector<std::string>& spellings(const std::string& type) {
  static const std::vector<std::string> numbers{" 7 ",
                                                "+7",
                                                "-0",
                                                "007",
                                                "\t7\n",
                                                "7.0",
                                                "7.",
                                                ".5",
                                                "1e1",
                                                "1E+1",
                                                "70e-1",
                                                "+-7",
                                                "-+7",
                                                "--7",
                                                "0x7",
                                                "1_0",
                                                "",
                                                " ",
                                                "1e400",
                                                "1e-400",
                                                "-1e400",
                                                "3e38",
                                                "4e38",
                                                "1e-46",
                                                "nan",
                                                "NAN",
                                                "inf",
                                                "-inf",
                                                "+inf",
                                                "+-inf",
                                                "+nan",
                                                "-nan",
                                                "Infinity",
                                                "iNfInItY",
                                                "infinit",
                                                "32768",
                                                "-32769",
                                                "2147483648",
                                                "9223372036854775808",
                                                "7 7",
                                                "7e",
                                                "e7",
                                                ".",
                                                "1e+-1",
                                                "\v7\f",
                                                "0.1e0",
                                                "0.100000001490116119384765625"};
  static const std::vector<std::string> booleans{"T",  "tr",  "truE", "trues", " t ", "y", "ye", "yes", "o",  "on",
                                                 "of", "off", "offs", "n",     "no",  "1", "0",  "01",  "10", ""};
  static const std::vector<std::string> uuids{"a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11",
                                              "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
                                              " a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
                                              "a0eebc99--9c0b-4ef8-bb6d-6bb9bd380a11",
                                              "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11-",
                                              "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
                                              "a0-eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
                                              "{a0eebc999c0b4ef8bb6d6bb9bd380a11}",
                                              "",
                                              "{}"};
  static const std::vector<std::string> moments{" 2024-02-29 ",
                                                "2024-02-29T12:00:00Z",
                                                "2024-02-29 12:00:00+02",
                                                "2024-02-29 12:00 -05:30",
                                                "2024-02-29T23:59:59.999999-15:59",
                                                "2024-02-29 12:00:00.1",
                                                "2024-02-29 12:00:00.1234567",
                                                "2024-02-30",
                                                "2023-02-29",
                                                "0000-01-01",
                                                "0001-01-01 BC",
                                                "INFINITY",
                                                "+infinity",
                                                "-Infinity",
                                                "infinit",
                                                "294276-12-31 23:59:59+00",
                                                "294276-12-31 23:59:59-01",
                                                "294277-01-01",
                                                "4714-11-24 BC",
                                                "4714-11-23 BC",
                                                "4713-01-01 00:00:00+15 BC",
                                                "4714-11-24 00:00:00+01 BC",
                                                "2024-02-29 24:00:00",
                                                "2024-02-29 00:00:00.5+00 BC",
                                                "5874898-01-01",
                                                "2024-02-29 12:00+0530",
                                                "2024-02-29 12:00+05:30:15",
                                                "2024-02-29T12:00:00.000Z",
                                                "2024-02-29 12:00:00 Z",
                                                "24:00",
                                                "24:00:00.000001",
                                                "12:00:60",
                                                " 12:00 ",
                                                "23:59:59.9999999",
                                                "2024-02-29 7:00",
                                                "12:00+02",
                                                "epoch",
                                                "now",
                                                "today"};
  static const std::vector<std::string> none{"ok", "", " ", "a  ", "x'; --", "\\", "E'", "日本"};
  if (type.starts_with("int") || type.starts_with("float") || type == "numeric") return numbers;
  if (type == "bool") return booleans;
  if (type == "uuid") return uuids;
  return type == "date" || type.starts_with("time") ? moments : none;
}

struct TestColumn {
  std::string name;
  std::string type;  // of pools()
  std::string declared;
};

const std::vector<TestColumn>& columns() {
  static const std::vector<TestColumn> out{{"i2", "int2", "int2"},
                                           {"i4", "int4", "int4"},
                                           {"i8", "int8", "int8"},
                                           {"n", "numeric", "numeric"},
                                           {"f4", "float4", "float4"},
                                           {"f8", "float8", "float8"},
                                           {"t", "text", "text"},
                                           {"v", "varchar", "varchar(20)"},
                                           {"c", "bpchar", "char(5)"},
                                           {"b", "bool", "bool"},
                                           {"u", "uuid", "uuid"},
                                           {"d", "date", "date"},
                                           {"tm", "time", "time"},
                                           {"ts", "timestamp", "timestamp"},
                                           {"tz", "timestamptz", "timestamptz"},
                                           {"e", "mood", "mood"},
                                           {"dom", "int4", "positive"},
                                           {"j", "", "jsonb"},
                                           {"arr", "", "int4[]"},
                                           {"Odd \"name", "text", "text"},
                                           {"ta", "", "text[]"},
                                           {"iv", "interval", "interval"},
                                           {"tc", "text", "text COLLATE \"C\""},
                                           {"e2", "mood", "mood"}};
  return out;
}

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::vector<std::string> params;

  Clause condition(int depth) {
    int choice = depth <= 0 ? 9 : below(12);
    Clause out;
    if (choice < 4) {
      out.add("(").add(condition(depth - 1));
      for (int i = 0, n = 1 + below(2); i < n; ++i) out.add(choice % 2 ? " AND " : " OR ").add(condition(depth - 1));
      return out.add(")");
    }
    if (choice == 4) return out.add("NOT ").add(condition(depth - 1));
    if (choice == 5) {
      static const char* kTests[] = {"TRUE", "NOT TRUE", "FALSE", "NOT FALSE", "UNKNOWN", "NOT UNKNOWN", "NULL", "NOT NULL"};
      return out.add("(").add(condition(depth - 1)).add(") IS ").add(kTests[below(8)]);
    }
    if (choice == 6)
      return out.add("((")
          .add(condition(depth - 1))
          .add(pick({") = (", ") <> (", ") IS DISTINCT FROM (", ") < ("}))
          .add(condition(depth - 1))
          .add("))");
    return leaf();
  }

 private:
  int below(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }
  bool chance(int percent) { return below(100) < percent; }
  std::string pick(const std::vector<std::string>& from) {
    return from[static_cast<std::size_t>(below(static_cast<int>(from.size())))];
  }

  const TestColumn& column() { return columns()[static_cast<std::size_t>(below(static_cast<int>(columns().size())))]; }
  const Pool& pool(const std::string& type) {
    for (const Pool& candidate : pools()) {
      if (candidate.type == type) return candidate;
    }
    return pools()[static_cast<std::size_t>(below(static_cast<int>(pools().size())))];
  }

  // A type that compares with `type`, mostly.
  std::string related(const std::string& type) {
    static const std::vector<std::string> numbers{"int2", "int4", "int8", "numeric", "float4", "float8"};
    for (const std::string& number : numbers) {
      if (type == number && chance(50)) return pick(numbers);
    }
    if (type == "date" && chance(30)) return "timestamp";
    if (type == "timestamp" && chance(30)) return "date";
    if (type == "text" && chance(20)) return "varchar";
    return chance(4) ? pools()[static_cast<std::size_t>(below(static_cast<int>(pools().size())))].type : type;
  }

  static bool bare_number(const std::string& value) {
    return value.find_first_not_of("0123456789.e+-") == std::string::npos && !value.empty();
  }

  Clause constant(const std::string& column_type) {
    Clause out;
    if (chance(4)) return out.add("NULL");
    const Pool& from = pool(related(column_type));
    std::string value = pick(chance(15) ? spellings(from.type) : from.values);
    bool number = from.type.starts_with("int") || from.type == "numeric" || from.type.starts_with("float");
    if (number && bare_number(value) && chance(50)) return out.add(chance(20) ? "(" + value + ")" : value);
    std::string literal = sql::quoted_literal(value);
    if (chance(30)) {
      params.push_back(value);
      out.where = "$" + std::to_string(params.size());
      out.bound = literal;
    } else {
      out.add(literal);
    }
    if (chance(30)) return out.add("::" + from.type);
    if (chance(5)) {
      Clause cast;
      return cast.add("CAST(").add(out).add(" AS " + from.type + ")");
    }
    return out;
  }

  Clause named(const TestColumn& of) {
    Clause out;
    std::string name = sql::quoted_identifier(of.name);
    return out.add(chance(5) ? "items." + name : name);
  }

  Clause other_side(const TestColumn& of) {
    if (!chance(15)) return constant(of.type);
    for (int tries = 0; tries < 8; ++tries) {
      const TestColumn& other = column();
      if (other.type == of.type || tries == 7) return named(other);
    }
    return constant(of.type);
  }

  std::string comparison() { return pick({"=", "=", "=", "<>", "!=", "<", ">", "<=", ">="}); }

  Clause leaf() {
    const TestColumn& of = column();
    Clause out;
    switch (below(10)) {
      case 0: return out.add(named(of)).add(chance(50) ? " IS NULL" : " IS NOT NULL");
      case 1: return in_list(of);
      case 2:
        return out.add(named(of))
            .add(pick({" BETWEEN ", " NOT BETWEEN ", " BETWEEN SYMMETRIC ", " NOT BETWEEN SYMMETRIC "}))
            .add(constant(of.type))
            .add(" AND ")
            .add(constant(of.type));
      case 3: return like();
      case 4: return out.add(named(of)).add(pick({" IS DISTINCT FROM ", " IS NOT DISTINCT FROM "})).add(other_side(of));
      case 5: return chance(50) ? out.add("b") : out.add(constant(of.type)).add(" " + comparison() + " ").add(named(of));
      case 6:
        return chance(30) ? out.add(constant(of.type)).add(" " + comparison() + " ").add(constant(of.type)) : comparing(of);
      default: return comparing(of);
    }
  }

  Clause comparing(const TestColumn& of) {
    Clause out;
    return out.add(named(of)).add(" " + comparison() + " ").add(other_side(of));
  }

  Clause in_list(const TestColumn& of) {
    Clause out = named(of);
    out.add(chance(50) ? " IN (" : " NOT IN (");
    for (int i = 0, n = 1 + below(4); i < n; ++i) {
      if (i > 0) out.add(", ");
      out.add(other_side(of));
    }
    return out.add(")");
  }

  Clause like() {
    static const std::vector<std::string> pieces{"%", "_", "a", "b", "A", " ", "\\%", "\\\\",
                                                 "1", "x", "k", "i", "ß", "é", "!"};
    std::string pattern;
    for (int i = below(5); i > 0; --i) pattern += pick(pieces);
    if (chance(20)) pattern = pick(pool("text").values);
    Clause out;
    static const std::vector<std::string> subjects{"t", "v", "c", "\"Odd \"\"name\"", "tc", "'ab'", "'ab '::bpchar"};
    out.add(pick(subjects)).add(pick({" LIKE ", " NOT LIKE ", " ILIKE ", " NOT ILIKE ", " ~~ ", " !~~* "}));
    bool escaped = out.where.find("LIKE") != std::string::npos && chance(15);
    out.add(sql::quoted_literal(pattern));
    if (chance(10)) out.add(pick({"::text", "::bpchar", "::varchar"}));
    return escaped ? out.add(" ESCAPE ").add(pick({"'!'", "''", "'x'", "E'\\\\'", "'é'"})) : out;
  }

  std::mt19937_64 random_;
};

class WhereDifferential : public Differential {
 protected:
  WhereDifferential() : Differential(make_table()) {
    if (!orders_bytes()) return;
    for (sql::Column& column : table_.columns) column.collation = kCollationC;
  }

  void make_rows(std::uint64_t seed) {
    pg_.must("DROP TABLE IF EXISTS items; DROP TYPE IF EXISTS mood; DROP DOMAIN IF EXISTS positive");
    pg_.must("CREATE TYPE mood AS ENUM ('ok', 'sad', 'happy')");
    pg_.must("CREATE DOMAIN positive AS int4");
    std::string create = "CREATE TABLE items (id int4 PRIMARY KEY";
    for (const auto& column : columns()) create += ", " + sql::quoted_identifier(column.name) + " " + column.declared;
    pg_.must(create + ")");
    std::mt19937_64 random(seed);
    for (int id = 0; id < kRows; ++id) {
      std::string insert = fmt::format("INSERT INTO items VALUES ({}", id);
      for (const auto& column : columns()) insert += ", " + random_value(column, random);
      pg_.must(insert + ")");
    }
    read_rows();
  }

  std::string random_value(const TestColumn& column, std::mt19937_64& random) {
    if (random() % 7 == 0) return "NULL";
    if (column.type.empty()) return column.name == "j" ? "'{}'" : "'{1}'";
    for (const Pool& pool : pools()) {
      if (pool.type == column.type)
        return sql::quoted_literal(pool.values[random() % pool.values.size()]) + "::" + column.declared;
    }
    return "NULL";
  }
};

TEST_F(WhereDifferential, SelectsTheRowsThatPostgresSelects) {
  std::uint64_t seed = setting("SLUICE_WHERE_SEED", std::random_device{}());
  std::uint64_t clauses = setting("SLUICE_WHERE_CLAUSES", 2000);
  SCOPED_TRACE(fmt::format("SLUICE_WHERE_SEED={}", seed));
  fmt::print("SLUICE_WHERE_SEED={} SLUICE_WHERE_CLAUSES={}\n", seed, clauses);
  make_rows(seed);
  std::uint64_t compiled = 0;
  for (std::uint64_t i = 0; i < clauses && !HasFailure(); ++i) {
    Generator generator(seed + i * 1'000'003);
    Clause clause = generator.condition(static_cast<int>(i % 4));
    clause.params = generator.params;
    compiled += check(clause);
  }
  fmt::print("{} of {} clauses compiled, {} evaluations\n", compiled, clauses, compiled * kRows);
  if (!HasFailure()) EXPECT_GT(compiled * 4, clauses) << "the generator no longer makes clauses that compile";
}

}  // namespace
}  // namespace sluice

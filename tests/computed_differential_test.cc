// What clauses compute, against Postgres itself: random expressions of every operator and function over random rows must
// select the same rows as written and as printed. A row for which Postgres raises an error says nothing about the clause as
// written; the printed form must never raise one. Where this counts as NULL what Postgres answers (docs/where.md, "Errors in
// a row"), only the printed form is compared.
//
//   SLUICE_COMPUTED_CLAUSES   how many clauses (3000)
//   SLUICE_COMPUTED_SEED      repeats a run; a failure prints its seed
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "differential.h"
#include "sql/print.h"
#include "sql/value.h"

namespace sluice {
namespace {

using test::Clause;
using test::Differential;
using test::setting;

constexpr int kRows = 80;

// What rows hold, and what is computed with.
enum class Reach {
  kFixed,   // the ends of every type; dates and times move by constants, and intervals are not computed with
  kMiddle,  // no value so near to an end that it counts as NULL
  kEnds,    // everything: only the printed form is compared
};

struct Kind {
  std::string name;  // of the type; of the column too, with a c before it
  sql::Type type;
  std::vector<std::string> values;
};

const std::vector<Kind>& kinds() {
  using sql::Type;
  static const std::vector<Kind> out{
      {"int2", Type::kInt2, {"0", "1", "-1", "7", "32767", "-32768", "2", "100"}},
      {"int4", Type::kInt4, {"0", "1", "-1", "7", "2147483647", "-2147483648", "3", "46341", "1000"}},
      {"int8", Type::kInt8, {"0", "1", "-1", "7", "9223372036854775807", "-9223372036854775808", "3037000500", "5"}},
      {"numeric",
       Type::kNumeric,
       {"0",
        "0.00",
        "1",
        "1.50",
        "-0.1",
        "0.5",
        "-2.5",
        "3",
        "NaN",
        "Infinity",
        "-Infinity",
        "9999.99",
        "10000",
        "0.0001",
        "0.00009",
        "123456789012345678901234567890.123456789",
        "-1e-20",
        "1e30",
        "2147483647.5",
        "9223372036854775807.4",
        "7.000"}},
      {"float8",
       Type::kFloat8,
       {"0", "-0", "0.5", "1.5", "2.5", "-2.5", "NaN", "Infinity", "-Infinity", "2", "1e300", "5e-324", "-5e-324",
        "2147483647.5", "9223372036854775807", "-9223372036854775808", "7",
        // Where sums, products and quotients end.
        "1.7976931348623157e308", "-1.7976931348623157e308", "8.98846567431158e307", "1.3407807929942596e154",
        "1.3407807929942597e154", "1.5e-162", "1.6e-162", "2.2227587494850775e-162", "-2.2250738585072014e-308", "4e-320",
        "1e16", "3.5", "1.1125369292536007e-308", "1.0000000000000002"}},
      {"float4",
       Type::kFloat4,
       {"0", "0.1", "1.5", "2.5", "-2.5", "NaN", "Infinity", "16777216", "1e30", "3.4028235e38", "1e-45", "1.5e19", "-1e-30",
        "2", "3e-23"}},
      {"text",
       Type::kText,
       {"", "a", "A", "b", "ab", "a ", "a\\b", "%", "_", "a%", "Größe", "\xE2\x84\xAA", "\xC4\xB0x", "\xC4\xB1", "\xC5\xBF",
        "ABC", "7", "a\\", "\\\\"}},
      {"bool", Type::kBool, {"t", "f"}},
      {"uuid", Type::kUuid, {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "00000000-0000-0000-0000-000000000000"}},
      {"date",
       Type::kDate,
       {"2024-02-29", "infinity", "-infinity", "1999-12-31", "294276-12-31", "294277-01-01", "5874897-12-31",
        "4714-11-24 BC"}},
      {"time", Type::kTime, {"00:00:00", "24:00:00", "12:34:56.5"}},
      {"timestamp",
       Type::kTimestamp,
       {"2024-02-29 12:00:00", "infinity", "-infinity", "1999-12-31 23:59:59.999999", "2024-02-29 00:00:00",
        "4714-11-24 00:00:00 BC", "294276-12-31 23:59:59", "2024-01-31 10:00:00", "0001-03-01 00:00:00 BC"}},
      {"timestamptz",
       Type::kTimestamptz,
       {"2024-02-29 12:00:00+02", "infinity", "-infinity", "2023-03-31 00:00:00Z", "294276-12-31 23:59:59Z"}},
      {"interval", Type::kInterval, {"1 day",         "-1 day",
                                     "P1M",           "P1Y2M3DT4H5M6.5S",
                                     "24:00:01",      "30 days",
                                     "1 mon",         "-2 weeks 3 hours",
                                     "PT0S",          "1 year 2 days 03:04:05.25",
                                     "-1 year",       "P-1DT2H",
                                     "200000 years",  "1000000 hours",
                                     "0.5 seconds",   "P178956970Y7M2147483647D",
                                     "PT2562047788H", "P83333333Y4M",
                                     "P-5M40DT-30H",  "P400D",
                                     "PT-100H"}}};
  return out;
}

// Values near which this counts as NULL what is computed.
bool at_an_end(const Kind& kind, std::string_view value) {
  using sql::Type;
  if (value.ends_with("infinity") || value.ends_with("Infinity")) return kind.type != Type::kDate;
  if (value.find("21474836") != value.npos) return true;
  if (kind.type == Type::kFloat8) return value.find("e3") != value.npos || value.find("e-3") != value.npos;
  if (kind.type == Type::kDate || kind.type == Type::kTimestamp || kind.type == Type::kTimestamptz) {
    return value.starts_with("2942") || value.starts_with("4714");
  }
  return kind.type == Type::kInterval && (value.starts_with("P178956970Y") || value.starts_with("P83333333Y") ||
                                          value.starts_with("PT2562047788H") || value == "1000000 hours");
}

sql::Table make_table() {
  sql::Table table{.oid = 16384, .schema = "public", .name = "items", .columns = {}};
  auto add = [&](std::string name, sql::Oid type, std::string type_name) -> sql::Column& {
    sql::Column& column = table.columns.emplace_back();
    column.name = std::move(name);
    column.type = type;
    column.type_name = std::move(type_name);
    return column;
  };
  add("id", sql::oid::kInt4, "int4");
  for (const Kind& kind : kinds()) {
    for (const char* name : {"a", "b"}) add(name + kind.name, sql::oid_of(kind.type), kind.name);
  }
  add("money", sql::oid::kNumeric, "numeric").type_mod = ((10 << 16) | 2) + 4;
  add("fixed", sql::oid::kBpchar, "bpchar");
  return table;
}

class Generator {
 public:
  Generator(std::uint64_t seed, Reach reach) : random_(seed), reach_(reach) {}

  std::string value_of_row(const Kind& kind) {
    return chance(10) ? "NULL" : sql::quoted_literal(value_in_reach(kind)) + "::" + kind.name;
  }

  std::string condition(int depth) {
    switch (below(depth > 0 ? 8 : 4)) {
      case 0: return comparison(depth);
      case 1: return like(depth);
      case 2: return value(kind(), depth) + pick({" IS NULL", " IS NOT NULL"});
      case 3: return membership(depth);
      case 4: return "(" + condition(depth - 1) + pick({" AND ", " OR "}) + condition(depth - 1) + ")";
      case 5: return "NOT " + condition(depth - 1);
      case 6: return "(" + condition(depth - 1) + ")" + pick({" IS NOT TRUE", " IS UNKNOWN", " IS FALSE", " IS NOT NULL"});
      default: return comparison(depth);
    }
  }

 private:
  int below(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }
  bool chance(int percent) { return below(100) < percent; }
  std::string pick(const std::vector<std::string>& from) { return from[random_() % from.size()]; }
  std::string value_in_reach(const Kind& kind) {
    std::string out = pick(kind.values);
    while (reach_ == Reach::kMiddle && at_an_end(kind, out)) out = pick(kind.values);
    return out;
  }
  const Kind& kind() { return kinds()[random_() % kinds().size()]; }
  const Kind& number() { return kinds()[random_() % 4]; }
  const Kind& integer() { return kinds()[random_() % 3]; }
  static const Kind& named(std::string_view name) {
    return *std::find_if(kinds().begin(), kinds().end(), [&](const Kind& k) { return k.name == name; });
  }

  std::string comparison(int depth) {
    const Kind& of = kind();
    const Kind& other = of.type <= sql::Type::kNumeric && chance(40) ? number() : of;
    std::string op = pick({" = ", " <> ", " < ", " > ", " <= ", " >= ", " IS DISTINCT FROM ", " IS NOT DISTINCT FROM "});
    return "(" + value(of, depth) + op + value(other, depth - 1) + ")";
  }

  std::string membership(int depth) {
    const Kind& of = kind();
    if (chance(40)) {
      return "(" + value(of, depth) + pick({" BETWEEN ", " NOT BETWEEN ", " BETWEEN SYMMETRIC "}) + value(of, 0) + " AND " +
             value(of, 0) + ")";
    }
    return "(" + value(of, depth) + pick({" IN (", " NOT IN ("}) + constant(of) + ", " + value(of, 0) + ", " + constant(of) +
           "))";
  }

  std::string like(int depth) {
    std::string subject =
        chance(30) ? pick({"lower(", "upper("}) + value(named("text"), depth - 1) + ")" : value(named("text"), depth);
    if (chance(20))
      return subject + pick({" = 'a'", " <> 'AB'", " IN ('i', 'K', 'k', 'S')", " = ANY('{a,ab,I}')", " = 'ß'"});
    std::string pattern =
        chance(50) ? value(named("text"), depth) : pick({"'a%'", "'%b'", "'_'", "'%k%'", "'%I%'", "'i_'", "'A%'"});
    if (chance(10)) return pick({"like(", "notlike("}) + subject + ", " + pattern + ")";
    return "(" + subject + pick({" LIKE ", " NOT LIKE ", " ILIKE ", " NOT ILIKE "}) + pattern + ")";
  }

  std::string constant(const Kind& of) {
    if (chance(4)) return "NULL";
    std::string text = value_in_reach(of);
    bool bare = text.find_first_not_of("0123456789.-") == std::string::npos && !text.empty();
    if (of.type <= sql::Type::kNumeric && of.type != sql::Type::kBool && bare && chance(40))
      return text[0] == '-' ? "(" + text + ")" : text;
    std::string literal = sql::quoted_literal(text);
    return chance(60) ? literal + "::" + of.name : literal;
  }

  std::string value(const Kind& of, int depth) {
    if (depth <= 0 || chance(15)) return chance(70) ? column(of) : constant(of);
    if (chance(25)) return choice(of, depth - 1);
    if (sql::is_integer(of.type)) return integral(of, depth - 1);
    if (of.type == sql::Type::kNumeric) return numeric(depth - 1);
    if (sql::is_float(of.type)) return real(of, depth - 1);
    if (of.type == sql::Type::kText) return text(depth - 1);
    if (of.type == sql::Type::kBool)
      return chance(70) ? "(" + condition(depth - 1) + ")" : value(named("int4"), depth - 1) + "::bool";
    if (chance(60) && of.type >= sql::Type::kDate && of.type <= sql::Type::kInterval) return moment(of, depth - 1);
    if (of.type == sql::Type::kDate) return chance(50) ? value(named("timestamp"), depth - 1) + "::date" : column(of);
    if (of.type == sql::Type::kTime) return chance(50) ? value(named("timestamp"), depth - 1) + "::time" : column(of);
    if (of.type == sql::Type::kTimestamp) return chance(50) ? value(named("date"), depth - 1) + "::timestamp" : column(of);
    return column(of);
  }

  std::string moment(const Kind& of, int depth) {
    const Kind& interval = named("interval");
    std::string zone =
        pick({"'UTC'", "'GMT'", "'UTC'::text", "'+05:30'", "'-11'", "interval '2 hours'", "'PT-3H30M'::interval"});
    if (of.name == "date") {
      if (chance(30)) return "(" + value(named("int4"), depth) + " + " + value(of, depth) + ")";
      return "(" + value(of, depth) + pick({" + ", " - "}) + value(chance(70) ? named("int4") : named("int2"), depth) + ")";
    }
    if (of.name == "interval") return interval_of(depth);
    if (of.name == "time") return column(of);
    if (chance(20)) {
      const Kind& other = of.name == "timestamp" ? named("timestamptz") : named("timestamp");
      return "(" + value(other, depth) + " AT TIME ZONE " + zone + ")";
    }
    const Kind& base = of.name == "timestamp" && chance(20) ? named("date") : of;
    bool fixed = reach_ == Reach::kFixed || chance(50);
    std::string by = fixed ? constant_interval() : value(interval, depth);
    if (chance(20)) return "(" + by + " + " + value(base, depth) + ")";
    return "(" + value(base, depth) + pick({" + ", " - "}) + by + ")";
  }

  // Its parts are of one sign.
  std::string constant_interval() {
    std::string out = constant(named("interval"));
    auto mixed = [&] {
      return out.find("-2 weeks 3") != out.npos || out.find("P-1DT2H") != out.npos || out.find("P-5M4") != out.npos;
    };
    while (reach_ == Reach::kFixed && mixed()) out = constant(named("interval"));
    return out;
  }

  std::string interval_of(int depth) {
    const Kind& of = named("interval");
    if (reach_ == Reach::kFixed) return column(of);
    switch (below(6)) {
      case 0: {
        const Kind& moment = named(pick({"timestamp", "timestamptz", "date"}));
        return "(" + value(moment.name == "date" ? named("timestamp") : moment, depth) + " - " + value(moment, depth) + ")";
      }
      case 1: return pick({"justify_days(", "justify_hours(", "justify_interval("}) + value(of, depth) + ")";
      case 2: return "(- " + value(of, depth) + ")";
      case 3: {
        // A power of a column's value may be beyond what an interval is multiplied by.
        const std::string by = value(named(pick({"float8", "int4", "numeric"})), reach_ == Reach::kMiddle ? 0 : depth);
        return chance(40) ? "(" + by + " * " + value(of, depth) + ")"
                          : "(" + value(of, depth) + pick({" * ", " / "}) + by + ")";
      }
      default: return "(" + value(of, depth) + pick({" + ", " - "}) + value(of, depth) + ")";
    }
  }

  std::string column(const Kind& of) {
    if (of.type == sql::Type::kNumeric && chance(20)) return "money";
    return pick({"a", "b"}) + of.name;
  }

  std::string choice(const Kind& of, int depth) {
    switch (below(5)) {
      case 0: return "coalesce(" + value(of, depth) + ", " + value(of, 0) + ")";
      case 1: return pick({"greatest(", "least("}) + value(of, depth) + ", " + value(of, 0) + ", " + value(of, 0) + ")";
      case 2: return "nullif(" + value(of, depth) + ", " + value(of, 0) + ")";
      case 3:
        return "CASE WHEN " + condition(depth) + " THEN " + value(of, depth) + (chance(70) ? " ELSE " + value(of, 0) : "") +
               " END";
      default: {
        const Kind& by = kind();
        return "CASE " + value(by, 0) + " WHEN " + constant(by) + " THEN " + value(of, depth) + " WHEN " + value(by, 0) +
               " THEN " + value(of, 0) + " END";
      }
    }
  }

  std::string integral(const Kind& of, int depth) {
    switch (below(9)) {
      case 8:
        return of.name != "int4" ? column(of)
                                 : "(" + value(named("date"), depth) + " - " + value(named("date"), depth) + ")";
      case 0: return "(" + pick({"- ", "@ ", "~ ", "+ "}) + value(of, depth) + ")";
      case 1: return value(chance(50) ? named("numeric") : integer(), depth) + "::" + of.name;
      case 2: return column(chance(50) ? named("float8") : named("float4")) + "::" + of.name;
      case 3: return "(" + value(of, depth) + pick({" << ", " >> "}) + pick({"0", "1", "5", "15", "31"}) + ")";
      case 4: return of.name == "int4" ? "length(" + value(named("text"), depth) + ")" : "abs(" + value(of, depth) + ")";
      case 5: return "(" + value(of, depth) + pick({" & ", " | ", " # "}) + value(integer(), depth) + ")";
      default:
        return "(" + value(of, depth) + pick({" + ", " - ", " * ", " / ", " % "}) +
               value(chance(60) ? of : integer(), depth) + ")";
    }
  }

  std::string numeric(int depth) {
    const Kind& of = named("numeric");
    switch (below(6)) {
      case 0: return "(" + pick({"- ", "@ "}) + value(of, depth) + ")";
      case 1: return value(integer(), depth) + "::numeric";
      default:
        return "(" + value(of, depth) + pick({" + ", " - ", " * ", " / ", " / ", " % "}) +
               value(chance(60) ? of : integer(), depth) + ")";
    }
  }

  std::string real(const Kind& of, int depth) {
    if (of.type == sql::Type::kFloat4) {
      if (chance(50)) return "(" + value(of, depth) + pick({" + ", " - ", " * ", " / "}) + value(of, depth) + ")";
      return chance(50) ? "(- " + value(of, depth) + ")"
                        : value(chance(50) ? number() : named("float8"), depth) + "::float4";
    }
    switch (below(9)) {
      case 3: return "(" + value(of, depth) + " ^ " + pick({"2", "0.5", "-1", "(-2.5)", "0", "3", "1e3"}) + ")";
      case 4: return "(" + pick({"2", "0.5", "1", "10", "1.0000000001"}) + " ^ " + value(of, depth) + ")";
      case 5:
      case 6:
      case 7:
        return "(" + value(of, depth) + pick({" + ", " - ", " * ", " / "}) +
               value(chance(70)   ? of
                     : chance(50) ? number()
                                  : named("float4"),
                     depth) +
               ")";
      case 0: return "(" + pick({"- ", "@ "}) + value(of, depth) + ")";
      case 1: return "(|/ " + value(chance(50) ? of : number(), depth) + ")";
      case 2: return value(chance(50) ? named("float4") : number(), depth) + "::float8";
      default: return value(of, depth);
    }
  }

  std::string text(int depth) {
    switch (below(5)) {
      case 0: return value(pick_textual(), depth) + "::text";
      case 1: return "fixed::text";
      default: {
        const Kind& other = chance(60) ? named("text") : pick_textual();
        std::string a = value(named("text"), depth);
        std::string b = chance(10) ? "fixed" : value(other, depth);
        return chance(50) ? "(" + a + " || " + b + ")" : "(" + b + " || " + a + ")";
      }
    }
  }

  const Kind& pick_textual() { return named(pick({"int2", "int4", "int8", "numeric", "bool", "uuid", "text"})); }

  std::mt19937_64 random_;
  Reach reach_;
};

class ComputedDifferential : public Differential {
 protected:
  ComputedDifferential() : Differential(make_table()) {
    if (!orders_bytes()) return;
    for (sql::Column& column : table_.columns) column.collation.orders_bytes = true;
  }

  void make_rows(std::uint64_t seed, Reach reach) {
    pg_.must("DROP TABLE IF EXISTS items");
    std::string create = "CREATE TABLE items (id int4 PRIMARY KEY";
    for (const Kind& kind : kinds()) create += fmt::format(", a{0} {0}, b{0} {0}", kind.name);
    pg_.must(create + ", money numeric(10,2), fixed char(4))");
    Generator generator(seed, reach);
    for (int id = 0; id < kRows; ++id) {
      std::string insert = fmt::format("INSERT INTO items VALUES ({}", id);
      for (const Kind& kind : kinds()) insert += ", " + generator.value_of_row(kind) + ", " + generator.value_of_row(kind);
      pg_.must(insert + fmt::format(", {}.{:02}, '{}')", id * id - 100, id, id % 3 == 0 ? "a" : "ab %"));
    }
    read_rows();
  }

  // So many clauses over rows of that reach.
  void compare(Reach reach, std::uint64_t clauses) {
    // Products of products come now and then to lie where the bounds are narrower than Postgres's: not by surprise.
    const std::uint64_t by_default = reach == Reach::kMiddle ? 1 : std::random_device{}();
    std::uint64_t seed = setting("SLUICE_COMPUTED_SEED", by_default);
    SCOPED_TRACE(fmt::format("SLUICE_COMPUTED_SEED={}", seed));
    fmt::print("SLUICE_COMPUTED_SEED={} {} clauses\n", seed, clauses);
    make_rows(seed, reach);
    std::uint64_t compiled = 0;
    for (std::uint64_t i = 0; i < clauses && !HasFailure(); ++i) {
      Generator generator(seed + i * 1'000'003, reach);
      std::string text = generator.condition(1 + static_cast<int>(i % 3));
      compiled += check(Clause{text, text, {}}, reach == Reach::kEnds ? Written::kNotCompared : Written::kMayFail);
    }
    fmt::print("{} of {} clauses compiled, {} evaluations\n", compiled, clauses, compiled * kRows);
    if (!HasFailure()) EXPECT_GT(compiled * 4, clauses) << "the generator no longer makes clauses that compile";
  }

  static std::uint64_t clauses() { return setting("SLUICE_COMPUTED_CLAUSES", 3000); }
};

TEST_F(ComputedDifferential, SelectsTheRowsThatPostgresSelects) {
  compare(Reach::kFixed, clauses() / 2);
}

TEST_F(ComputedDifferential, SelectsTheRowsThatPostgresSelectsAmongIntervals) {
  compare(Reach::kMiddle, clauses() / 3);
}

TEST_F(ComputedDifferential, SelectsAtTheEndsOfTypesWhatItsPrintedFormSelects) {
  compare(Reach::kEnds, clauses() / 6);
}

}  // namespace
}  // namespace sluice

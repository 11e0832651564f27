// Arrays in where clauses against Postgres itself: = ANY, <> ALL, @>, <@ and &&, and comparisons of whole arrays, over
// columns of arrays and constant arrays in every spelling, with nulls, empty arrays, arrays of more dimensions and of other
// bounds.
//
//   SLUICE_ARRAY_CLAUSES   how many clauses (3000)
//   SLUICE_ARRAY_SEED      repeats a run; a failure prints its seed
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "differential.h"
#include "sql/array.h"
#include "sql/print.h"
#include "sql/value.h"

namespace sluice {
namespace {

using test::Clause;
using test::Differential;
using test::setting;

constexpr int kRows = 60;

// A type: a column of it, and two of arrays of it. Few values, so that they meet.
struct Kind {
  std::string name;
  sql::Type type;
  bool varchar;
  std::vector<std::string> values;
};

const std::vector<Kind>& kinds() {
  using sql::Type;
  static const std::vector<Kind> out{
      {"int2", Type::kInt2, false, {"0", "1", "-1", "7"}},
      {"int4", Type::kInt4, false, {"0", "1", "-1", "7", "16777217"}},
      {"int8", Type::kInt8, false, {"0", "1", "-1", "7", "9007199254740993"}},
      {"numeric", Type::kNumeric, false, {"0", "1", "1.0", "0.1", "7", "NaN", "0.10000000149011612"}},
      {"float4", Type::kFloat4, false, {"0", "-0", "0.1", "7", "NaN", "Infinity", "16777216"}},
      {"float8", Type::kFloat8, false, {"0", "0.1", "1", "7", "NaN", "0.10000000149011612"}},
      {"text", Type::kText, false, {"", "a", "A", "a b", "a\"b", "a\\b", "NULL", "null", "{a}", "a,b", "é", " a"}},
      {"varchar", Type::kText, true, {"", "a", "b", "NULL", "a,b"}},
      {"bpchar", Type::kBpchar, false, {"a", "a ", "b", ""}},
      {"bool", Type::kBool, false, {"t", "f"}},
      {"uuid",
       Type::kUuid,
       false,
       {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}",
        "00000000-0000-0000-0000-000000000000"}},
      {"date", Type::kDate, false, {"2024-02-29", "infinity", "0044-03-15 BC"}},
      {"timestamp", Type::kTimestamp, false, {"2024-02-29", "2024-02-29 12:00", "infinity", "0044-03-15 BC"}},
      {"timestamptz", Type::kTimestamptz, false, {"2024-02-29", "2024-02-29 12:00Z", "2024-02-29T14:00+02"}},
      {"interval", Type::kInterval, false, {"P1M", "P30D", "PT720H", "P-1D", "P29DT24H1S"}}};
  return out;
}

std::string scalar_column(const Kind& kind) {
  return "s_" + kind.name;
}
std::string array_column(const Kind& kind) {
  return "a_" + kind.name;
}
std::string other_column(const Kind& kind) {
  return "b_" + kind.name;
}

// Text is ordered by its bytes, so that its order can be asked for.
bool is_text(const Kind& kind) {
  return kind.type == sql::Type::kText || kind.type == sql::Type::kBpchar;
}
std::string collate(const Kind& kind) {
  return is_text(kind) ? " COLLATE \"C\"" : "";
}

sql::Table make_table() {
  sql::Table table{.oid = 1, .schema = "public", .name = "items", .columns = {}};
  auto add = [&](std::string name, sql::Oid type, std::string type_name, int dimensions) {
    sql::Column& column = table.columns.emplace_back();
    column.name = std::move(name);
    column.type = type;
    column.type_name = std::move(type_name);
    column.dimensions = dimensions;
    column.collation = {.casing = sql::Collation::Casing::kAscii, .orders_bytes = true};
  };
  add("id", sql::oid::kInt4, "int4", 0);
  for (const Kind& kind : kinds()) {
    add(scalar_column(kind), kind.varchar ? sql::oid::kVarchar : sql::oid_of(kind.type), kind.name, 0);
    for (const std::string& name : {array_column(kind), other_column(kind)}) {
      add(name, kind.varchar ? sql::oid::kVarcharArray : sql::array_oid_of(kind.type), kind.name, 1);
    }
  }
  return table;
}

// What a generator makes.
struct Style {
  bool flat = false;      // arrays of one dimension only
  bool computed = false;  // arrays are put together
  bool whole = false;     // and compared whole
  bool bounds = true;     // arrays of rows begin at other than 1, some of them
};

class Generator {
 public:
  Generator(std::uint64_t seed, Style style) : style_(style), random_(seed) {}

  std::vector<std::string> params;

  std::string value_of_row(const Kind& kind, bool array) {
    if (chance(12)) return "NULL";
    if (!array) return sql::quoted_literal(pick(kind.values)) + "::" + kind.name;
    std::string list = elements(kind, below(5));
    if (!style_.flat && chance(10)) list = "{" + elements(kind, 2) + "," + elements(kind, 2) + "}";
    if (style_.bounds && chance(5)) list = (chance(50) ? "[0:1]=" : "[2:3]=") + elements(kind, 2);
    return sql::quoted_literal(list) + "::" + kind.name + "[]";
  }

  Clause condition(int depth) {
    Clause out;
    int choice = depth <= 0 ? 9 : below(10);
    if (choice < 3) {
      out.add("(").add(condition(depth - 1)).add(chance(50) ? " AND " : " OR ").add(condition(depth - 1));
      return out.add(")");
    }
    if (choice == 3) return out.add("NOT ").add(condition(depth - 1));
    if (choice == 4) return out.add("(").add(condition(depth - 1)).add(") IS NOT TRUE");
    return leaf();
  }

 private:
  int below(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }
  // -1 in a half of the cases where arrays are compared whole.
  int whole_or(int n) { return style_.whole && chance(50) ? -1 : below(n); }
  bool chance(int percent) { return below(100) < percent; }
  template <typename T>
  const T& pick(const std::vector<T>& from) {
    return from[random_() % from.size()];
  }

  // {…} of so many elements, in spellings that mean the same.
  std::string elements(const Kind& kind, int count) {
    std::string out = "{";
    for (int i = 0; i < count; ++i) {
      if (i > 0) out += ",";
      if (chance(8)) out += " ";
      if (chance(10))
        out += chance(50) ? "NULL" : "null";
      else
        out += sql::quoted_element(pick(kind.values));
      if (chance(8)) out += "\t";
    }
    return out + "}";
  }

  // An array as a client could write it, right or wrong.
  std::string spelled_array(const Kind& kind) {
    static const std::vector<std::string> odd{"",
                                              "{",
                                              "}",
                                              "{}",
                                              "{ }",
                                              "{,}",
                                              "{1,}",
                                              "{a b}",
                                              "{{1}}",
                                              "{}}",
                                              "{\"a}",
                                              "{a\\b}",
                                              "{\"a\"b}",
                                              "{1}x",
                                              " {1,7} ",
                                              "{NULL}",
                                              "{nUlL}",
                                              "{1 , 7}",
                                              "[0:1]={1,7}",
                                              "{a,\"\"}",
                                              "{\"NULL\"}",
                                              "{ a b , c }",
                                              "{1}{2}",
                                              "{{1},{7}}",
                                              "{{1,7}}",
                                              "{{1},7}",
                                              "[0:2]={1,7}",
                                              "[1:2]={1,7}",
                                              "[0:0][3:4]={{1,7}}",
                                              "{{1},{7,1}}"};
    if (chance(12)) return pick(odd);
    if (chance(15)) return "{" + pick(kind.values) + "," + pick(kind.values) + "}";
    return elements(kind, below(4));
  }

  Clause literal(const std::string& text) {
    Clause out;
    std::string quoted = sql::quoted_literal(text);
    if (!chance(30)) return out.add(quoted);
    params.push_back(text);
    out.where = "$" + std::to_string(params.size());
    out.bound = quoted;
    return out;
  }

  // A constant of the type, of one near it, or of another.
  const Kind& related(const Kind& kind) { return chance(70) ? kind : pick(kinds()); }

  Clause constant(const Kind& kind) {
    Clause out;
    if (chance(5)) return out.add("NULL");
    const std::string& value = pick(kind.values);
    bool number = value.find_first_not_of("0123456789.-") == std::string::npos && sql::is_number(kind.type);
    if (number && chance(60)) return out.add(value);
    out = literal(value);
    return chance(40) ? out.add("::" + kind.name) : out;
  }

  Clause array(const Kind& kind) {
    Clause out;
    if (chance(50)) {
      out = literal(!style_.flat && chance(12) ? "{" + elements(kind, 2) + "," + elements(kind, 2) + "}"
                                               : spelled_array(kind));
    } else {
      out.add("ARRAY[");
      for (int i = 0, n = below(4); i < n; ++i) out.add(i > 0 ? ", " : "").add(constant(chance(90) ? kind : related(kind)));
      out.add("]");
    }
    if (chance(50)) out.add("::" + (chance(90) ? kind : related(kind)).name + (chance(90) ? "[]" : "[3]"));
    return out;
  }

  Clause put_together(const Kind& kind, int depth) {
    Clause out;
    if (depth <= 0) return chance(75) ? out.add(column(kind)) : array(kind);
    auto next = [&] { return put_together(kind, below(depth)); };
    switch (below(7)) {
      case 0: return out.add("array_cat(").add(next()).add(", ").add(next()).add(")");
      case 1: return out.add("array_append(").add(next()).add(", ").add(scalar(kind)).add(")");
      case 2: return out.add("array_prepend(").add(scalar(kind)).add(", ").add(next()).add(")");
      case 3: return out.add("(").add(next()).add(" || ").add(scalar(kind)).add(")");
      case 4: return out.add("(").add(scalar(kind)).add(" || ").add(next()).add(")");
      default: return out.add("(").add(next()).add(" || ").add(next()).add(")");
    }
  }

  Clause scalar(const Kind& kind) {
    Clause out;
    return chance(50) ? out.add(scalar_column(kind)) : constant(kind);
  }

  const std::string column(const Kind& kind) { return chance(50) ? array_column(kind) : other_column(kind); }

  // A comparison of `array` with others.
  Clause comparison(const Clause& array, const Kind& kind) {
    static const std::vector<std::string> ops{
        " = ", " <> ", " < ", " <= ", " > ", " >= ", " = ", " < ", " IS DISTINCT FROM ", " IS NOT DISTINCT FROM "};
    auto other = [&] {
      Clause out;
      if (chance(40)) return out.add(column(chance(95) ? kind : related(kind)));
      if (chance(3)) return out.add("NULL");
      return this->array(chance(95) ? kind : related(kind));
    };
    Clause out;
    switch (below(8)) {
      case 0: {
        out.add(array).add(chance(50) ? " IN (" : " NOT IN (");
        for (int i = 0, n = 1 + below(3); i < n; ++i) out.add(i > 0 ? ", " : "").add(other());
        return out.add(")");
      }
      case 1: {
        out.add(array).add(chance(50) ? " BETWEEN " : " NOT BETWEEN ").add(chance(30) ? "SYMMETRIC " : "");
        return out.add(other()).add(" AND ").add(other());
      }
      case 2: return out.add(other()).add(pick(ops)).add(array);
      default: return out.add(array).add(pick(ops)).add(other());
    }
  }

  Clause leaf() {
    const Kind& kind = pick(kinds());
    Clause out;
    static const std::vector<std::string> membership{" = ANY(", " = ANY(",  " = SOME(", " <> ALL(", " <> ANY(",
                                                     " < ANY(", " >= ALL(", " = ALL(",  " ~~ ANY(", " !~~ ALL("};
    static const std::vector<std::string> sets{" @> ", " <@ ", " && "};
    if (style_.computed && chance(70)) {
      Clause whole = put_together(kind, 2);
      switch (whole_or(4)) {
        case -1: return comparison(whole, kind);
        case 0: return out.add("array_ndims(").add(whole).add(chance(50) ? ") = 1" : ") IS NULL");
        case 1: return out.add(scalar(kind)).add(pick(membership)).add(whole).add(")");
        case 2: return out.add(put_together(kind, 1)).add(pick(sets)).add(whole);
        default: {
          Clause other = chance(50) ? array(kind) : Clause{}.add(column(kind));
          return chance(50) ? out.add(whole).add(pick(sets)).add(other) : out.add(other).add(pick(sets)).add(whole);
        }
      }
    }
    switch (below(14)) {
      case 0: return out.add(array_column(kind)).add(chance(50) ? " IS NULL" : " IS NOT NULL");
      case 6:
      case 7:
      case 8:
      case 9:
      case 10: return comparison(Clause{}.add(array_column(kind)), kind);
      case 1:
      case 2: return out.add(scalar(related(kind))).add(pick(membership)).add(array_column(kind)).add(")");
      case 3:
      case 4: return out.add(scalar(related(kind))).add(pick(membership)).add(array(kind)).add(")");
      case 5: return out.add(array(kind)).add(pick(sets)).add(array_column(related(kind)));
      default: return out.add(array_column(related(kind))).add(pick(sets)).add(array(kind));
    }
  }

  Style style_;
  std::mt19937_64 random_;
};

class ArrayDifferential : public Differential {
 protected:
  ArrayDifferential() : Differential(make_table()) {}

  void make_rows(std::uint64_t seed, Style style) {
    pg_.must("DROP TABLE IF EXISTS items");
    std::string create = "CREATE TABLE items (id int4 PRIMARY KEY";
    for (const Kind& kind : kinds()) {
      create += fmt::format(", {0} {3}{4}, {1} {3}[]{4}, {2} {3}[]{4}", scalar_column(kind), array_column(kind),
                            other_column(kind), kind.name, collate(kind));
    }
    pg_.must(create + ")");
    Generator generator(seed, style);
    for (int id = 0; id < kRows; ++id) {
      std::string insert = fmt::format("INSERT INTO items VALUES ({}", id);
      for (const Kind& kind : kinds()) {
        insert += ", " + generator.value_of_row(kind, false) + ", " + generator.value_of_row(kind, true) + ", " +
                  generator.value_of_row(kind, true);
      }
      pg_.must(insert + ")");
    }
    read_rows();
  }

  // So many clauses.
  void compare(std::uint64_t clauses, Style style, Written written = Written::kSelects) {
    std::uint64_t seed = setting("SLUICE_ARRAY_SEED", std::random_device{}());
    SCOPED_TRACE(fmt::format("SLUICE_ARRAY_SEED={}", seed));
    fmt::print("SLUICE_ARRAY_SEED={} {} clauses\n", seed, clauses);
    make_rows(seed, style);
    std::uint64_t compiled = 0;
    for (std::uint64_t i = 0; i < clauses && !HasFailure(); ++i) {
      Generator generator(seed + i * 1'000'003, style);
      Clause clause = generator.condition(static_cast<int>(i % 3));
      clause.params = generator.params;
      compiled += check(clause, written);
    }
    fmt::print("{} of {} clauses compiled, {} evaluations\n", compiled, clauses, compiled * kRows);
    if (!HasFailure()) EXPECT_GT(compiled * 6, clauses) << "the generator no longer makes clauses that compile";
  }

  static std::uint64_t clauses() { return setting("SLUICE_ARRAY_CLAUSES", 3000); }
};

TEST_F(ArrayDifferential, SelectsTheRowsThatPostgresSelects) {
  compare(clauses() / 2, {});
}

TEST_F(ArrayDifferential, SelectsTheRowsThatPostgresSelectsAmongArraysPutTogether) {
  compare(clauses() / 4, {.flat = true, .computed = true});
}

TEST_F(ArrayDifferential, SelectsTheRowsThatPostgresSelectsByComparingArraysPutTogether) {
  compare(clauses() / 6, {.flat = true, .computed = true, .whole = true, .bounds = false});
}

// An array of more dimensions, or of other bounds, makes what it is put together to NULL here: only the printed form is
// compared.
TEST_F(ArrayDifferential, SelectsWhatItsPrintedFormSelectsAmongArraysOfMoreDimensions) {
  compare(clauses() / 6, {.computed = true}, Written::kNotCompared);
}

TEST_F(ArrayDifferential, SelectsWhatItsPrintedFormSelectsByComparingArraysOfOtherBounds) {
  compare(clauses() / 6, {.computed = true, .whole = true}, Written::kNotCompared);
}

}  // namespace
}  // namespace sluice

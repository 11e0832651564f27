// The two evaluators say the same of random clauses over random rows. (tests/ holds both against Postgres.)
#include "sql/reference.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <numeric>
#include <random>

#include "sql/binder.h"
#include "sql/print.h"
#include "sql/test_table.h"

namespace sluice::sql {
namespace {

struct Kind {
  std::string type;
  std::vector<std::string> columns;
  std::vector<std::string> values;  // as Postgres prints them
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> out{
      {"int2", {"i2"}, {"0", "1", "-1", "7", "32767", "-32768"}},
      {"int4", {"i4", "dom"}, {"0", "1", "-1", "7", "2147483647", "-2147483648", "46341"}},
      {"int8", {"i8"}, {"0", "1", "-3", "9223372036854775807", "-9223372036854775808", "3037000500"}},
      {"numeric", {"n"}, {"0", "0.00", "1.50", "-2.5", "NaN", "Infinity", "9999.99", "0.00009", "-12345678901234567890.5"}},
      {"float8", {"f8"}, {"0", "1.5", "-2.5", "NaN", "-Infinity", "1e+300", "5e-324", "1.7976931348623157e+308"}},
      {"float4", {"f4"}, {"0", "0.1", "-2.5", "NaN", "3.4028235e+38", "1e-45"}},
      {"text",
       {"t", "v"},
       {"", "a", "A", "ab", "a%", "_b", "Größe", "\xE2\x84\xAA", "\xC4\xB0x", "a\\b",
        "\xE2\x84\xAA"
        "abc"}},
      {"bool", {"b"}, {"t", "f"}},
      {"uuid", {"u"}, {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "00000000-0000-0000-0000-000000000000"}},
      {"date", {"d"}, {"2024-02-29", "infinity", "1999-12-31", "0044-03-15 BC", "5874897-12-31"}},
      {"timestamp", {"ts"}, {"2024-01-31 10:00:00", "-infinity", "1999-12-31 23:59:59.5", "0044-03-15 01:02:03 BC"}},
      {"timestamptz", {"tz"}, {"2024-02-29 12:00:00+00", "infinity", "294276-12-31 23:59:59+00"}},
      {"interval", {"iv"}, {"P1D", "PT24H", "P1Y2M3DT4H5M6.5S", "P-1M-2DT-0.5S", "P1M-40DT30H", "PT0S"}},
      {"mood", {"e"}, {"ok", "sad", "happy"}},
      {"int4[]", {"arr"}, {"{}", "{1,NULL,7}", "{{1,2},{3,4}}", "[0:1]={7,0}"}},
      {"text[]", {"ta"}, {"{}", "{a,NULL}", "{\"a b\",\"NULL\",A}", "{a,ab}"}}};
  return out;
}

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::string condition(int depth) {
    switch (below(depth > 0 ? 8 : 4)) {
      case 0: return leaf_of_arrays(depth);
      case 1:
        return value("text", depth) + pick({" LIKE ", " ILIKE "}) +
               pick({"'a%'", "'%B'", "'_'", "'%k%'", "'i_'", "'%__'", "'%___b%'"});
      case 4: return "(" + condition(depth - 1) + pick({" AND ", " OR "}) + condition(depth - 1) + ")";
      case 5: return "NOT " + condition(depth - 1);
      case 6: return "(" + condition(depth - 1) + ")" + pick({" IS NOT TRUE", " IS UNKNOWN", " IS FALSE"});
      default: return comparison(scalar_kind(), depth);
    }
  }

  TestRow row(std::vector<std::string>& texts) {
    TestRow out;
    for (const Kind& kind : kinds()) {
      for (const std::string& column : kind.columns) {
        if (below(8) == 0) continue;
        texts.push_back(pick(kind.values));
        out.set(column, texts.back());
      }
    }
    return out;
  }

 private:
  int below(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }
  std::string pick(const std::vector<std::string>& from) { return from[random_() % from.size()]; }
  const std::string& scalar_kind() { return kinds()[random_() % (kinds().size() - 2)].type; }
  static const Kind& named(std::string_view type) {
    return *std::ranges::find_if(kinds(), [&](const Kind& kind) { return kind.type == type; });
  }

  std::string comparison(const std::string& type, int depth) {
    std::string left = value(type, depth);
    if (below(5) == 0) return "(" + left + ") IS NULL";
    if (below(5) == 0) return left + " IN (" + constant(type) + ", " + constant(type) + ")";
    return left + pick({" = ", " <> ", " < ", " >= ", " IS DISTINCT FROM "}) + value(type, depth - 1);
  }

  std::string leaf_of_arrays(int depth) {
    bool texts = below(2) == 0;
    std::string type = texts ? "text" : "int4";
    std::string array = texts ? "ta" : "arr";
    std::string other = pick({array + " || " + array, array + " || " + value(type, 0) + "::" + type, array});
    if (below(3) == 0) return value(type, depth) + pick({" = ANY(", " <> ALL("}) + other + ")";
    if (below(4) == 0) return "array_ndims(" + other + ") = 1";
    if (below(2) == 0) {
      std::string whole = below(2) == 0 ? other : constant(type + "[]");
      // The order of text is not known.
      return array + pick({" = ", " <> ", " IS DISTINCT FROM ", texts ? " = " : " < ", texts ? " <> " : " >= "}) + "(" +
             whole + ")";
    }
    return array + pick({" @> ", " && ", " <@ "}) + "(" + other + ")";
  }

  std::string constant(const std::string& type) { return quoted_literal(pick(named(type).values)) + "::" + type; }

  std::string value(const std::string& type, int depth) {
    const Kind& kind = named(type);
    if (depth <= 0 || below(5) == 0 || type == "mood") return below(3) > 0 ? pick(kind.columns) : constant(type);
    std::string a = value(type, depth - 1);
    std::string b = value(type, depth - 1);
    if (below(5) == 0) return "coalesce(" + a + ", " + b + ")";
    if (below(5) == 0) return "CASE WHEN " + condition(depth - 1) + " THEN " + a + " ELSE " + b + " END";
    if (type.starts_with("int") && type != "interval") {
      return "(" + a + pick({" + ", " - ", " * ", " / ", " % ", " & ", " | ", " # "}) + b + ")::" + type;
    }
    if (type == "numeric") return "(" + a + pick({" + ", " - ", " * ", " / ", " % "}) + b + ")";
    if (type.starts_with("float")) return "(" + a + pick({" + ", " - ", " * ", " / "}) + b + ")";
    if (type == "text") return pick({"(" + a + " || " + b + ")", "lower(t)", "i4::text"});
    if (type == "interval") {
      return pick(
          {"(" + a + " - " + b + ")", "(" + a + " * 1.5)", "(ts - d)", "justify_interval(" + a + ")", "(-" + a + ")"});
    }
    if (type == "timestamp" || type == "timestamptz")
      return "(" + a + pick({" + ", " - "}) + value("interval", depth - 1) + ")";
    if (type == "date") return "(" + a + " + " + value("int4", depth - 1) + ")";
    return a;
  }

  std::mt19937_64 random_;
};

TEST(Reference, SaysWhatTheFastEvaluatorSays) {
  const char* clauses_wanted = std::getenv("SLUICE_REFERENCE_CLAUSES");
  const char* seed_wanted = std::getenv("SLUICE_REFERENCE_SEED");
  std::uint64_t clauses = clauses_wanted != nullptr ? std::strtoull(clauses_wanted, nullptr, 10) : 2000;
  std::uint64_t seed = seed_wanted != nullptr ? std::strtoull(seed_wanted, nullptr, 10) : std::random_device{}();
  SCOPED_TRACE(fmt::format("SLUICE_REFERENCE_SEED={}", seed));
  std::vector<std::size_t> columns(test_table().columns.size());
  std::iota(columns.begin(), columns.end(), std::size_t{0});
  std::uint64_t compiled = 0;
  for (std::uint64_t i = 0; i < clauses && !testing::Test::HasFailure(); ++i) {
    Generator generator(seed + i * 1'000'003);
    std::string where = generator.condition(static_cast<int>(i % 4));
    auto tree = ParseTree::parse(ClauseKind::kWhere, where);
    ASSERT_TRUE(tree) << where << ": " << tree.error().message;
    std::vector<std::string> params;
    auto expression = bind_where(*tree, {test_table(), columns, params});
    if (!expression) continue;
    ++compiled;
    for (int r = 0; r < 20; ++r) {
      std::vector<std::string> texts;
      texts.reserve(64);
      TestRow row = generator.row(texts);
      ASSERT_EQ(reference::disagreement(*expression, row.view(), test_table()), "")
          << where << "\nrow " << testing::PrintToString(texts);
    }
  }
  EXPECT_GT(compiled * 2, clauses) << "the generator no longer makes clauses that compile";
}

}  // namespace
}  // namespace sluice::sql

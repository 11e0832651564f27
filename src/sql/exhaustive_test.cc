// Small inputs, all of them, against the slowest and most obvious definition.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "sql/datetime.h"
#include "sql/decimal.h"
#include "sql/like.h"
#include "sql/test_table.h"
#include "sql/where.h"

namespace sluice::sql {
namespace {

// Every string of at most `length` symbols.
std::vector<std::string> strings(const std::vector<std::string>& alphabet, std::size_t length) {
  std::vector<std::string> out{""};
  for (std::size_t begin = 0, n = 0; n < length; ++n) {
    std::size_t end = out.size();
    for (; begin < end; ++begin) {
      for (const std::string& symbol : alphabet) out.push_back(out[begin] + symbol);
    }
  }
  return out;
}

std::size_t first_character(std::string_view text) {
  std::size_t n = 1;
  while (n < text.size() && (static_cast<unsigned char>(text[n]) & 0xC0) == 0x80) ++n;
  return n;
}

// LIKE by its definition: % is nothing, or one character and % again.
bool like(std::string_view text, std::string_view pattern) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '%') {
    return like(text, pattern.substr(1)) || (!text.empty() && like(text.substr(first_character(text)), pattern));
  }
  if (text.empty()) return false;
  if (pattern[0] == '_') return like(text.substr(first_character(text)), pattern.substr(1));
  if (pattern[0] == '\\') pattern.remove_prefix(1);
  return text[0] == pattern[0] && like(text.substr(1), pattern.substr(1));
}

TEST(LikePattern, AgreesWithItsDefinition) {
  auto texts = strings({"a", "b", "é", "%"}, 4);
  int matched = 0;
  for (const std::string& pattern : strings({"a", "é", "%", "_", "\\%"}, 4)) {
    auto compiled = LikePattern::compile(pattern, false, Collation::Casing::kLibc);
    ASSERT_TRUE(compiled) << pattern;
    for (const std::string& text : texts) {
      ASSERT_EQ(compiled->matches(text), like(text, pattern)) << text << " LIKE " << pattern;
      matched += like(text, pattern);
    }
  }
  EXPECT_GT(matched, 1000);
}

TEST(LikePattern, IgnoresCaseAsLowerDoes) {
  auto lower = [](std::string text) {
    for (auto [from, to] :
         {std::pair("\xE2\x84\xAA", "k"), std::pair("\xC4\xB0", "i"), std::pair("A", "a"), std::pair("K", "k")}) {
      for (std::size_t at; (at = text.find(from)) != std::string::npos;) text.replace(at, std::strlen(from), to);
    }
    return text;
  };
  auto texts = strings({"a", "A", "\xE2\x84\xAA", "\xC4\xB0", "é"}, 3);
  for (const std::string& pattern : strings({"A", "k", "K", "i", "%", "_"}, 3)) {
    auto compiled = LikePattern::compile(pattern, true, Collation::Casing::kLibc);
    ASSERT_TRUE(compiled) << pattern;
    for (const std::string& text : texts) {
      ASSERT_EQ(compiled->matches(text), like(lower(text), lower(pattern))) << text << " ILIKE " << pattern;
    }
  }
}

// Long enough for whole blocks of bytes, and for what is left after them.
TEST(LikePattern, FindsAWordAnywhere) {
  for (std::size_t length = 0; length < 70; ++length) {
    for (std::size_t at = 0; at <= length; ++at) {
      std::string text = std::string(at, 'x') + "xNeedleN" + std::string(length - at, 'n');
      for (bool ignore_case : {false, true}) {
        for (const char* word : {"needlen", "NeedleN", "N", "needles", "xneedle", "eedleNnx", "nn", "xx"}) {
          auto lower = [&](std::string out) {
            for (char& c : out) c = ignore_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
            return out;
          };
          auto pattern = LikePattern::compile("%" + std::string(word) + "%", ignore_case, Collation::Casing::kAscii);
          bool expected = lower(text).find(lower(word)) != std::string::npos;
          ASSERT_EQ(pattern->matches(text), expected) << text << " " << word << ignore_case;
        }
      }
    }
  }
}

TEST(Decimal, OrdersLikeIntegersOfHundredths) {
  struct Spelling {
    int hundredths;
    std::string text;
  };
  std::vector<Spelling> spellings{{0, "-0.00"}, {0, "0"}, {0, "000.0"}};
  for (int n = -125; n <= 125; ++n) {
    std::string digits = std::to_string(std::abs(n) + 100);
    std::string whole = std::to_string(std::abs(n) / 100);
    std::string sign = n < 0 ? "-" : "";
    spellings.push_back({n, sign + whole + "." + digits.substr(digits.size() - 2)});
    spellings.push_back({n, sign + "0" + whole + "." + digits.substr(digits.size() - 2) + "0"});
  }
  for (const Spelling& a : spellings) {
    for (const Spelling& b : spellings) {
      int expected = a.hundredths < b.hundredths ? -1 : a.hundredths > b.hundredths;
      int found = compare(*read_decimal(a.text), *read_decimal(b.text));
      ASSERT_EQ(found < 0 ? -1 : found > 0, expected) << a.text << " and " << b.text;
    }
    ASSERT_EQ(compare(*read_decimal(*canonical_decimal(" " + a.text + "e-3\t")),
                      *read_decimal(*canonical_decimal(a.text + "E-03"))),
              0);
  }
}

TEST(Decimal, MovesThePointByTheExponent) {
  EXPECT_EQ(canonical_decimal("1.25e1"), "12.5");
  EXPECT_EQ(canonical_decimal("1.25e+4"), "12500");
  EXPECT_EQ(canonical_decimal("125e-5"), "0.00125");
  EXPECT_EQ(canonical_decimal(".5"), "0.5");
  EXPECT_EQ(canonical_decimal("5."), "5");
  EXPECT_EQ(canonical_decimal("-0e10"), "0");
  EXPECT_EQ(canonical_decimal("+inf"), "Infinity");
  for (std::string_view bad : {"", ".", "e1", "1e", "1e+-2", "1 2", "--1", "+-1", "0x1", "1e5000", "1,5", "nanx", "-nan"}) {
    EXPECT_FALSE(canonical_decimal(bad)) << bad;
  }
}

TEST(Datetime, ReadsEveryDayItPrints) {
  std::int64_t expected = *read_date("4714-11-24 BC");
  for (std::int64_t day = expected; day < *read_date("0500-01-01"); day += 37) {
    ASSERT_EQ(read_date(print_date(day)), day) << print_date(day);
  }
  for (std::int64_t day = *read_date("1890-01-01"); day < *read_date("2110-01-01"); ++day) {
    ASSERT_EQ(read_date(print_date(day)), day);
    std::int64_t moment = timestamp_of_date(day) + 86'399'999'990 - (day % 7) * 1'000'001;
    ASSERT_EQ(read_timestamp(print_timestamp(moment)), moment);
    ASSERT_EQ(read_timestamptz(print_timestamptz(moment)), moment);
  }
  EXPECT_EQ(*read_date("2000-01-01"), 0);
  EXPECT_EQ(*read_date("0001-01-01") - *read_date("0001-12-31 BC"), 1);
  EXPECT_EQ(timestamp_of_date(*read_date("5874897-12-31")), kInfinityLate - 1);
  EXPECT_EQ(print_date(*read_date("5874897-12-31")), "5874897-12-31");
}

TEST(Datetime, RefusesWhatPostgresReadsByItsSettings) {
  for (std::string_view bad : {"",
                               "today",
                               "now",
                               "epoch",
                               "1/2/2020",
                               "2020-1-2",
                               "2020-13-01",
                               "2020-00-10",
                               "2020-01-00",
                               "0000-01-01",
                               "20200101",
                               "2020-01-01 24:00",
                               "2020-01-01 12:60",
                               "2020-01-01 12:00:60",
                               "2020-01-01 12:00 PST",
                               "2020-01-01 12:00+16",
                               "2020-01-01 12:00:00.1234567",
                               "99999-01-01 BCE",
                               "4714-11-23 BC",
                               "294277-01-01",
                               "2020-01-01T",
                               "2020-01-01 12:00+02x"}) {
    EXPECT_FALSE(read_timestamptz(bad)) << bad;
  }
  EXPECT_FALSE(read_date("5874898-01-01"));
  EXPECT_FALSE(read_time("24:00:01"));
  EXPECT_FALSE(read_time("25:00"));
}

// Kleene's logic over {false, true, null} as -1, 1, 0: NOT negates, AND is the least, OR the greatest.
TEST(WhereClause, HasKleenesTruthTables) {
  const std::pair<int, std::optional<std::string_view>> values[] = {{-1, "f"}, {1, "t"}, {0, std::nullopt}};
  struct Case {
    std::string sql;
    std::function<int(int, int)> truth;
  };
  auto yes = [](bool holds) { return holds ? 1 : -1; };
  // i4 = 1 plays the second boolean, so that conditions are combined and not columns only.
  std::vector<Case> cases{
      {"b AND i4 = 1", [](int a, int b) { return std::min(a, b); }},
      {"b OR i4 = 1", [](int a, int b) { return std::max(a, b); }},
      {"NOT b AND NOT i4 = 1", [](int a, int b) { return std::min(-a, -b); }},
      {"b = (i4 = 1)", [](int a, int b) { return a * b; }},
      {"b <> (i4 = 1)", [](int a, int b) { return -a * b; }},
      {"b IS DISTINCT FROM (i4 = 1)", [=](int a, int b) { return yes(a != b); }},
      {"b IS NOT DISTINCT FROM (i4 = 1)", [=](int a, int b) { return yes(a == b); }},
      {"(b OR i4 = 1) IS UNKNOWN", [=](int a, int b) { return yes(std::max(a, b) == 0); }},
      {"(b AND i4 = 1) IS NOT FALSE", [=](int a, int b) { return yes(std::min(a, b) != -1); }},
      {"(b AND i4 = 1) IS TRUE", [=](int a, int b) { return yes(std::min(a, b) == 1); }},
      {"(b AND i4 = 1) IS NULL", [=](int a, int b) { return yes(std::min(a, b) == 0); }},
      {"b IN (i4 = 1, true)", [=](int a, int b) { return std::max(a * b, a); }},
      {"b NOT IN (i4 = 1, NULL)", [=](int a, int b) { return -std::max(a * b, 0); }},
  };
  for (const Case& c : cases) {
    for (std::string_view wrap : {"", "NOT ", "NOT NOT "}) {
      auto where = WhereClause::compile(std::string(wrap) + "(" + c.sql + ")", {}, test_table());
      ASSERT_TRUE(where) << c.sql << ": " << where.error().message;
      for (auto [a, first] : values) {
        for (auto [b, second] : values) {
          std::optional<std::string_view> number;
          if (second) number = b == 1 ? "1" : "2";
          int expected = c.truth(a, b) * (wrap == "NOT " ? -1 : 1);
          EXPECT_EQ(where->matches(TestRow({{"b", first}, {"i4", number}}).view()), expected == 1)
              << wrap << c.sql << a << b;
        }
      }
    }
  }
}

}  // namespace
}  // namespace sluice::sql

#include "sql/order_by.h"

#include <gtest/gtest.h>

#include "sql/test_table.h"

namespace sluice::sql {
namespace {

std::string order_by(std::string_view text, std::initializer_list<std::string_view> names = {"i4", "i8", "t"}) {
  std::vector<std::size_t> columns;
  for (std::string_view name : names) columns.push_back(*test_table().find(name));
  auto out = compile_order_by(text, test_table(), columns);
  return out ? *out : "error: " + out.error().message;
}

TEST(OrderBy, PrintsOneForm) {
  EXPECT_EQ(order_by("i4"), R"("i4" ASC)");
  EXPECT_EQ(order_by("I4 desc,items.t  asc nulls first , \"i8\" DESC NULLS LAST"),
            R"("i4" DESC, "t" ASC NULLS FIRST, "i8" DESC NULLS LAST)");
}

TEST(OrderBy, TakesNamesOfPermittedColumnsOnly) {
  EXPECT_EQ(order_by("t", {"i4"}), "error: At location 0: unknown reference t");
  EXPECT_EQ(order_by("nope"), "error: At location 0: unknown reference nope");
  for (std::string_view text : {"$1",
                                "1",
                                "i4 + 1",
                                "random()",
                                "(SELECT 1)",
                                "t COLLATE \"C\"",
                                "i4 USING <",
                                "'i4'",
                                "NULL",
                                "-i4",
                                "i4, $1",
                                "i4::text",
                                "",
                                "i4,",
                                "i4; DROP TABLE x",
                                "i4 LIMIT 1",
                                "i4 OFFSET 1",
                                "i4 FOR UPDATE",
                                "i4 FETCH FIRST ROW ONLY",
                                "items.*",
                                "*",
                                "i4) --"}) {
    EXPECT_TRUE(order_by(text).starts_with("error: ")) << text << " gave " << order_by(text);
  }
}

TEST(OrderBy, LimitsTheNumberOfKeys) {
  std::string many = "i4";
  for (std::size_t i = 0; i < kOrderByKeysMax; ++i) many += ", i4";
  EXPECT_TRUE(order_by(many).ends_with("too many columns"));
}

}  // namespace
}  // namespace sluice::sql

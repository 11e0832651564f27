#include "shape/identifier.h"

#include <gtest/gtest.h>

namespace sluice::shape {
namespace {

TableName table(std::string_view text) {
  auto name = TableName::parse(text);
  EXPECT_TRUE(name) << text;
  return name.value_or(TableName{});
}

TEST(TableName, FoldsAndQualifies) {
  const TableName items{"public", "items"};
  for (const char* text :
       {"items", "ITEMS", "public.items", "Public.Items", "\"items\"", "\"public\".\"items\"", " public . items "})
    EXPECT_EQ(table(text), items) << text;
  EXPECT_EQ(items.print(), "\"public\".\"items\"");
}

TEST(TableName, QuotesKeepCaseDotsAndQuotes) {
  EXPECT_EQ(table("\"Items\""), (TableName{"public", "Items"}));
  EXPECT_EQ(table("a.\"b.c\""), (TableName{"a", "b.c"}));
  EXPECT_EQ(table("\"a\"\"b\""), (TableName{"public", "a\"b"}));
  EXPECT_EQ(table("\"a\"\"b\"").print(), "\"public\".\"a\"\"b\"");
  EXPECT_EQ(table("größe"), (TableName{"public", "größe"}));
  EXPECT_EQ(table("GRÖSSE"), (TableName{"public", "grÖsse"}));  // only ASCII is folded, as Postgres does in UTF-8
}

TEST(TableName, RejectsWhatIsNoName) {
  const auto error = [](std::string_view text) {
    const auto name = TableName::parse(text);
    EXPECT_FALSE(name) << text;
    return name ? IdentifierError::kTooMany : name.error();
  };
  EXPECT_EQ(error(""), IdentifierError::kEmpty);
  EXPECT_EQ(error("a."), IdentifierError::kEmpty);
  EXPECT_EQ(error(".a"), IdentifierError::kEmpty);
  EXPECT_EQ(error("\"\""), IdentifierError::kEmpty);
  EXPECT_EQ(error("\"a"), IdentifierError::kUnterminatedQuote);
  EXPECT_EQ(error("a.b.c"), IdentifierError::kTooManyParts);
  EXPECT_EQ(error("a b"), IdentifierError::kBadCharacter);
  EXPECT_EQ(error("1a"), IdentifierError::kBadCharacter);
  EXPECT_EQ(error("a;drop"), IdentifierError::kBadCharacter);
  EXPECT_EQ(error("a\"b\""), IdentifierError::kBadCharacter);
  EXPECT_EQ(error(std::string_view("a\0b", 3)), IdentifierError::kBadCharacter);
  EXPECT_EQ(error(std::string_view("\"a\0b\"", 5)), IdentifierError::kBadCharacter);
  EXPECT_EQ(error("\"\xff\""), IdentifierError::kBadCharacter);
  EXPECT_EQ(error(std::string(64, 'a')), IdentifierError::kTooLong);
  EXPECT_EQ(table(std::string(63, 'a')).name.size(), 63u);
}

TEST(Columns, AreASortedSet) {
  const auto columns = parse_columns("title, \"Id\" ,ID");
  ASSERT_TRUE(columns);
  EXPECT_EQ(*columns, (std::vector<std::string>{"Id", "id", "title"}));
  EXPECT_EQ(parse_columns("\"id\",\"title\""), parse_columns("title,id"));
  EXPECT_EQ(print_columns(*columns), "\"Id\",\"id\",\"title\"");
  EXPECT_EQ(parse_columns(print_columns(*columns)), columns);
}

TEST(Columns, RejectsEmptyRepeatedAndQualified) {
  EXPECT_EQ(parse_columns("").error(), IdentifierError::kEmpty);
  EXPECT_EQ(parse_columns("a,").error(), IdentifierError::kEmpty);
  EXPECT_EQ(parse_columns("a,,b").error(), IdentifierError::kEmpty);
  EXPECT_EQ(parse_columns("a,\"a\"").error(), IdentifierError::kDuplicate);
  EXPECT_EQ(parse_columns("a.b").error(), IdentifierError::kTooManyParts);
  EXPECT_EQ(parse_columns("*").error(), IdentifierError::kBadCharacter);
  std::string many = "c0";
  for (std::size_t i = 1; i <= kColumnsMax; ++i) many += ",c" + std::to_string(i);
  EXPECT_EQ(parse_columns(many).error(), IdentifierError::kTooMany);
}

}  // namespace
}  // namespace sluice::shape

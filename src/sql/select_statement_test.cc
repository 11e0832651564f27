#include "sql/select_statement.h"

#include <gtest/gtest.h>

namespace sluice::sql {
namespace {

std::string refused(std::string_view text) {
  const auto statement = SelectStatement::parse(text);
  return statement ? "" : statement.error().message;
}

TEST(SelectStatement, CountsItsParameters) {
  EXPECT_EQ(SelectStatement::parse("SELECT true")->param_max(), 0u);
  EXPECT_EQ(SelectStatement::parse("SELECT EXISTS (SELECT FROM t WHERE a = $1 AND b = $2::int8 OR c = $1)")->param_max(),
            2u);
  EXPECT_EQ(SelectStatement::parse("WITH m AS (SELECT $1::text AS u) SELECT u = '$2' FROM m;")->param_max(), 1u);
}

TEST(SelectStatement, RefusesGapsInParameters) {
  EXPECT_NE(refused("SELECT $2 = 1").find("without a gap"), std::string::npos);
  EXPECT_NE(refused("SELECT $1 = $3").find("without a gap"), std::string::npos);
  EXPECT_NE(refused("SELECT $0 = 1"), "");
}

TEST(SelectStatement, RefusesWhatIsNotOneSelect) {
  EXPECT_EQ(refused("SELECT true; SELECT false"), "At location 0: not one SELECT");
  EXPECT_EQ(refused("DELETE FROM t RETURNING true"), "At location 0: not one SELECT");
  EXPECT_EQ(refused("SELECT true INTO t"), "At location 0: not one SELECT");
  EXPECT_EQ(refused(""), "At location 0: not one SELECT");
  EXPECT_EQ(refused("-- nothing"), "At location 0: not one SELECT");
}

TEST(SelectStatement, SaysWhereTheSyntaxIsWrong) {
  EXPECT_EQ(refused("SELECT tru e FROM FROM"), "At location 19: syntax error at or near \"FROM\"");
  EXPECT_NE(refused(std::string_view("SELECT\0true", 11)), "");
  EXPECT_NE(refused("SELECT '\xff'"), "");
  EXPECT_NE(refused("SELECT '" + std::string(20'000, 'x') + "'"), "");
  std::string deep = "SELECT ";
  for (int i = 0; i < 1000; ++i) deep += "f(";
  EXPECT_EQ(refused(deep + "true" + std::string(1000, ')')), "At location 0: nested too deeply");
}

}  // namespace
}  // namespace sluice::sql

#include "shape/definition.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace sluice::shape {
namespace {

Definition make(const DefinitionText& text) {
  auto made = Definition::make(text);
  if (!made) throw std::runtime_error(made.error().parameter + " " + made.error().message);
  return std::move(*made);
}

DefinitionError error_of(const DefinitionText& text) {
  const auto made = Definition::make(text);
  EXPECT_FALSE(made);
  return made ? DefinitionError{} : made.error();
}

TEST(Definition, SpellingsOfOneShapeAreEqual) {
  const auto a = make({.table = "items", .where = "org_id=$1", .params = {{1, "7"}}, .columns = "title,id"});
  const auto b = make({.table = "\"public\".\"items\"",
                       .where = "\"org_id\" = $1",
                       .params = {{1, "7"}},
                       .columns = "\"id\", \"title\"",
                       .replica = "default",
                       .log = "full"});
  EXPECT_EQ(a, b);
  EXPECT_EQ(a.canonical_text(), b.canonical_text());
}

TEST(Definition, E6_EveryFieldDistinguishes) {
  const DefinitionText base = {.table = "items", .where = "a = $1", .params = {{1, "7"}}, .columns = "id"};
  std::vector<DefinitionText> others(8, base);
  others[0].table = "\"Items\"";
  others[1].where = "b = $1";
  others[2].params = {{1, "8"}};
  others[3].columns = "id,title";
  others[4].columns.reset();
  others[5].replica = "full";
  others[6].queryable_columns = "id";
  others[7].log = "changes_only";
  for (const DefinitionText& other : others) {
    EXPECT_NE(make(base), make(other));
    EXPECT_NE(make(base).canonical_text(), make(other).canonical_text());
  }
}

TEST(Definition, ErrorsNameTheParameter) {
  EXPECT_EQ(error_of({.table = ""}).parameter, "table");
  EXPECT_EQ(error_of({.table = ""}).message, "can't be blank");
  EXPECT_EQ(error_of({.table = "a b"}).parameter, "table");
  EXPECT_EQ(error_of({.table = "t", .where = ""}).parameter, "where");
  EXPECT_EQ(error_of({.table = "t", .columns = ""}).parameter, "columns");
  EXPECT_EQ(error_of({.table = "t", .queryable_columns = "a,a"}).parameter, "queryable_columns");
  EXPECT_EQ(error_of({.table = "t", .replica = "nope"}).parameter, "replica");
  EXPECT_EQ(error_of({.table = "t", .replica = ""}).message, "is invalid");
  EXPECT_EQ(error_of({.table = "t", .log = "FULL"}).parameter, "log");
}

TEST(Definition, ParamsAreExactlyTheOnesUsed) {
  EXPECT_EQ(error_of({.table = "t", .where = "org = $1"}).message, "At location 6: parameter $1 was not provided");
  EXPECT_EQ(error_of({.table = "t", .where = "org = $1"}).parameter, "where");
  EXPECT_EQ(error_of({.table = "t", .where = "a = $2", .params = {{1, "x"}}}).parameter, "where");
  EXPECT_EQ(error_of({.table = "t", .where = "a = $1", .params = {{1, "x"}, {2, "y"}}}).parameter, "params[2]");
  EXPECT_EQ(error_of({.table = "t", .where = "a = $1 AND b = $3", .params = {{1, "x"}, {3, "y"}}}).parameter, "params");
  EXPECT_EQ(error_of({.table = "t", .where = "a = $0", .params = {{0, "x"}}}).parameter, "params");
  EXPECT_EQ(error_of({.table = "t", .params = {{1, "x"}}}).parameter, "params");
  EXPECT_EQ(error_of({.table = "t", .where = "a = $1", .params = {{1, std::string("\0", 1)}}}).parameter, "params[1]");
  EXPECT_EQ(error_of({.table = "t", .where = "a = $1", .params = {{1, "\xc0"}}}).parameter, "params[1]");
  EXPECT_EQ(make({.table = "t", .where = "a = $1", .params = {{1, ""}}}).params(), std::vector<std::string>{""});
}

TEST(Definition, ParamTextIsNeverPartOfTheClause) {
  const auto injected = make({.table = "t", .where = "a = $1", .params = {{1, "') OR ('1'='1"}}});
  EXPECT_EQ(*injected.where(), "a = $1");
  EXPECT_EQ(injected.params(), std::vector<std::string>{"') OR ('1'='1"});
}

TEST(Definition, VariantsChangeOneThing) {
  const auto base = make({.table = "t"});
  EXPECT_EQ(base.with_log(LogMode::kChangesOnly).log(), LogMode::kChangesOnly);
  EXPECT_EQ(base.with_log(LogMode::kChangesOnly).with_log(LogMode::kFull), base);
  EXPECT_EQ(base.with_columns(std::vector<std::string>{"a", "b"}, Replica::kFull),
            make({.table = "t", .columns = "a,b", .replica = "full"}));
  EXPECT_EQ(*base.with_queryable_columns({"b", "a", "b"}).queryable_columns(), (std::vector<std::string>{"a", "b"}));
}

TEST(Definition, OtherParamsAreCheckedAsTheFirstWere) {
  const Definition base = make({.table = "t", .where = "a = $1", .params = {{1, "x"}}});
  EXPECT_EQ(base.with_params({"y"})->params(), std::vector<std::string>{"y"});
  EXPECT_EQ(base.with_params({"y"})->where(), base.where());
  EXPECT_FALSE(base.with_params({}).has_value());
  EXPECT_FALSE(base.with_params({"y", "z"}).has_value());
  EXPECT_FALSE(base.with_params({std::string(kParamBytesMax + 1, 'y')}).has_value());
  EXPECT_FALSE(base.with_params({std::string(1, '\0')}).has_value());
  EXPECT_FALSE(base.with_params({"\xFF"}).has_value());
}

// Two definitions differ exactly when their texts do, whatever is in them. Few characters, so that equal and nearly equal
// texts come up.
RC_GTEST_PROP(Definition, CanonicalTextIsInjective, ()) {
  const auto text = rc::gen::container<std::string>(rc::gen::element('a', '"', '\\', ',', '[', ']', ' ', '\n'));
  const auto build = [&] {
    const std::string column = "x" + *rc::gen::resize(3, text);
    return Definition::make({.table = "t",
                             .where = "a = $1",
                             .params = {{1, *rc::gen::resize(3, text)}},
                             .columns = quote_identifier(column) + ",\"z\""});
  };
  const auto one = build();
  const auto two = build();
  RC_ASSERT(one.has_value() && two.has_value());
  RC_ASSERT((*one == *two) == (one->canonical_text() == two->canonical_text()));
  RC_ASSERT(one->canonical_text().find('\n') == std::string::npos);
}

}  // namespace
}  // namespace sluice::shape

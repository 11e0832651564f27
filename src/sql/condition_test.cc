#include "sql/condition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace sluice::sql {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string spelled(const std::vector<Condition::Name>& names) {
  static const std::map<Oid, std::string> types{
      {oid::kBool, "bool"},     {oid::kInt8, "int8"}, {oid::kNumeric, "numeric"},
      {oid::kFloat8, "float8"}, {oid::kText, "text"}, {oid::kUuid, "uuid"},
      {oid::kInt4, "int4"},     {oid::kDate, "date"}, {oid::kTimestamptz, "timestamptz"}};
  std::string out;
  for (const Condition::Name& name : names) {
    if (!out.empty()) out += ", ";
    for (std::size_t i = 0; i < name.path.size(); ++i) out += (i > 0 ? "/" : "") + name.path[i];
    auto type = types.find(name.type);
    out += ": " + (type == types.end() ? std::to_string(name.type) : type->second) + (name.list ? "[]" : "");
  }
  return out;
}

std::string names_of(std::string_view text) {
  auto condition = Condition::compile(text);
  return condition ? spelled(condition->names()) : "error: " + condition.error().message;
}

std::string error_of(std::string_view text) {
  auto condition = Condition::compile(text);
  return condition ? "no error: " + spelled(condition->names()) : condition.error().message;
}

using Values = std::vector<std::optional<std::string_view>>;

bool holds(std::string_view text, const Values& values) {
  auto condition = Condition::compile(text);
  if (!condition) {
    ADD_FAILURE() << text << ": " << condition.error().message;
    return false;
  }
  EXPECT_EQ(condition->names().size(), values.size()) << text;
  return condition->holds(values);
}

TEST(Condition, GivesNamesTheTypeOfTheirUse) {
  EXPECT_EQ(names_of("role = 'admin' AND 7 = ANY(org_ids)"), "role: text, org_ids: int8[]");
  EXPECT_EQ(names_of("score > 0.5"), "score: numeric");
  EXPECT_EQ(names_of("7 <= level"), "level: int8");
  EXPECT_EQ(names_of("level > 3000000000"), "level: int8");
  EXPECT_EQ(names_of("level > -3"), "level: int8");
  EXPECT_EQ(names_of("email_verified"), "email_verified: bool");
  EXPECT_EQ(names_of("NOT banned AND x"), "banned: bool, x: bool");
  EXPECT_EQ(names_of("banned IS NOT TRUE"), "banned: bool");
  EXPECT_EQ(names_of("active = true"), "active: bool");
  EXPECT_EQ(names_of("a = b"), "a: text, b: text");
  EXPECT_EQ(names_of("a IS NULL"), "a: text");
  EXPECT_EQ(names_of("id = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid"), "id: uuid");
  EXPECT_EQ(names_of("expires::timestamptz > '2024-01-01'"), "expires: timestamptz");
  EXPECT_EQ(names_of("x::int4 = 7"), "x: int4");
  EXPECT_EQ(names_of("email LIKE '%@example.com'"), "email: text");
  EXPECT_EQ(names_of("level IN (1, 2)"), "level: int8");
  EXPECT_EQ(names_of("level BETWEEN 1 AND 2.5"), "level: numeric");
  EXPECT_EQ(names_of("role IN ('a', 'b')"), "role: text");
  EXPECT_EQ(names_of("level = ANY(ARRAY[1, 2])"), "level: int8");
  EXPECT_EQ(names_of("level = ANY('{1,2}'::int8[])"), "level: int8");
  EXPECT_EQ(names_of("'a' = ANY(tags) AND tags && ARRAY['b']"), "tags: text[]");
  EXPECT_EQ(names_of("orgs @> ARRAY[7]"), "orgs: int8[]");
  EXPECT_EQ(names_of("orgs::int8[] @> '{7}'"), "orgs: int8[]");
  EXPECT_EQ(names_of("tags::text[] IS NOT NULL"), "tags: text[]");
}

TEST(Condition, PassesTypesFromNameToName) {
  EXPECT_EQ(names_of("a = b AND b = 7"), "a: int8, b: int8");
  EXPECT_EQ(names_of("b = 7 AND a = b"), "b: int8, a: int8");
  EXPECT_EQ(names_of("org_id = ANY(org_ids) AND org_id > 0"), "org_id: int8, org_ids: int8[]");
  EXPECT_EQ(names_of("a = b AND c = d AND b = c AND d = 0.5"), "a: numeric, b: numeric, c: numeric, d: numeric");
  EXPECT_EQ(names_of("a::uuid = b"), "a: uuid, b: uuid");
}

TEST(Condition, WidensNumbers) {
  EXPECT_EQ(names_of("score > 0.5 AND score < 10"), "score: numeric");
  EXPECT_EQ(names_of("score < 10 AND score > 0.5"), "score: numeric");
  EXPECT_EQ(names_of("level::int8 > 0.5 AND level < 10"), "level: int8");
  EXPECT_TRUE(holds("score > 0.5 AND score < 10", {"0.75"}));
  EXPECT_TRUE(holds("7 = ANY(orgs) AND orgs @> ARRAY[1] AND orgs <@ ARRAY[1, 7, 8]", {"{7,1}"}));
}

TEST(Condition, RefusesANameOfTwoTypes) {
  EXPECT_THAT(error_of("role = 'admin' OR role = 7"), HasSubstr("role is used as text and as int8"));
  EXPECT_THAT(error_of("role AND role = 'x'"), HasSubstr("role is used as bool and as text"));
  EXPECT_THAT(error_of("org.id = 7 AND org.id LIKE 'a%'"), HasSubstr("org.id is used as int8 and as text"));
  EXPECT_THAT(error_of("x::int8 = 7 AND x::int4 = 7"), HasSubstr("x is used as int8 and as int4"));
  EXPECT_THAT(error_of("a = 7 AND b = 'x' AND a = b"), AllOf(HasSubstr("int8"), HasSubstr("text")));
  EXPECT_THAT(error_of("7 = ANY(org) AND org = 7"), HasSubstr("org is used as a list and as a single value"));
  EXPECT_THAT(error_of("7 = ANY(orgs) AND 'a' = ANY(orgs)"), HasSubstr("orgs is used as int8 and as text"));
}

TEST(Condition, ReadsPaths) {
  EXPECT_EQ(names_of("org.plan = 'pro' AND a.b.c.d = 7"), "org/plan: text, a/b/c/d: int8");
  EXPECT_EQ(names_of("\"https://example.com/roles\" @> '{admin}'"), "https://example.com/roles: text[]");
  EXPECT_EQ(names_of("Role = 'a' AND \"Role\" = 'b'"), "role: text, Role: text");
  EXPECT_EQ(names_of("a.b = 'x' AND \"a.b\" = 'y' AND a.b = 'z'"), "a/b: text, a.b: text");
  EXPECT_TRUE(holds("org.plan = 'pro' AND plan = 'free'", {"pro", "free"}));
  EXPECT_THAT(error_of("a.* IS NULL"), HasSubstr("names only"));
  EXPECT_THAT(error_of("a.b.c.d.e.f.g.h.i = 7"), HasSubstr("too many steps"));
}

// The scanner would cut it, and another claim, or none, would be asked.
TEST(Condition, RefusesANameThatPostgresWouldCut) {
  EXPECT_EQ(names_of(std::string(59, 'a') + " = 7"), std::string(59, 'a') + ": int8");
  EXPECT_THAT(error_of(std::string(60, 'a') + " IS NULL"), HasSubstr("longer than 59 bytes"));
  EXPECT_THAT(error_of(std::string(80, 'a') + " IS NULL"), HasSubstr("longer than 59 bytes"));
  EXPECT_THAT(error_of("\"" + std::string(61, 'a') + "é\" IS NULL"), HasSubstr("longer than 59 bytes"));
}

TEST(Condition, HoldsOnlyWhereItIsTrue) {
  EXPECT_TRUE(holds("role = 'admin'", {"admin"}));
  EXPECT_FALSE(holds("role = 'admin'", {"user"}));
  for (std::string_view text : {"role = 'admin'",
                                "role <> 'admin'",
                                "NOT role = 'admin'",
                                "NOT role <> 'admin'",
                                "role IN ('a')",
                                "role NOT IN ('a')",
                                "role LIKE '%'",
                                "role NOT LIKE 'a'",
                                "role < 'b'",
                                "role >= ''",
                                "role BETWEEN '' AND 'z'",
                                "role = ANY('{a}')",
                                "role <> ALL('{a}')",
                                "NOT (role = 'a' AND true)",
                                "role = 'a' OR false",
                                "level::int8 = level",
                                "'a' = ANY(tags)",
                                "'a' <> ALL(tags)",
                                "NOT 'a' = ANY(tags)",
                                "tags @> '{}'",
                                "NOT tags @> '{a}'",
                                "tags && '{a}'",
                                "tags <@ '{a}'",
                                "active",
                                "NOT active",
                                "active = true",
                                "active <> true"}) {
    EXPECT_FALSE(holds(text, {std::nullopt})) << text;
  }
  EXPECT_TRUE(holds("role IS NULL", {std::nullopt}));
  EXPECT_TRUE(holds("role = 'admin' IS NOT TRUE", {std::nullopt}));
  EXPECT_TRUE(holds("role = 'a' OR level = 7", {std::nullopt, "7"}));
  EXPECT_FALSE(holds("role = 'a' AND level = 7", {std::nullopt, "7"}));
}

TEST(Condition, FindsMembersOfLists) {
  EXPECT_TRUE(holds("7 = ANY(org_ids)", {"{1,7}"}));
  EXPECT_FALSE(holds("7 = ANY(org_ids)", {"{1,77}"}));
  EXPECT_FALSE(holds("7 = ANY(org_ids)", {"{}"}));
  EXPECT_TRUE(holds("7 <> ALL(org_ids)", {"{}"}));
  EXPECT_TRUE(holds("'a b' = ANY(tags)", {R"({"a b",c})"}));
  EXPECT_TRUE(holds("tags @> '{a,b}'", {"{c,b,a}"}));
  EXPECT_FALSE(holds("tags @> '{a,b}'", {"{c,b}"}));
  EXPECT_FALSE(holds("'admin' = ANY(tags)", {R"({"admin)"}));
}

TEST(Condition, OrdersTextByItsBytes) {
  EXPECT_TRUE(holds("name < 'a'", {"Z"}));
  EXPECT_TRUE(holds("name > 'z'", {"é"}));
}

TEST(Condition, RefusesWhatWhereClausesRefuse) {
  EXPECT_THAT(error_of("role = $1"), HasSubstr("parameter $1 was not provided"));
  EXPECT_THAT(error_of("role = (SELECT 1)"), HasSubstr("subqueries are not supported"));
  EXPECT_THAT(error_of("lower(role) = 'a'"), HasSubstr("unknown or unsupported function lower/1"));
  EXPECT_THAT(error_of("level + 1 = 2"), HasSubstr("unknown or unsupported operator +"));
  EXPECT_THAT(error_of("user = 'a'"), HasSubstr("unsupported expression SQLValueFunction"));
  EXPECT_THAT(error_of("a[1] = 7"), HasSubstr("unsupported expression A_Indirection"));
  EXPECT_THAT(error_of("x::nothing = 7"), HasSubstr("unknown or unsupported type nothing"));
  EXPECT_THAT(error_of("7"), HasSubstr("must return a boolean"));
  EXPECT_THAT(error_of("true; DROP TABLE x"), HasSubstr("syntax error"));
  EXPECT_THAT(error_of(""), HasSubstr("syntax error"));
  EXPECT_THAT(error_of("x::date = 'tomorrow'"), HasSubstr("invalid syntax for type date"));
  std::string nots;
  for (int i = 0; i < 4000; ++i) nots += "NOT ";
  EXPECT_THAT(error_of(nots + "b"), HasSubstr("nested too deeply"));
}

TEST(Condition, NeedsNoNames) {
  EXPECT_TRUE(holds("true", {}));
  EXPECT_FALSE(holds("1 = 2", {}));
  EXPECT_FALSE(holds("NULL", {}));
}

}  // namespace
}  // namespace sluice::sql

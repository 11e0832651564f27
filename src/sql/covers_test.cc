#include "sql/covers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sql/conjuncts.h"
#include "sql/test_table.h"
#include "sql/where.h"

namespace sluice::sql {
namespace {

using shape::Definition;
using shape::DefinitionText;
using testing::HasSubstr;

std::optional<Definition> made(DefinitionText text) {
  if (text.table.empty()) text.table = "items";
  auto out = Definition::make(text);
  return out ? std::optional(std::move(*out)) : std::nullopt;
}

std::string reason(DefinitionText granted, DefinitionText asked) {
  auto wide = made(std::move(granted));
  auto narrow = made(std::move(asked));
  if (!wide || !narrow) return "no definition";
  auto covered = covers(*wide, *narrow);
  return covered ? "covered" : covered.error();
}

using Params = std::map<unsigned, std::string>;

std::string where_reason(const std::string& granted, const std::string& asked, const Params& granted_params = {},
                         const Params& asked_params = {}) {
  return reason({.where = granted, .params = granted_params}, {.where = asked, .params = asked_params});
}

// What a client may add to a grant whose columns are i4, t, u and v, of which v may not be queried.
std::string added(const std::string& extra, const Params& params = {{1, "x"}}) {
  Params used = extra.find("$1") == std::string::npos ? Params{} : params;
  return reason(
      {.where = "i8 = 7", .columns = "i4,t,u,v", .queryable_columns = "i4,t,u"},
      {.where = "i8 = 7 AND (" + extra + ")", .params = used, .columns = "i4,t,u,v", .queryable_columns = "i4,t,u"});
}

TEST(Covers, AcceptsEqualDefinitions) {
  EXPECT_EQ(reason({}, {}), "covered");
  EXPECT_EQ(reason({.table = "items"}, {.table = "public.ITEMS"}), "covered");
  EXPECT_EQ(where_reason("i8 = 7", "i8=7"), "covered");
  EXPECT_EQ(where_reason("i8 = $1", "i8 = $1", {{1, "7"}}, {{1, "7"}}), "covered");
  EXPECT_EQ(reason({.log = "full"}, {.log = "changes_only"}), "covered");
  // Not compared with anything but itself, and so no matter what it is.
  EXPECT_EQ(where_reason("id IN (SELECT 1) AND random() < 1", "id IN (SELECT 1) AND random() < 1"), "covered");
}

TEST(Covers, RefusesAnotherTable) {
  EXPECT_EQ(reason({.table = "items"}, {.table = "secrets"}), "table: \"public\".\"secrets\" is not granted");
  EXPECT_THAT(reason({.table = "items"}, {.table = "\"Items\""}), HasSubstr("table:"));
  EXPECT_THAT(reason({.table = "a.items"}, {.table = "b.items"}), HasSubstr("table:"));
}

TEST(Covers, ComparesColumns) {
  EXPECT_EQ(reason({}, {.columns = "i4"}), "covered");
  EXPECT_EQ(reason({.columns = "i4,t"}, {.columns = "t"}), "covered");
  EXPECT_EQ(reason({.columns = "i4,t"}, {.columns = "t,v"}), "columns: v is not granted");
  EXPECT_EQ(reason({.columns = "i4,t"}, {}), "columns: only some are granted, and all are asked for");
  EXPECT_THAT(reason({.columns = "i4,t"}, {.queryable_columns = "i4"}), HasSubstr("columns: only some"));
  EXPECT_THAT(reason({.columns = "i4,t"}, {.columns = "t", .queryable_columns = "i4,v"}),
              HasSubstr("queryable_columns: v is not granted"));
}

TEST(Covers, ComparesQueryableColumns) {
  EXPECT_EQ(reason({}, {.queryable_columns = "i4"}), "covered");
  EXPECT_EQ(reason({.queryable_columns = "i4,t"}, {.queryable_columns = "t"}), "covered");
  EXPECT_THAT(reason({.queryable_columns = "i4,t"}, {}), HasSubstr("queryable_columns: only some"));
  EXPECT_THAT(reason({.queryable_columns = "i4,t"}, {.columns = "i4"}), HasSubstr("queryable_columns: only some"));
  EXPECT_THAT(reason({.queryable_columns = "i4"}, {.queryable_columns = "i4,t"}), HasSubstr("t is not granted"));
  // Alone, they are the columns that are returned.
  EXPECT_EQ(reason({.queryable_columns = "i4"}, {.columns = "i4,t", .queryable_columns = "i4"}),
            "columns: t is not granted");
}

TEST(Covers, ComparesReplica) {
  EXPECT_EQ(reason({.replica = "full"}, {}), "covered");
  EXPECT_EQ(reason({}, {.replica = "full"}), "replica: full is not granted");
}

TEST(Covers, AcceptsMoreConjuncts) {
  EXPECT_EQ(reason({}, {.where = "i4 = 1"}), "covered");
  EXPECT_EQ(where_reason("i8 = 7", "i8 = 7 AND i4 > 1"), "covered");
  EXPECT_EQ(where_reason("i8 = 7", "i4 > 1 AND i8 = 7"), "covered");
  EXPECT_EQ(where_reason("i8 = 7", "(i4 > 1 AND (b AND (i8 = 7)))"), "covered");
  EXPECT_EQ(where_reason("i8 = 7 AND b", "b AND i4 = 3 AND i8 = 7"), "covered");
  EXPECT_EQ(where_reason("i8 = 7 AND b", "(i8 = 7) AND (i4 = 3 AND b) AND (t = 'x' OR u IS NULL)"), "covered");
  EXPECT_EQ(where_reason("i8 = 7 OR b", "(i8 = 7 OR b) AND i4 = 1"), "covered");
  EXPECT_EQ(where_reason("i8 = 7", "/* i8 = 8 */ \"i8\" = 7 -- OR true\n AND i4 = 1"), "covered");
  EXPECT_EQ(where_reason("i8 = CAST('7' AS int8)", "i8 = '7'::int8 AND b"), "covered");
  EXPECT_EQ(where_reason("i8 = 7 AND i8 = 7", "i8 = 7 AND b"), "covered");
  EXPECT_EQ(where_reason("i8 IN (SELECT a FROM b WHERE c = 0)", "b AND i8 IN (SELECT a FROM b WHERE c = 0)"), "covered");
}

TEST(Covers, RefusesOtherRows) {
  const std::string missing = "where: a condition of the grant is not in it";
  EXPECT_EQ(reason({.where = "i8 = 7"}, {}), "where: only some rows are granted, and all are asked for");
  EXPECT_EQ(where_reason("i8 = 7", "i8 = 8"), missing);
  EXPECT_EQ(where_reason("i8 = 7 AND b", "i8 = 7"), missing);
  EXPECT_EQ(where_reason("i8 = 7", "i8 = 7 OR b"), missing);
  EXPECT_EQ(where_reason("i8 = 7", "i8 = 7 OR b AND i4 = 1"), missing);
  EXPECT_EQ(where_reason("i8 = 7", "b OR i8 = 7 AND i4 = 1"), missing);
  EXPECT_EQ(where_reason("i8 = 7 OR b", "i8 = 7 OR b AND i4 = 1"), missing);
  EXPECT_EQ(where_reason("i8 = 7", "NOT (i8 = 7 AND b)"), missing);
  EXPECT_EQ(where_reason("i8 = 7", "(i8 = 7 AND b) IS NOT TRUE"), missing);
  EXPECT_EQ(where_reason("i8 = 7", "i8 <> 7 AND b"), missing);
  EXPECT_EQ(where_reason("i8 = 7", "i8 = '7' AND b"), missing);
  EXPECT_EQ(where_reason("t = 'a'", "t = 'A' AND b"), missing);
  EXPECT_EQ(where_reason("\"Odd\" = 1", "odd = 1 AND b"), missing);
  EXPECT_EQ(where_reason("b = true", "b = false AND i4 = 1"), missing);
  EXPECT_EQ(where_reason("t LIKE 'a'", "t ILIKE 'a' AND b"), missing);
  EXPECT_EQ(where_reason("i8 IN (SELECT a FROM b LIMIT 0)", "i8 IN (SELECT a FROM b) AND b"), missing);
}

// The parser's JSON shows neither 0 nor a negative number.
TEST(Covers, TellsApartIntegersThatTheParserDoesNotPrint) {
  EXPECT_THAT(where_reason("i8 = 0", "i8 = -5 AND b"), HasSubstr("where:"));
  EXPECT_THAT(where_reason("i8 = -4", "i8 = -5 AND b"), HasSubstr("where:"));
  EXPECT_THAT(where_reason("i8 = -0", "i8 = - 5 AND b"), HasSubstr("where:"));
  EXPECT_THAT(where_reason("i8 IN (1, 0)", "i8 IN (1, -7) AND b"), HasSubstr("where:"));
  EXPECT_THAT(where_reason("f(i8, 0)", "f(i8, -1) AND b"), HasSubstr("where:"));
  EXPECT_THAT(where_reason("i8 IN (SELECT a FROM b LIMIT 0)", "i8 IN (SELECT a FROM b LIMIT (-1)) AND b"),
              HasSubstr("where:"));
  EXPECT_EQ(where_reason("i8 = -5", "b AND i8 = - /* */ 5"), "covered");
  EXPECT_EQ(where_reason("i8 = 0", "b AND i8 = 0"), "covered");
}

TEST(Covers, ComparesParametersByValue) {
  EXPECT_EQ(where_reason("i8 = $1", "b AND i8 = $1", {{1, "7"}}, {{1, "7"}}), "covered");
  EXPECT_EQ(where_reason("i8 = $1", "t = $1 AND i8 = $2", {{1, "7"}}, {{1, "x"}, {2, "7"}}), "covered");
  EXPECT_EQ(where_reason("i8 = $1 AND i4 = $2", "i8 = $1 AND i4 = $1 AND b", {{1, "7"}, {2, "7"}}, {{1, "7"}}), "covered");
  const std::string missing = "where: a condition of the grant is not in it";
  EXPECT_EQ(where_reason("i8 = $1", "b AND i8 = $1", {{1, "7"}}, {{1, "8"}}), missing);
  EXPECT_EQ(where_reason("i8 = $1", "i8 = $1", {{1, "7"}}, {{1, "8"}}), missing);
  EXPECT_EQ(where_reason("i8 = $1 AND i4 = $2", "i8 = $2 AND i4 = $1 AND b", {{1, "7"}, {2, "8"}}, {{1, "7"}, {2, "8"}}),
            missing);
  // The literal 0.1 is a numeric, the parameter a float4 beside one: they select other rows.
  EXPECT_EQ(where_reason("f4 = $1", "f4 = 0.1 AND b", {{1, "0.1"}}), missing);
  EXPECT_EQ(where_reason("t = $1", "t = 'x' AND b", {{1, "x"}}), missing);
}

TEST(Covers, LetsAClientSelectAmongTheRows) {
  for (const char* extra : {"i4 = 1",
                            "t = 'x'",
                            "t = $1",
                            "i4 > -5 AND NOT i4 = 7",
                            "t IN ('a', 'b') OR t IS NULL",
                            "i4 BETWEEN 1 AND 5",
                            "i4 NOT BETWEEN SYMMETRIC 5 AND 1",
                            "t LIKE 'a%'",
                            "t NOT ILIKE '%a\\\\'",
                            "t LIKE $1",
                            "t ~~ 'a'::text",
                            "i4 = '7'::int4",
                            "i4 = CAST(- 7 AS int8)",
                            "i4 = ANY('{1,2}')",
                            "i4 = ANY(ARRAY[1, 2]::int4[])",
                            "i4 <> ALL($1)",
                            "t @> '{a}' AND t && ARRAY['x', $1]",
                            "t = '{{a,b},{c,d}}' AND t < ARRAY['x'] AND ARRAY[1] <> i4",
                            "t BETWEEN '{a}' AND $1 AND t IS DISTINCT FROM ARRAY['a']::text[]",
                            "items.i4 = 1",
                            "public.items.i4 = 1",
                            "(i4 = 1) IS NOT TRUE",
                            "i4 IS DISTINCT FROM NULL",
                            "i4 IS NOT DISTINCT FROM 4",
                            "lower(t) = 'a'",
                            "coalesce(t, 'x') = upper(t)",
                            "length(t) > 3",
                            "pg_catalog.lower(t) = 'x'",
                            "u = '{A0EEBC999C0B4EF8BB6D6BB9BD380A11}'",
                            "i4 OPERATOR(pg_catalog.=) 7",
                            "true"}) {
    EXPECT_EQ(added(extra), "covered") << extra;
  }
}

// Postgres may evaluate the client's conjunct before the grant's, on rows that are not granted.
TEST(Covers, RefusesWhatFailsForSomeRows) {
  EXPECT_EQ(added("t::int4 = 1"), "where: a cast of what is no constant is not permitted");
  EXPECT_THAT(added("CAST(t AS int4) = 1"), HasSubstr("where:"));
  EXPECT_THAT(added("CAST(lower('x') AS int4) = 1"), HasSubstr("where:"));
  EXPECT_THAT(added("1 / i4 = 1"), HasSubstr("this operator is not permitted"));
  EXPECT_THAT(added("i4 + 1 = 1"), HasSubstr("this operator is not permitted"));
  EXPECT_THAT(added("-i4 = 1"), HasSubstr("arithmetic is not permitted"));
  EXPECT_THAT(added("t LIKE 'a\\'"), HasSubstr("a pattern that ends in its escape"));
  EXPECT_THAT(added("t LIKE 'a\\'::text"), HasSubstr("a pattern that ends in its escape"));
  EXPECT_THAT(added("t LIKE $1", {{1, "x\\\\\\"}}), HasSubstr("a pattern that ends in its escape"));
  EXPECT_THAT(added("t LIKE '\\'"), HasSubstr("a pattern that ends in its escape"));
  EXPECT_THAT(added("t LIKE 'a!' ESCAPE '!'"), HasSubstr("no plain constant"));
  EXPECT_THAT(added("t LIKE u"), HasSubstr("no plain constant"));
  EXPECT_THAT(added("t LIKE ANY('{a}')"), HasSubstr("not permitted"));
  EXPECT_THAT(added("t SIMILAR TO 'a'"), HasSubstr("not permitted"));
  EXPECT_THAT(added("t ~ 'a'"), HasSubstr("this operator is not permitted"));
  // Where the column is an array: "multidimensional arrays must have array expressions with matching dimensions".
  EXPECT_EQ(added("ARRAY[t, '{a}'] IS NULL"), "where: an array of what is no constant is not permitted");
  EXPECT_THAT(added("'x' = ANY(ARRAY['x', lower(t)])"), HasSubstr("no constant"));
}

TEST(Covers, E9_RefusesHiddenColumns) {
  EXPECT_EQ(added("v = 'x'"), "where: v may not be queried");
  EXPECT_EQ(added("secret = 'x'"), "where: secret may not be queried");
  for (const char* extra : {"secret IS NULL", "NOT secret", "t = secret", "t IN ('x', secret)", "i4 BETWEEN secret AND 7",
                            "lower(secret) = 'a'", "coalesce(t, secret) = 'a'", "secret LIKE 'a%'", "items.secret = 1",
                            "public.items.secret = 1", "\"secret\" = 1", "'a' = ANY(secret)", "'a' = ANY(ARRAY[secret])",
                            "(secret = 'a') IS TRUE", "i8 = 7 OR secret = 'a'", "i8 = 8", "\"T\" = 'x'"}) {
    EXPECT_THAT(added(extra), HasSubstr("where:")) << extra;
  }
}

TEST(Covers, E9_RefusesWholeRowsAndSystemColumns) {
  for (const char* extra : {"items IS NULL", "items.* IS NOT NULL", "items::text = 'x'", "items = items", "ctid = '(0,1)'",
                            "items.ctid = '(0,1)'", "xmin = '7'", "tableoid = 7", "\"cmax\" = '1'", "other.i4 = 1",
                            "private.items.i4 = 1", "a.public.items.i4 = 1", "(items).secret = 1", "(t).x = 1"}) {
    EXPECT_THAT(added(extra), HasSubstr("where:")) << extra;
    EXPECT_THAT(where_reason("i8 = 7", std::string("i8 = 7 AND ") + extra), HasSubstr("where:")) << extra;
  }
  // A column of the table's name is granted by name, or told from the row by the table before it.
  EXPECT_EQ(reason({.columns = "items,i4"}, {.where = "items = 'x'", .columns = "items,i4"}), "covered");
  EXPECT_EQ(where_reason("i8 = 7", "i8 = 7 AND items.items = 'x'"), "covered");
}

TEST(Covers, E9_RefusesSubqueriesAndFunctions) {
  for (const char* extra : {"i4 IN (SELECT i4 FROM items WHERE secret LIKE 'a%')",
                            "EXISTS (SELECT 1)",
                            "i4 = (SELECT 1)",
                            "i4 = ANY(SELECT i4 FROM items)",
                            "i4 = ANY((SELECT array_agg(i4) FROM items)::int4[])",
                            "t = ARRAY(SELECT t FROM items)",
                            "t = current_user",
                            "now() > '2020-01-01'",
                            "pg_sleep(10) IS NULL",
                            "random() < 0.5",
                            "t = current_setting('x')",
                            "public.lower(t) = 'a'",
                            "lower(t, t) = 'a'",
                            "count(*) > 1",
                            "length(DISTINCT t) = 1",
                            "length(t) OVER () = 1",
                            "length(VARIADIC t) = 1",
                            "length(t) FILTER (WHERE true) = 1",
                            "t = 'secrets'::regclass",
                            "'secrets'::regclass IS NOT NULL",
                            "t = 'x'::public.t",
                            "t = 'x'::varchar(3)",
                            "row(t) = row('x')",
                            "(i4, t) = (1, 'x')",
                            "t COLLATE \"C\" = 'x'",
                            "CASE WHEN t = 'x' THEN true END",
                            "nullif(t, 'x') IS NULL",
                            "greatest(t, 'x') = 'x'",
                            "t IS DOCUMENT",
                            "i4[1] = 1",
                            "i4 OPERATOR(public.=) 7",
                            "t < ALL(SELECT t FROM items)",
                            "t AT TIME ZONE 'x' = t",
                            "lower(items) = 'x'"}) {
    EXPECT_THAT(added(extra), HasSubstr("where:")) << extra;
  }
}

TEST(Covers, NeverTellsAValue) {
  EXPECT_THAT(where_reason("t = 'hunter2'", "t = 'hunter3' AND b"), testing::Not(HasSubstr("hunter")));
  EXPECT_THAT(where_reason("t = $1", "t = $1", {{1, "hunter2"}}, {{1, "hunter3"}}), testing::Not(HasSubstr("hunter")));
  EXPECT_THAT(added("t = 'hunter2'::int4x"), testing::Not(HasSubstr("hunter")));
}

TEST(Covers, LimitsDepth) {
  std::string nots;
  for (int i = 0; i < 3000; ++i) nots += "NOT ";
  EXPECT_THAT(where_reason("i8 = 7", "i8 = 7 AND " + nots + "b"), HasSubstr("where: the asked one cannot be read"));
  nots.resize(4 * 150);
  EXPECT_THAT(where_reason("i8 = 7", "i8 = 7 AND " + nots + "b"), HasSubstr("where:"));
  std::string terms = "b";
  for (int i = 0; i < 3000; ++i) terms += " or b";
  EXPECT_EQ(where_reason("i8 = 7", "i8 = 7 AND (" + terms + ")"), "covered");
  std::string many = "i8 = 7";
  for (int i = 0; i < 1300; ++i) many += " AND t = $1";
  EXPECT_EQ(where_reason("i8 = 7", many, {}, {{1, std::string(8000, 'x')}}), "covered");
}

std::vector<std::string> conjunct_texts(const Definition& definition, ParamNumbers& numbers) {
  std::vector<std::string> out;
  if (!definition.where()) return out;
  auto tree = ParseTree::parse(ClauseKind::kWhere, *definition.where());
  if (!tree) return out;
  auto conjuncts = conjuncts_of(*tree, definition.params(), numbers);
  if (!conjuncts) return out;
  for (const Conjunct& conjunct : *conjuncts) out.push_back(conjunct.text);
  return out;
}

// Rows of which i8 = 7 has some and not others.
const std::vector<TestRow>& rows() {
  static const std::vector<TestRow> out{TestRow{{"i8", "7"}, {"b", "t"}, {"t", "x"}},
                                        TestRow{{"i8", "8"}, {"b", "t"}, {"t", "x"}}, TestRow{{"b", "t"}}, TestRow{}};
  return out;
}

// Where a request is covered, the granted predicate is in its tree as it is in the grant's, and no row is selected that
// the grant does not select.
void expect_within(const Definition& granted, const Definition& asked) {
  ParamNumbers numbers;
  auto wide = conjunct_texts(granted, numbers);
  auto narrow = conjunct_texts(asked, numbers);
  for (const std::string& conjunct : wide) EXPECT_THAT(narrow, testing::Contains(conjunct)) << *asked.where();
  auto outer = WhereClause::compile(*granted.where(), granted.params(), test_table());
  auto inner = WhereClause::compile(*asked.where(), asked.params(), test_table());
  ASSERT_TRUE(outer);
  if (!inner) return;  // an origin refuses it
  for (const TestRow& row : rows()) {
    EXPECT_TRUE(!inner->matches(row.view()) || outer->matches(row.view())) << *asked.where();
  }
}

TEST(Covers, E8_NoTextOfAClientChangesTheGrantedPredicate) {
  const std::vector<std::string> break_outs{"1=1) OR (1=1",
                                            "1=1 OR 1=1",
                                            "true) OR (true",
                                            "b) OR b --",
                                            "b -- ",
                                            "--",
                                            "/*",
                                            "b /*",
                                            "b */ OR true /*",
                                            "'",
                                            "b '",
                                            "t = 'x",
                                            "t = 'x'' OR true --",
                                            "t = E'\\' OR true --'",
                                            "t = E'x\\' OR true --'",
                                            "$$",
                                            "t = $$x$$ OR true",
                                            "$a$ OR true",
                                            "t = $a$x$b$ OR true --$a$",
                                            "E''",
                                            "t = E''",
                                            "U&''",
                                            "t = U&'\\0027' OR true",
                                            "t = U&'\\' OR true --'",
                                            "t = U&'!0027' UESCAPE '!' OR true",
                                            "\"",
                                            "\"b\" OR true",
                                            "\"b",
                                            ";",
                                            "b; SELECT 1",
                                            "b;",
                                            "b UNION SELECT 1",
                                            "b LIMIT 1",
                                            "b ORDER BY 1",
                                            "b OR",
                                            "OR true",
                                            "AND",
                                            "NOT b",
                                            "b IS NULL OR true",
                                            "b = true OR i8 = 8",
                                            "NOT NULL",
                                            "true = true OR true",
                                            "i8 = 8",
                                            "BETWEEN 1 AND 2",
                                            "i8 BETWEEN 1 AND 2 OR true",
                                            "b::bool",
                                            "$1",
                                            "$2",
                                            "$1 OR true",
                                            "t = '\\' OR true --'",
                                            "t = 'a' 'b'",
                                            "t = 'a'\n'b' OR true",
                                            "t = N'x' OR true",
                                            "t = B'1' OR true",
                                            "\xC2\xA0 OR true",
                                            "b\v OR\f true",
                                            "b\r\nOR\ttrue",
                                            "CASE WHEN b THEN true ELSE true END",
                                            "b) = (true) OR (true"};
  const std::vector<std::pair<std::string, std::string>> around{
      {"i8 = 7 AND ", ""},      {"i8 = 7 AND (", ")"},     {"", " AND i8 = 7"},
      {"(", ") AND i8 = 7"},    {"i8 = 7 ", ""},           {"", ""},
      {"(i8 = 7 AND ", ")"},    {"i8 = 7 AND NOT (", ")"}, {"i8 = 7 AND (b AND (", "))"},
      {"NOT (", " AND i8 = 7)"}};
  auto granted = made({.where = "i8 = 7"});
  ASSERT_TRUE(granted);
  int made_count = 0;
  int covered = 0;
  for (const std::string& text : break_outs) {
    for (const auto& [before, after] : around) {
      for (const Params& params : {Params{}, Params{{1, "t"}}, Params{{1, "1=1) OR (1=1"}}}) {
        auto asked = made({.where = before + text + after, .params = params});
        if (!asked) continue;
        ++made_count;
        if (!covers(*granted, *asked)) continue;
        ++covered;
        expect_within(*granted, *asked);
      }
    }
  }
  EXPECT_GT(made_count, 200);
  EXPECT_GT(covered, 50);
}

}  // namespace
}  // namespace sluice::sql

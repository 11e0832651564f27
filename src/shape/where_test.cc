// Canonical where clauses, held against Postgres's own parser.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "shape/definition.h"
#include "shape/keywords.h"
#include "shape/where_oracle.h"

namespace sluice::shape {
namespace {

std::string canonical(std::string_view where) {
  const auto made = canonicalize_where(where);
  return made ? made->text : "ERROR " + made.error();
}

// Canonical text means to Postgres what the clause means, and is its own canonical text.
void expect_faithful(const std::string& where) {
  const auto made = canonicalize_where(where);
  if (!made) return;
  const auto again = canonicalize_where(made->text);
  ASSERT_TRUE(again) << where << "\n" << made->text << "\n" << again.error();
  EXPECT_EQ(again->text, made->text) << where;
  EXPECT_EQ(again->params_used, made->params_used);
  const auto original = postgres_tree(where);
  if (original) EXPECT_EQ(postgres_tree(made->text), original) << where << "\n" << made->text;
}

TEST(Where, SpacingCaseAndQuotingAreOne) {
  const std::string one = "org_id = $1 AND lower(t.name) <> 'it''s'";
  for (const char* spelling : {
           "org_id = $1 AND lower(t.name) <> 'it''s'",
           "  ORG_ID=$1 and LOWER( T . NAME )!='it''s'\n",
           "\"org_id\" /* a /* nested */ one */ = $01 AND \"lower\"(\"t\".\"name\") <> 'it''s' -- end",
           "org_id=$1\tAnd lower(t.name)<>$$it's$$",
           "org_id=$1 and lower(t.name)<>$q$it's$q$",
       })
    EXPECT_EQ(canonical(spelling), canonical(one)) << spelling;
  EXPECT_EQ(canonical("\"Org\" = 1"), "\"Org\" = 1");
  EXPECT_NE(canonical("\"Org\" = 1"), canonical("org = 1"));
}

TEST(Where, UsualSpellingStaysAsItIs) {
  for (const char* where : {
           "org = $1",
           "id::INT = 5 AND name IS NULL",
           "priority > -5 AND a - 5 < b",
           "(title LIKE 't%' AND priority IS NULL) OR id IN (1)",
           "now() > '2020-01-01'",
           "tags && ARRAY['a', 'b'] OR tags[1] = 'x'",
           "count(*) > 1 AND t.* IS NOT NULL",
       })
    EXPECT_EQ(canonical(where), where);
}

TEST(Where, KeywordsThatNameColumnsAreOneQuotedOrNot) {
  EXPECT_EQ(canonical("\"name\" = 'x' AND (\"value\" > 1 OR NOT \"key\")"), "name = 'x' AND (value > 1 OR NOT key)");
  EXPECT_EQ(canonical("NAME = 'x'"), "name = 'x'");
  EXPECT_EQ(canonical("\"position\" IN (1) AND \"type\"::TEXT = 'a'"), "position IN (1) AND type::TEXT = 'a'");
}

TEST(Where, KeywordsThatAreMoreStayWhatTheyWere) {
  EXPECT_EQ(canonical("\"user\" = 'x'"), "\"user\" = 'x'");
  EXPECT_EQ(canonical("user = 'x'"), "USER = 'x'");
  EXPECT_EQ(canonical("x::\"int\" = 1"), "x::\"int\" = 1");
  EXPECT_EQ(canonical("x::int = 1"), "x::INT = 1");
  EXPECT_EQ(canonical("\"name\" 'x' = y"), "\"name\" 'x' = y");
  EXPECT_EQ(canonical("x is not unknown"), "x IS NOT UNKNOWN");
  EXPECT_EQ(canonical("x not between -5 and 3"), "x NOT BETWEEN -5 AND 3");
  EXPECT_EQ(canonical("\"current_date\" = d"), "\"current_date\" = d");
}

TEST(Where, LiteralsKeepTheirMeaning) {
  EXPECT_EQ(canonical("a = $$it's$$"), "a = 'it''s'");
  EXPECT_EQ(canonical("a = e'x\\'y'"), "a = E'x\\'y'");
  EXPECT_EQ(canonical("a = 'x\\' and b"), "a = 'x\\' AND b");
  EXPECT_EQ(canonical("a = b'01' or a = X'1f'"), "a = B'01' OR a = X'1f'");
  EXPECT_EQ(canonical("a = n'x'"), "a = NCHAR 'x'");
  EXPECT_EQ(canonical("a = 1e5 and b = .5 and c = 5."), "a = 1e5 AND b = .5 AND c = 5.");
  EXPECT_EQ(canonical("a = '--' and b = '/*'"), "a = '--' AND b = '/*'");
  EXPECT_EQ(canonical("a = 'A'"), "a = 'A'");
}

TEST(Where, OperatorsAreCutAsPostgresCutsThem) {
  EXPECT_EQ(canonical("a=-1"), "a = -1");
  EXPECT_EQ(canonical("a<-1"), "a < -1");
  EXPECT_EQ(canonical("a@-1"), "a @- 1");  // may end in a sign, as it has an @
  EXPECT_EQ(canonical("a- -1"), "a - -1");
  EXPECT_EQ(canonical("a--1"), "a");
  EXPECT_EQ(canonical("a ->> 'b' = 'c'"), "a ->> 'b' = 'c'");
  EXPECT_EQ(canonical("a*/* x */b"), "a * b");
  EXPECT_EQ(canonical("f(a=>1, b:=2)"), "f(a => 1, b := 2)");
}

TEST(Where, ReportsParameters) {
  const auto where = canonicalize_where("a = $3 AND b = $1 AND c = $3");
  ASSERT_TRUE(where);
  EXPECT_EQ(where->params_used, (std::vector<unsigned>{1, 3}));
  EXPECT_EQ(where->param_positions, (std::vector<std::size_t>{15, 4}));
}

TEST(Where, E8_RefusesBreakOuts) {
  for (const std::string where : {
           "1=1) OR (1=1",
           "a = 1)",
           "(a = 1",
           "a = 'x",
           "a = \"x",
           "a = E'x\\'",
           "a = $$x",
           "a = $q$x$$",
           "a = 1 /* x",
           "a = 1 /* /* x */",
           "a = 1; DROP TABLE t",
           "a = 1;",
           "a = U&'\\0061'",
           "U&\"a\" = 1",
           "a = 'x'\n'y'",
           "a = 'x' -- c\n 'y'",
           "a[1) = (1]",
           "a = 1\x01",
           "a = \\x",
           "a = 12abc",
           "a = $1abc",
           "a = $0",
           "a = $257",
           "a = $99999999999999999999",
           "a = $",
           "a = 1..2",
           "\"\" = 1",
       })
    EXPECT_FALSE(canonicalize_where(where)) << where << " -> " << canonical(where);
}

TEST(Where, RefusesBlankBinaryAndOversized) {
  EXPECT_FALSE(canonicalize_where(""));
  EXPECT_FALSE(canonicalize_where(" \n -- nothing"));
  EXPECT_FALSE(canonicalize_where("/* nothing */"));
  EXPECT_FALSE(canonicalize_where(std::string_view("a = '\0'", 7)));
  EXPECT_FALSE(canonicalize_where("a = '\xff'"));
  EXPECT_FALSE(canonicalize_where("a = " + std::string(kWhereBytesMax, '1')));
  EXPECT_FALSE(canonicalize_where(std::string(129, '(') + "a" + std::string(129, ')')));
  EXPECT_TRUE(canonicalize_where(std::string(128, '(') + "a" + std::string(128, ')')));
  EXPECT_FALSE(canonicalize_where(std::string(64, 'a') + " = 1"));
}

TEST(Where, ErrorsSayWhere) {
  EXPECT_EQ(canonical("a = 'x"), "ERROR At location 4: unterminated quoted string");
  EXPECT_EQ(canonical("a = 1) or (b"), "ERROR At location 5: unbalanced \")\"");
}

std::string replace_all(const std::string& context, const std::string& word) {
  std::string out;
  for (const char c : context) out += c == '#' ? word : std::string(1, c);
  return out;
}

// Postgres's own word for a keyword in every role a where clause has for it.
TEST(Where, EveryKeywordQuotedAndBareParsesAsBefore) {
  const std::vector<std::string> contexts = {"# = 1",
                                             "(#)",
                                             "a = #",
                                             "f(#, 1)",
                                             "NOT #",
                                             "# IS NULL",
                                             "#::text = 'a'",
                                             "a::#",
                                             "t.# = 1",
                                             "#.a = 1",
                                             "#(1) = 2",
                                             "# 'x' = y",
                                             "# IN (1)",
                                             "#[1] = 2",
                                             "a AND # OR b",
                                             "a # b",
                                             "a IS NOT #",
                                             "a IS #",
                                             "# BETWEEN 1 AND #",
                                             "a NOT # -5 AND 3",
                                             "extract(# FROM a) = 1",
                                             "a LIKE # ESCAPE 'x'",
                                             "interval '1' #",
                                             "f(# => 1)",
                                             "a AT TIME ZONE #",
                                             "CASE WHEN # THEN # ELSE # END",
                                             "normalize(a, #)",
                                             "CASE # WHEN 1 THEN a END",
                                             "EXISTS (SELECT # FROM t)",
                                             "EXISTS (SELECT a FROM # WHERE # = 1 ORDER BY #)",
                                             "a = ANY (#)",
                                             "(#, a) = (1, 2)",
                                             "a OPERATOR(#.+) b",
                                             "# - 1 = 2",
                                             "#",
                                             "a IN (SELECT b AS # FROM c)",
                                             "f(DISTINCT #)",
                                             "xmlserialize(# a AS text) = ''",
                                             "substring(a # b) = 'c'",
                                             "x < -# AND # COLLATE \"C\" = 'x'",
                                             "f() OVER (#) = 1",
                                             "f() OVER (# BY a) = 1",
                                             "a IS DISTINCT FROM #"};
  std::size_t compared = 0;
  for (const KeywordKind kind :
       {KeywordKind::kUnreserved, KeywordKind::kColumnName, KeywordKind::kTypeOrFunction, KeywordKind::kReserved})
    for (const std::string_view word : keywords_of(kind))
      for (const std::string& context : contexts)
        for (const std::string& spelling : {std::string(word), "\"" + std::string(word) + "\""}) {
          const std::string where = replace_all(context, spelling);
          expect_faithful(where);
          compared += postgres_tree(where).has_value();
        }
  EXPECT_GT(compared, 10000u);
}

// Tokens of every kind strung together with every kind of blank: most are no clause, and none may change its meaning.
RC_GTEST_PROP(Where, RandomTokensKeepTheirMeaning, ()) {
  static const std::vector<std::string> tokens = {
      "a",    "B",         "\"a\"", "\"A b\"",  "name",    "\"name\"", "value",    "position", "user",   "\"user\"",
      "t.a",  "and",       "OR",    "not",      "is",      "null",     "true",     "in",       "like",   "(",
      ")",    "(",         ")",     "[",        "]",       ",",        ".",        "::",       "int",    "\"int\"",
      "text", "=",         "<>",    "!=",       "<",       "-",        "+",        "*",        "/",      "||",
      "@-",   "->>",       "=>",    "1",        "1.5",     ".5",       "5.",       "1e5",      "$1",     "$2",
      "'x'",  "'it''s'",   "''",    "E'\\''",   "e'\\\\'", "$$q'$$",   "$x$y$x$",  "b'1'",     "X'f'",   "n'x'",
      "case", "when",      "then",  "else",     "end",     "between",  "interval", "date",     "day",    "at",
      "time", "zone",      "lower", "coalesce", "row",     "array",    "any",      "exists",   "select", "from",
      "over", "partition", "by",    "distinct", "as",      "escape",   "ä",        "_x$1",     "u",      "&",
      "e"};
  static const std::vector<std::string> blanks = {" ", " ", " ", "", "\n", "\t", "/* c */", "--c\n", "/*/**/*/", "\r\n"};
  std::string where;
  for (int i = *rc::gen::inRange(1, 12); i > 0; --i) where += *rc::gen::elementOf(tokens) + *rc::gen::elementOf(blanks);
  expect_faithful(where);
}

// A clause of the usual kind survives any spelling of its blanks, and parses.
RC_GTEST_PROP(Where, RandomComparisonsParseAndAreOne, ()) {
  const auto operand = [] {
    return *rc::gen::element<std::string>("a", "\"B\"", "name", "t.a", "1", "-5", "'x'", "$1", "lower(a)", "a::int",
                                          "(a + 1)", "coalesce(a, 'y')");
  };
  const auto blank = [] { return *rc::gen::element<std::string>(" ", "  ", "\n", "\t", " /* c */ ", " -- c\n"); };
  std::string plain, spaced;
  for (int i = *rc::gen::inRange(1, 5); i > 0; --i) {
    const std::vector<std::string> parts = {operand(),
                                            *rc::gen::element<std::string>("=", "<>", "<=", "LIKE", "IS NOT DISTINCT FROM"),
                                            operand(), i == 1 ? "" : *rc::gen::element<std::string>("AND", "OR", "AND NOT")};
    for (const std::string& part : parts) {
      plain += part + " ";
      spaced += part + blank();
    }
  }
  RC_ASSERT(postgres_tree(plain).has_value());
  RC_ASSERT(canonicalize_where(plain).has_value());
  RC_ASSERT(canonicalize_where(plain)->text == canonicalize_where(spaced).value().text);
  expect_faithful(spaced);
}

}  // namespace
}  // namespace sluice::shape

// covers() against Postgres itself: over random rows, whatever it says lies within a grant selects no row that the grant
// does not select. Pairs of where clauses are made by narrowing, by breaking a narrower one at a random token, and at
// random; they are spelled at random, with comments, parentheses, cases and parameters.
//
//   SLUICE_COVERS_CASES   how many pairs (100000; 5000 under a sanitizer)
//   SLUICE_COVERS_SEED    repeats a run; a failure prints its seed
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "differential.h"
#include "shape/definition.h"
#include "sql/covers.h"
#include "sql/print.h"

namespace sluice {
namespace {

using shape::Definition;
using test::Clause;
using test::Connection;
using test::Result;
using test::setting;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) || \
    __has_feature(thread_sanitizer)
constexpr std::uint64_t kCases = 5'000;
#else
constexpr std::uint64_t kCases = 100'000;
#endif
constexpr std::uint64_t kPairsPerQuery = 200;
constexpr std::uint64_t kPairsPerTable = 5'000;
constexpr int kRows = 24;

struct Token {
  enum class Kind { kWord, kColumn, kString, kParam, kOther };
  Kind kind;
  std::string text;  // of a string or a parameter: the value
};
using Tokens = std::vector<Token>;

void append(Tokens& to, const Tokens& more) {
  to.insert(to.end(), more.begin(), more.end());
}

Tokens in_parentheses(const Tokens& tokens) {
  Tokens out{{Token::Kind::kOther, "("}};
  append(out, tokens);
  out.push_back({Token::Kind::kOther, ")"});
  return out;
}

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  int below(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }
  bool chance(int percent) { return below(100) < percent; }

  // Conditions of which each can stand between two ANDs.
  std::vector<Tokens> conjuncts(int most) {
    std::vector<Tokens> out;
    for (int i = 0, n = 1 + below(most); i < n; ++i) out.push_back(conjunct(below(3)));
    return out;
  }

  // ANDed in any order and with any parentheses.
  Tokens all_of(std::vector<Tokens> conjuncts) {
    std::shuffle(conjuncts.begin(), conjuncts.end(), random_);
    while (conjuncts.size() > 1) {
      std::size_t at = random_() % (conjuncts.size() - 1);
      Tokens both = conjuncts[at];
      both.push_back(word("and"));
      append(both, conjuncts[at + 1]);
      conjuncts[at] = chance(40) ? in_parentheses(both) : both;
      conjuncts.erase(conjuncts.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    }
    return conjuncts[0];
  }

  // Another condition, or none, by one change.
  Tokens broken(Tokens tokens) {
    for (int i = 0, n = 1 + below(2); i < n && !tokens.empty(); ++i) break_at(tokens, random_() % tokens.size());
    return tokens;
  }

  // Text for the tokens, no two alike.
  Clause spelled(const Tokens& tokens) {
    Clause out;
    for (const Token& token : tokens) {
      out.add(blank());
      if (token.kind == Token::Kind::kParam) {
        out.where += "$" + std::to_string(number_of(token.text, out.params));
        out.bound += sql::quoted_literal(token.text);
      } else {
        out.add(respelled(token));
      }
    }
    return out.add(chance(5) ? " -- or true" : "");
  }

  std::string row_value(const std::string& type) {
    if (chance(20)) return "NULL";
    if (type == "int4[]") return fmt::format("'{{{},{}}}'", below(4), chance(20) ? "NULL" : std::to_string(below(4)));
    if (type == "bool") return chance(50) ? "true" : "false";
    return type == "text" ? sql::quoted_literal(pick(strings())) : std::to_string(below(5) - 1);
  }

 private:
  template <typename T>
  const T& pick(const std::vector<T>& from) {
    return from[random_() % from.size()];
  }
  static const std::vector<std::string>& strings() {
    static const std::vector<std::string> out{"a", "b", "ab", "A", "", "o'k", "a%", "x y", "or", ") or (true"};
    return out;
  }

  static Token word(std::string text) { return {Token::Kind::kWord, std::move(text)}; }
  static Token other(std::string text) { return {Token::Kind::kOther, std::move(text)}; }
  Token number_column() { return {Token::Kind::kColumn, pick<std::string>({"i", "j", "k"})}; }
  Token text_column() { return {Token::Kind::kColumn, pick<std::string>({"s", "t"})}; }

  Token number() {
    std::string value = std::to_string(below(5) - 1);
    if (chance(25)) return {Token::Kind::kParam, value};
    if (chance(15)) return {Token::Kind::kString, value};
    return other(value);
  }
  Token text() { return {chance(30) ? Token::Kind::kParam : Token::Kind::kString, pick(strings())}; }

  Tokens conjunct(int depth) {
    if (depth <= 0) return leaf();
    Tokens out;
    switch (below(4)) {
      case 0: return leaf();
      case 1:
        out = {word("not"), other("(")};
        append(out, all_of(several(depth)));
        out.push_back(other(")"));
        return out;
      case 2:
        out = in_parentheses(all_of(several(depth)));
        append(out, {word("is"), word("not"), word(chance(50) ? "false" : "true")});
        return out;
      default: return in_parentheses(any_of(several(depth)));
    }
  }

  std::vector<Tokens> several(int depth) {
    std::vector<Tokens> out;
    for (int i = 0, n = 1 + below(3); i < n; ++i) out.push_back(conjunct(depth - 1));
    return out;
  }

  Tokens any_of(const std::vector<Tokens>& conditions) {
    Tokens out = conditions[0];
    for (std::size_t i = 1; i < conditions.size(); ++i) {
      out.push_back(word(chance(70) ? "or" : "and"));
      append(out, conditions[i]);
    }
    return out;
  }

  Tokens leaf() {
    static const std::vector<std::string> operators{"=", "=", "<>", "<", ">", "<=", ">="};
    switch (below(11)) {
      case 0: return {text_column(), other(pick(operators)), text()};
      case 1: return {number_column(), word("is"), word("null")};
      case 2: return {number_column(), word("in"), other("("), number(), other(","), number(), other(")")};
      case 3: return {number_column(), word("between"), number(), word("and"), number()};
      case 4: return {text_column(), word(chance(50) ? "like" : "ilike"), {Token::Kind::kString, pick(strings())}};
      case 5: return {{Token::Kind::kColumn, "b"}};
      case 6: return {number_column(), word("is"), word("distinct"), word("from"), number()};
      case 7: return {number_column(), other("="), word("any"), other("("), {Token::Kind::kColumn, "l"}, other(")")};
      case 8: return {{Token::Kind::kColumn, "l"}, other("@>"), {Token::Kind::kString, fmt::format("{{{}}}", below(4))}};
      case 9: return {other("1"), other("="), other(std::to_string(below(2)))};
      default: return {number_column(), other(pick(operators)), chance(15) ? number_column() : number()};
    }
  }

  void break_at(Tokens& tokens, std::size_t at) {
    Token& token = tokens[at];
    switch (below(6)) {
      case 0: tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(at)); return;
      case 1: tokens.insert(tokens.begin() + static_cast<std::ptrdiff_t>(at), tokens[random_() % tokens.size()]); return;
      case 2: std::swap(token, tokens[random_() % tokens.size()]); return;
      case 3: tokens.insert(tokens.begin() + static_cast<std::ptrdiff_t>(at), word("not")); return;
      case 4: return change(token);
      default: return unwrap(tokens, at);
    }
  }

  void change(Token& token) {
    if (token.text == "and")
      token.text = "or";
    else if (token.text == "or")
      token.text = "and";
    else if (token.kind == Token::Kind::kColumn)
      token = number_column();
    else if (token.kind == Token::Kind::kParam || token.kind == Token::Kind::kString)
      token.kind = token.kind == Token::Kind::kParam ? Token::Kind::kString : Token::Kind::kParam;
    else
      token = number();
  }

  // The first pair of parentheses from there on goes: precedence decides.
  static void unwrap(Tokens& tokens, std::size_t at) {
    while (at < tokens.size() && tokens[at].text != "(") ++at;
    int open = 0;
    for (std::size_t end = at; end < tokens.size(); ++end) {
      if (tokens[end].text == "(") ++open;
      if (tokens[end].text != ")" || --open > 0) continue;
      tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(end));
      tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(at));
      return;
    }
  }

  std::string blank() {
    static const std::vector<std::string> blanks{" ",    " ", " ", " ", "\n", "\t ", " /* or true */ ", " -- ) or (\n",
                                                 "/**/ "};
    return pick(blanks);
  }

  std::string respelled(const Token& token) {
    std::string text = token.text;
    if (token.kind == Token::Kind::kString) return (chance(10) ? "E" : "") + sql::quoted_literal(text);
    if (token.kind == Token::Kind::kColumn && chance(20)) return '"' + text + '"';
    if (token.kind == Token::Kind::kOther && text == "<>" && chance(30)) return "!=";
    if (token.kind == Token::Kind::kOther || chance(60)) return text;
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
  }

  std::size_t number_of(const std::string& value, std::vector<std::string>& params) {
    auto known = std::find(params.begin(), params.end(), value);
    if (known != params.end() && chance(50)) return static_cast<std::size_t>(known - params.begin()) + 1;
    params.push_back(value);
    return params.size();
  }

  std::mt19937_64 random_;
};

struct Pair {
  Clause granted;
  Clause asked;
  bool narrower = false;  // by construction
};

Pair make_pair(Generator& generator) {
  auto granted = generator.conjuncts(3);
  auto extra = generator.conjuncts(3);
  Pair out{.granted = generator.spelled(generator.all_of(granted)), .asked = {}};
  auto both = granted;
  both.insert(both.end(), extra.begin(), extra.end());
  int choice = generator.below(100);
  Tokens asked = choice < 90 ? generator.all_of(both) : generator.all_of(extra);
  out.narrower = choice < 40;
  if (choice >= 40 && choice < 90) asked = generator.broken(asked);
  out.asked = generator.spelled(asked);
  return out;
}

std::optional<Definition> definition_of(const Clause& clause) {
  shape::DefinitionText text{.table = "items", .where = clause.where};
  for (const std::string& param : clause.params) text.params.emplace(text.params.size() + 1, param);
  auto made = Definition::make(text);
  return made ? std::optional(std::move(*made)) : std::nullopt;
}

class CoversProperty : public testing::Test {
 protected:
  CoversProperty() : pg_(replication::TestCluster::get().url()) { pg_.must("SET jit = off"); }

  void make_rows(Generator& generator) {
    pg_.must("DROP TABLE IF EXISTS items");
    pg_.must("CREATE TABLE items (i int4, j int4, k int8, s text, t text, b bool, l int4[])");
    std::string insert;
    for (int row = 0; row < kRows; ++row) {
      insert += row == 0 ? "INSERT INTO items VALUES (" : ", (";
      for (const char* type : {"int4", "int4", "int8", "text", "text", "bool", "int4[]"}) {
        insert += (insert.ends_with('(') ? "" : ", ") + generator.row_value(type);
      }
      insert += ")";
    }
    pg_.must(insert);
  }

  // A column for each pair: whether there is a row that is asked for and not granted, and whether one is asked for at all.
  void check(std::span<const Pair> pairs) {
    std::string query;
    for (const Pair& pair : pairs) {
      query += fmt::format("{}bool_or((\n{}\n) AND NOT coalesce((\n{}\n), false)), bool_or(\n{}\n)",
                           query.empty() ? "SELECT " : ", ", pair.asked.bound, pair.granted.bound, pair.asked.bound);
    }
    Result result = pg_.ask(query + " FROM items");
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) return check_apart(pairs);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      auto holds = [&](std::size_t column) {
        return std::string_view(PQgetvalue(result.get(), 0, static_cast<int>(column))) == "t";
      };
      EXPECT_FALSE(holds(2 * i)) << "granted: " << pairs[i].granted.bound << "\nasked: " << pairs[i].asked.bound;
      with_rows_ += holds(2 * i + 1);
    }
  }

  // One of them is no condition to Postgres: the types are wrong, whatever the rows. Then no row is selected.
  void check_apart(std::span<const Pair> pairs) {
    if (pairs.size() > 1) {
      check(pairs.first(pairs.size() / 2));
      return check(pairs.subspan(pairs.size() / 2));
    }
    Result alone = pg_.ask("SELECT FROM items WHERE false AND (\n" + pairs[0].asked.bound + "\n)");
    EXPECT_NE(PQresultStatus(alone.get()), PGRES_TUPLES_OK) << pairs[0].asked.bound;
    EXPECT_FALSE(pairs[0].narrower) << pairs[0].asked.bound;
    ++refused_;
  }

  // True where covers() says yes.
  bool decide(const Pair& pair) {
    auto granted = definition_of(pair.granted);
    auto asked = definition_of(pair.asked);
    EXPECT_TRUE(granted) << pair.granted.where;
    if (!granted || !asked) return false;
    auto covered = sql::covers(*granted, *asked);
    if (pair.narrower) {
      EXPECT_TRUE(covered) << "granted: " << pair.granted.where << "\nasked: " << pair.asked.where << "\n"
                           << (covered ? "" : covered.error());
    }
    return covered.has_value();
  }

  Connection pg_;
  std::uint64_t with_rows_ = 0;
  std::uint64_t refused_ = 0;
};

TEST_F(CoversProperty, NoRowIsAskedForThatIsNotGranted) {
  std::uint64_t seed = setting("SLUICE_COVERS_SEED", std::random_device{}());
  std::uint64_t cases = setting("SLUICE_COVERS_CASES", kCases);
  SCOPED_TRACE(fmt::format("SLUICE_COVERS_SEED={}", seed));
  Generator generator(seed);
  std::vector<Pair> covered;
  std::uint64_t yes = 0;
  std::uint64_t by_chance = 0;
  for (std::uint64_t i = 0; i < cases && !HasFailure(); ++i) {
    if (i % kPairsPerTable == 0) make_rows(generator);
    Pair pair = make_pair(generator);
    if (decide(pair)) {
      ++yes;
      by_chance += !pair.narrower;
      covered.push_back(std::move(pair));
    }
    bool last = i + 1 == cases || (i + 1) % kPairsPerTable == 0;
    if (covered.empty() || (covered.size() < kPairsPerQuery && !last)) continue;
    check(covered);
    covered.clear();
  }
  fmt::print("SLUICE_COVERS_SEED={}: {} pairs, {} covered, {} of them not so made, {} with rows, {} that Postgres refuses\n",
             seed, cases, yes, by_chance, with_rows_, refused_);
  if (HasFailure()) return;
  EXPECT_GT(yes * 10, cases * 3);
  EXPECT_GT(by_chance * 50, cases) << "broken pairs are no longer broken where it does no harm";
  EXPECT_GT(with_rows_ * 10, yes) << "what is asked for is nearly always empty";
}

// What the property would find: the check itself notices a row too many.
TEST_F(CoversProperty, TheCheckNoticesARowTooMany) {
  Generator generator(1);
  make_rows(generator);
  Clause granted;
  granted.add("i = 1");
  Clause asked;
  asked.add("i IS NOT NULL OR i IS NULL");
  Result result =
      pg_.must("SELECT bool_or((" + asked.bound + ") AND NOT coalesce((" + granted.bound + "), false)) FROM items");
  EXPECT_STREQ(PQgetvalue(result.get(), 0, 0), "t");
  EXPECT_FALSE(decide({.granted = granted, .asked = asked}));
}

}  // namespace
}  // namespace sluice

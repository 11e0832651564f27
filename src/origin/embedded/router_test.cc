#include "origin/embedded/router.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>

#include "origin/embedded/resolve.h"
#include "origin/embedded/test_table.h"

namespace sluice::origin::embedded {
namespace {

// items (id int8 primary key, title text, org text, done bool, tags text[], n int4)
std::shared_ptr<const sql::Table> wide_table() {
  auto table = items_table();
  auto column = [&](std::string name, sql::Oid type, std::string type_name, std::int16_t dimensions) {
    sql::Column& made = table.columns.emplace_back();
    made.name = std::move(name);
    made.type = type;
    made.type_name = std::move(type_name);
    made.dimensions = dimensions;
  };
  column("done", sql::oid::kBool, "bool", 0);
  column("tags", sql::oid::kTextArray, "text", 1);
  column("n", sql::oid::kInt4, "int4", 0);
  return std::make_shared<const sql::Table>(std::move(table));
}

class RouterTest : public testing::Test {
 protected:
  using Values = std::vector<std::optional<std::string>>;

  std::unique_ptr<Feed> feed(std::optional<std::string> where, std::optional<std::string> replica = std::nullopt) {
    auto spec = resolve(items_definition(where, std::nullopt, std::move(replica)), table_);
    EXPECT_TRUE(spec) << where.value_or("") << ": " << spec.error().message;
    return std::make_unique<Feed>(std::make_shared<Shape>("h", std::move(*spec), nullptr));
  }

  // What find() gives, by feed: whether the old row and the new one lie in it.
  using Found = std::map<const Feed*, std::pair<bool, bool>>;
  Found find(Router& router, const std::optional<Values>& before, const std::optional<Values>& after) {
    auto old_row = views(before);
    auto new_row = views(after);
    RowChange change;
    if (before) change.before = sql::Row(old_row);
    if (after) change.after = sql::Row(new_row);
    std::vector<Router::Hit> hits;
    router.find(change, hits);
    Found found;
    for (const auto& hit : hits) {
      EXPECT_TRUE(found.emplace(hit.feed, std::pair(hit.was_inside, hit.is_inside)).second) << "found twice";
    }
    return found;
  }

  static std::vector<std::optional<std::string_view>> views(const std::optional<Values>& values) {
    if (!values) return {};
    return {values->begin(), values->end()};
  }
  static bool inside(const Feed& feed, const std::optional<Values>& values) {
    if (!values) return false;
    const auto row = views(values);
    const auto& where = feed.shape().spec().where;
    return !where || where->matches(row);
  }

  std::shared_ptr<const sql::Table> table_ = wide_table();
};

constexpr const char* kTrue = "t";

TEST_F(RouterTest, FindsByListElementAndTheMostSelectivePart) {
  Router router;
  auto list = feed("org IN ('a', 'b')");
  auto element = feed("tags @> ARRAY['red']");
  auto either = feed("org = 'c' OR n = 5");
  auto residual = feed("org = 'a' AND n > 3");
  auto all = feed(std::nullopt);
  for (Feed* each : {list.get(), element.get(), either.get(), residual.get(), all.get()}) router.add(*each);

  const Values a{"1", "x", "a", kTrue, "{red,\"b\\\"c\"}", "2"};
  EXPECT_EQ(find(router, std::nullopt, a),
            (Found{{list.get(), {false, true}}, {element.get(), {false, true}}, {all.get(), {false, true}}}));
  const Values b{"1", "x", "b", kTrue, std::nullopt, "5"};
  EXPECT_EQ(find(router, a, b), (Found{{list.get(), {true, true}},
                                       {element.get(), {true, false}},
                                       {either.get(), {false, true}},
                                       {all.get(), {true, true}}}));
  for (Feed* each : {list.get(), element.get(), either.get(), residual.get(), all.get()}) router.remove(*each);
  EXPECT_TRUE(router.empty());
  EXPECT_TRUE(find(router, a, b).empty());
}

TEST_F(RouterTest, ShapesWithOneClauseAreFoundTogetherAndLeaveOneByOne) {
  Router router;
  auto plain = feed("org = 'a'");
  auto full = feed("org = 'a'", "full");
  router.add(*plain);
  router.add(*full);
  const Values a{"1", "x", "a", kTrue, std::nullopt, "2"};
  EXPECT_EQ(find(router, std::nullopt, a), (Found{{plain.get(), {false, true}}, {full.get(), {false, true}}}));
  router.remove(*plain);
  plain.reset();  // what the clause is filed by must not be this one's
  EXPECT_EQ(find(router, std::nullopt, a), (Found{{full.get(), {false, true}}}));
  EXPECT_EQ(router.all(), std::vector<Feed*>{full.get()});
  router.remove(*full);
  EXPECT_TRUE(router.empty());
}

TEST_F(RouterTest, TheFirstOfManyUnderOneValueLeavesTheOthersInPlace) {
  Router router;
  std::vector<std::unique_ptr<Feed>> feeds;
  for (int i = 0; i < 100; ++i) feeds.push_back(feed(fmt::format("org = 'a' AND n > {}", i)));
  for (const auto& each : feeds) router.add(*each);
  const Values a{"1", "x", "a", kTrue, std::nullopt, "1000"};
  std::mt19937 random(7);
  while (!feeds.empty()) {
    EXPECT_EQ(find(router, std::nullopt, a).size(), feeds.size());
    const std::size_t i = random() % feeds.size();
    router.remove(*feeds[i]);
    feeds.erase(feeds.begin() + static_cast<std::ptrdiff_t>(i));
  }
  EXPECT_TRUE(router.empty());
}

// Random clauses of every form that is filed, and of some that are not, come and go; what is found is what each clause,
// asked by itself, says.
TEST_F(RouterTest, FindsExactlyWhatEachClauseSays) {
  std::mt19937 random(20260);
  auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  auto word = [&] { return fmt::format("w{}", below(6)); };
  auto term = [&]() -> std::string {
    switch (below(11)) {
      case 0: return fmt::format("org = '{}'", word());
      case 1: return fmt::format("org IN ('{}', '{}', '{}')", word(), word(), word());
      case 2: return fmt::format("tags @> ARRAY['{}', '{}']", word(), word());
      case 3: return fmt::format("tags && ARRAY['{}', '{}']", word(), word());
      case 4: return fmt::format("'{}' = ANY(tags)", word());
      case 5: return fmt::format("n = {}", below(5));
      case 6: return below(2) == 0 ? "done" : "NOT done";
      case 7: return fmt::format("title LIKE '%{}%'", below(5));
      case 8: return fmt::format("n > {}", below(5));
      case 9: return fmt::format("org <> '{}'", word());
      default: return below(2) == 0 ? "org IS NULL" : "title IS NOT NULL";
    }
  };
  auto clause = [&]() -> std::optional<std::string> {
    switch (below(5)) {
      case 0: return below(4) == 0 ? std::nullopt : std::optional(term());
      case 1: return fmt::format("{} AND {}", term(), term());
      case 2: return fmt::format("{} OR {}", term(), term());
      case 3: return fmt::format("({} OR {}) AND {}", term(), term(), term());
      default: return fmt::format("NOT ({} OR {})", term(), term());
    }
  };
  auto text = [&](std::string value) { return below(8) == 0 ? std::nullopt : std::optional(std::move(value)); };
  auto row = [&]() -> Values {
    std::string tags = "{";
    for (int i = below(4); i > 0; --i) tags += (below(6) == 0 ? "NULL" : word()) + (i > 1 ? "," : "");
    return {std::to_string(below(100)), text(fmt::format("t{}", below(9))), text(word()), text(below(2) == 0 ? "t" : "f"),
            text(tags + "}"),           text(std::to_string(below(6)))};
  };

  Router router;
  std::vector<std::unique_ptr<Feed>> feeds;
  std::size_t found_in_all = 0;
  for (int step = 0; step < 3000; ++step) {
    if (feeds.size() < 120 || below(2) == 0) {
      feeds.push_back(feed(clause(), below(3) == 0 ? std::optional<std::string>("full") : std::nullopt));
      router.add(*feeds.back());
    } else {
      std::swap(feeds[static_cast<std::size_t>(below(static_cast<int>(feeds.size())))], feeds.back());
      router.remove(*feeds.back());
      feeds.pop_back();
    }
    std::optional<Values> before, after;
    const int kind = below(3);
    if (kind != 0) before = row();
    if (kind != 1) after = row();
    Found expected;
    for (const auto& each : feeds) {
      const std::pair sides(inside(*each, before), inside(*each, after));
      if (sides.first || sides.second) expected.emplace(each.get(), sides);
    }
    ASSERT_EQ(find(router, before, after), expected) << "at step " << step;
    found_in_all += expected.size();
  }
  EXPECT_GT(found_in_all, 10'000u);
  for (const auto& each : feeds) router.remove(*each);
  EXPECT_TRUE(router.empty());
}

}  // namespace
}  // namespace sluice::origin::embedded

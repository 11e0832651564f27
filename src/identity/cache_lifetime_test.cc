#include "identity/cache_lifetime.h"

#include <gtest/gtest.h>

namespace sluice::identity {
namespace {

using namespace std::chrono_literals;

std::int64_t lifetime_s(std::initializer_list<std::pair<const char*, const char*>> fields) {
  http::Fields answer;
  for (const auto& [name, value] : fields) answer.add(name, value);
  return cache_lifetime(answer, 100s, 1'000s).count();
}

TEST(CacheLifetime, IsMaxAgeWithinBounds) {
  EXPECT_EQ(lifetime_s({{"Cache-Control", "public, max-age=500, must-revalidate"}}), 500);
  EXPECT_EQ(lifetime_s({{"cache-control", "MAX-AGE=\"500\""}}), 500);
  EXPECT_EQ(lifetime_s({{"Cache-Control", "max-age=5"}}), 100);
  EXPECT_EQ(lifetime_s({{"Cache-Control", "max-age=31536000"}}), 1'000);
  EXPECT_EQ(lifetime_s({{"Cache-Control", "max-age=99999999999999999999999"}}), 1'000);
}

TEST(CacheLifetime, CountsTheAgeOfACachedAnswer) {
  EXPECT_EQ(lifetime_s({{"Cache-Control", "max-age=500"}, {"Age", "200"}}), 300);
  EXPECT_EQ(lifetime_s({{"Cache-Control", "max-age=500"}, {"Age", "600"}}), 100);
  EXPECT_EQ(lifetime_s({{"Cache-Control", "max-age=500"}, {"Age", "-1"}}), 100);
}

TEST(CacheLifetime, IsShortWhereNothingCertainIsSaid) {
  EXPECT_EQ(lifetime_s({}), 100);
  for (const char* value :
       {"", "no-store", "no-cache, max-age=500", "max-age=500, No-Store", "max-age", "max-age=", "max-age=-5", "max-age=5x",
        "max-age=\"", "private", "s-maxage=500", "x=\"max-age=500\"", "x=\", max-age=500"})
    EXPECT_EQ(lifetime_s({{"Cache-Control", value}}), 100) << value;
}

TEST(CacheLifetime, IsTheShortestOfSeveral) {
  EXPECT_EQ(lifetime_s({{"Cache-Control", "max-age=500, max-age=400"}}), 400);
  EXPECT_EQ(lifetime_s({{"Cache-Control", "max-age=500"}, {"Cache-Control", "max-age=300"}}), 300);
  EXPECT_EQ(lifetime_s({{"Cache-Control", R"(x="a\", max-age=5", max-age=500)"}}), 500);
}

}  // namespace
}  // namespace sluice::identity

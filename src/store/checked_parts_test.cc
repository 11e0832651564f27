#include "store/checked_parts.h"

#include <gtest/gtest.h>

#include <memory>

namespace sluice::store {
namespace {

using namespace std::chrono_literals;

TEST(CheckedParts, AreKnownForATime) {
  auto parts = std::make_unique<CheckedParts>();
  const auto now = CheckedParts::Clock::now();
  const PageCache::Key part{.id = 1, .area = Area::kSnapshot, .from = 0, .to = 1000};
  EXPECT_FALSE(parts->has(part, now));
  parts->add(part, now);
  EXPECT_TRUE(parts->has(part, now + CheckedParts::kCheckedFor - 1s));
  EXPECT_FALSE(parts->has(part, now + CheckedParts::kCheckedFor));
}

TEST(CheckedParts, AreToldFromOthers) {
  auto parts = std::make_unique<CheckedParts>();
  parts->add({.id = 1, .area = Area::kSnapshot, .from = 0, .to = 1000});
  EXPECT_FALSE(parts->has({.id = 2, .area = Area::kSnapshot, .from = 0, .to = 1000}));
  EXPECT_FALSE(parts->has({.id = 1, .area = Area::kChanges, .from = 0, .to = 1000}));
  EXPECT_FALSE(parts->has({.id = 1, .area = Area::kSnapshot, .from = 1, .to = 1000}));
  EXPECT_FALSE(parts->has({.id = 1, .area = Area::kSnapshot, .from = 0, .to = 1001}));
}

// Whatever it forgets, it never says of a part that was not added that it was.
TEST(CheckedParts, ForgetRatherThanMistake) {
  auto parts = std::make_unique<CheckedParts>();
  for (std::uint64_t id = 0; id < 10'000; id += 2) parts->add({id, Area::kSnapshot, 0, 1000});
  EXPECT_TRUE(parts->has({9'998, Area::kSnapshot, 0, 1000}));
  for (std::uint64_t id = 1; id < 10'000; id += 2) EXPECT_FALSE(parts->has({id, Area::kSnapshot, 0, 1000}));
}

}  // namespace
}  // namespace sluice::store

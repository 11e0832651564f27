#include "origin/embedded/cursor.h"

#include <gtest/gtest.h>

namespace sluice::origin::embedded {
namespace {

std::chrono::system_clock::time_point at(std::int64_t seconds_after_epoch) {
  return std::chrono::system_clock::time_point(std::chrono::seconds(1'728'432'000 + seconds_after_epoch));
}

TEST(Cursor, IsTheEndOfTheInterval) {
  EXPECT_EQ(next_cursor(at(1), 20, std::nullopt, 0), 20u);
  EXPECT_EQ(next_cursor(at(20), 20, std::nullopt, 0), 20u);
  EXPECT_EQ(next_cursor(at(21), 20, std::nullopt, 0), 40u);
}

TEST(Cursor, IsAlwaysBeyondThePreviousOne) {
  EXPECT_EQ(next_cursor(at(21), 20, "20", 5), 40u);
  EXPECT_EQ(next_cursor(at(21), 20, "40", 0), 41u);
  EXPECT_EQ(next_cursor(at(21), 20, "40", 3599), 3640u);
  EXPECT_EQ(next_cursor(at(21), 20, "5000", 3600), 5001u);
}

TEST(Cursor, AWrongPreviousCursorIsNone) {
  for (const char* wrong : {"", "x", "40x", "-1", "99999999999999999999999"}) {
    EXPECT_EQ(next_cursor(at(21), 20, wrong, 0), 40u) << wrong;
  }
}

TEST(Cursor, WithoutIntervalIsZero) {
  EXPECT_EQ(next_cursor(at(21), 0, "7", 1), 0u);
}

}  // namespace
}  // namespace sluice::origin::embedded

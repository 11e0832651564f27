#include "sql/interval_math.h"

#include <gtest/gtest.h>

#include "sql/datetime.h"

namespace sluice::sql {
namespace {

// To the microsecond, at the far ends of the calendar.
TEST(Interval, KnowsWhichTimestampsItMovesBeyondTheCalendar) {
  constexpr std::int64_t kHour = 3'600'000'000;
  for (const Interval& by :
       {Interval{.microseconds = 19'800'000'000}, Interval{.microseconds = -kHour}, Interval{.months = 7},
        Interval{.months = -1200, .days = -3}, Interval{.days = 5, .microseconds = 1}}) {
    Movable range = movable(by);
    EXPECT_TRUE(moved(range.first, by) && moved(range.last, by)) << print_interval(by);
    EXPECT_TRUE(range.first == kTimestampFirst || !moved(range.first - 1, by)) << print_interval(by);
    EXPECT_TRUE(range.last == kTimestampLast || !moved(range.last + 1, by)) << print_interval(by);
    EXPECT_TRUE(range.first != kTimestampFirst || range.last != kTimestampLast) << print_interval(by);
  }
}

TEST(Interval, SpreadsFractionsDownwards) {
  auto text = [](std::optional<Interval> interval) { return interval ? print_interval(*interval) : "none"; };
  EXPECT_EQ(text(product({.months = 1}, 1.5)), "P1M15D");
  EXPECT_EQ(text(quotient({.months = 1, .days = 1}, 3)), "P10DT8H");
  EXPECT_EQ(text(product({.months = -7}, 0.1)), "P-21D");
  EXPECT_EQ(text(product({.months = 2'000'000'000}, 1.1)), "none");
  EXPECT_EQ(text(quotient({.months = 1}, 0)), "none");
  EXPECT_EQ(text(justified({.months = 1, .days = -40, .microseconds = -1})), "P-10DT-0.000001S");
}

// Whatever is within the margins is moved.
TEST(Interval, MovesWhatIsWellWithinTheCalendar) {
  for (std::int32_t months = -40'000; months <= 40'000; months += 1'009) {
    for (std::int64_t at = kTimestampFirst; at < kTimestampFirst + 200'000'000'000'000; at += 7'200'000'000'007) {
      Interval by{.months = months, .days = months % 31, .microseconds = -months};
      auto out = moved_within(at, by);
      if (out) EXPECT_EQ(out, moved(at, by));
      bool far = months > 12;
      if (far) EXPECT_TRUE(out) << at << " " << print_interval(by);
    }
  }
}

}  // namespace
}  // namespace sluice::sql

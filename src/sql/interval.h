// Intervals: months, days and microseconds, each for itself, as Postgres keeps them.
//
// Read: ISO 8601 with designators as Postgres prints it (P1Y2M3DT4H5M6.5S, each number with its own sign), and the units of
// common speech ('1 day', '2 weeks 3 hours', '1 day 02:03:04.5'). Whole numbers but for seconds: how a fraction spreads over
// smaller units is not read here. What Postgres accepts beyond ("1-2", "ago", "1 2:3") is refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::sql {

struct Interval {
  std::int32_t months = 0;
  std::int32_t days = 0;
  std::int64_t microseconds = 0;
};

std::optional<Interval> read_interval(std::string_view text);
// With IntervalStyle iso_8601.
std::string print_interval(const Interval& interval);
// As Postgres compares intervals: a month is 30 days, a day 24 hours.
__int128 span_of(const Interval& interval);
std::optional<Interval> negated(const Interval& interval);

// A timestamp and an interval: months first, to the last day of a shorter month; then days; then the rest. Nullopt where one
// of the steps leaves the timestamps. Infinity stays what it is.
std::optional<std::int64_t> moved(std::int64_t timestamp, const Interval& by);

// Whether its parts are of one sign.
bool one_way(const Interval& interval);

// The finite timestamps that moved() moves to one, by an interval that is one_way(). Empty where the first is above the
// second.
struct Movable {
  std::int64_t first;
  std::int64_t last;
};
Movable movable(const Interval& by);

}  // namespace sluice::sql

// Arithmetic of intervals, and of timestamps with intervals that are no constants.
//
// Source: timestamp.c of Postgres. It raises errors where a field leaves its type, in some versions only; so an interval
// that is computed with is bounded first (in_bounds()), as is what is told to Postgres, and then none of them does.
#pragma once

#include <cstdint>
#include <optional>

#include "sql/interval.h"

namespace sluice::sql {

// Months, days and hours, on either side of zero: 83 million years, 2.7 million, and 114 thousand.
inline constexpr std::int64_t kIntervalFieldMax = 1'000'000'000;
bool in_bounds(const Interval& interval);

// Of intervals in bounds.
Interval operator+(const Interval& a, const Interval& b);
Interval operator-(const Interval& a, const Interval& b);
Interval justified_days(Interval interval);
Interval justified_hours(Interval interval);
Interval justified(Interval interval);

// By a number. Nullopt where one of its fields times the number is beyond kProduct…, where the number is more than
// kFactorMax in size, and for a quotient, where it is less than kFactorMin: so that no field times the number is beyond the
// floats.
inline constexpr double kProductFieldMax = 2e9;
inline constexpr double kProductMicrosecondsMax = 9e18;
inline constexpr double kFactorMax = 1e280;
inline constexpr double kFactorMin = 1e-280;
std::optional<Interval> product(const Interval& interval, double factor);
std::optional<Interval> quotient(const Interval& interval, double factor);

// One timestamp less another, in days and hours. Nullopt where one is infinite, or they are further apart.
inline constexpr std::int64_t kApartSecondsMax = 9'000'000'000'000;
std::optional<Interval> apart(std::int64_t later, std::int64_t earlier);

// As moved(), where after each step the timestamp is this far within the calendar, were all months equally long: so it does
// not have to be known how long they are.
inline constexpr std::int64_t kMonthSeconds = 2'629'746;
inline constexpr std::int64_t kCalendarMarginSeconds = 40L * 86'400;
std::optional<std::int64_t> moved_within(std::int64_t timestamp, const Interval& by);

}  // namespace sluice::sql

#include "sql/interval_math.h"

#include <cmath>
#include <cstdlib>

#include "sql/datetime.h"

namespace sluice::sql {
namespace {

using Wide = __int128;

constexpr std::int32_t kDaysOfAMonth = 30;
constexpr double kSecondsOfADay = 86'400;

// TSROUND(): to a millionth.
double to_millionth(double value) {
  return std::rint(value * 1e6) / 1e6;
}

void carry_hours(Interval& interval) {
  auto whole = static_cast<std::int32_t>(interval.microseconds / kDay);
  interval.microseconds -= whole * kDay;
  interval.days += whole;
}

void carry_days(Interval& interval) {
  std::int32_t whole = interval.days / kDaysOfAMonth;
  interval.days -= whole * kDaysOfAMonth;
  interval.months += whole;
}

// Days and hours of one sign.
void agree_hours(Interval& interval) {
  if (interval.days > 0 && interval.microseconds < 0) {
    interval.microseconds += kDay;
    --interval.days;
  } else if (interval.days < 0 && interval.microseconds > 0) {
    interval.microseconds -= kDay;
    ++interval.days;
  }
}

void agree_days(Interval& interval, bool days_above, bool days_below) {
  if (interval.months > 0 && days_below) {
    interval.days += kDaysOfAMonth;
    --interval.months;
  } else if (interval.months < 0 && days_above) {
    interval.days -= kDaysOfAMonth;
    ++interval.months;
  }
}

// interval_mul() and interval_div(), of the fields as they came out: fractions go down to the next smaller unit.
std::optional<Interval> spread(double months, double days, double microseconds) {
  bool fits = std::fabs(months) <= kProductFieldMax && std::fabs(days) <= kProductFieldMax &&
              std::fabs(microseconds) <= kProductMicrosecondsMax;
  if (!fits) return std::nullopt;
  Interval out{.months = static_cast<std::int32_t>(months), .days = static_cast<std::int32_t>(days)};
  double rest_days = to_millionth((months - out.months) * kDaysOfAMonth);
  double rest_seconds = to_millionth((days - out.days + rest_days - static_cast<int>(rest_days)) * kSecondsOfADay);
  if (std::fabs(rest_seconds) >= kSecondsOfADay) {
    auto whole = static_cast<int>(rest_seconds / kSecondsOfADay);
    out.days += whole;
    rest_seconds -= whole * kSecondsOfADay;
  }
  out.days += static_cast<std::int32_t>(rest_days);
  out.microseconds = static_cast<std::int64_t>(std::rint(microseconds + rest_seconds * 1e6));
  return out;
}

bool within_calendar(Wide timestamp) {
  constexpr Wide kMargin = Wide(kCalendarMarginSeconds) * kSecond;
  return timestamp >= kTimestampFirst + kMargin && timestamp <= kTimestampLast + 1 - kMargin;
}

}  // namespace

bool in_bounds(const Interval& interval) {
  return std::abs(std::int64_t(interval.months)) <= kIntervalFieldMax &&
         std::abs(std::int64_t(interval.days)) <= kIntervalFieldMax &&
         std::abs(interval.microseconds / kHour) <= kIntervalFieldMax;
}

Interval operator+(const Interval& a, const Interval& b) {
  return {a.months + b.months, a.days + b.days, a.microseconds + b.microseconds};
}
Interval operator-(const Interval& a, const Interval& b) {
  return {a.months - b.months, a.days - b.days, a.microseconds - b.microseconds};
}

Interval justified_days(Interval interval) {
  carry_days(interval);
  agree_days(interval, interval.days > 0, interval.days < 0);
  return interval;
}

Interval justified_hours(Interval interval) {
  carry_hours(interval);
  agree_hours(interval);
  return interval;
}

Interval justified(Interval interval) {
  carry_hours(interval);
  carry_days(interval);
  bool above = interval.days > 0 || (interval.days == 0 && interval.microseconds > 0);
  bool below = interval.days < 0 || (interval.days == 0 && interval.microseconds < 0);
  agree_days(interval, above, below);
  agree_hours(interval);
  return interval;
}

std::optional<Interval> product(const Interval& interval, double factor) {
  if (!(std::fabs(factor) <= kFactorMax)) return std::nullopt;
  return spread(interval.months * factor, interval.days * factor, static_cast<double>(interval.microseconds) * factor);
}

std::optional<Interval> quotient(const Interval& interval, double factor) {
  if (!(std::fabs(factor) <= kFactorMax && std::fabs(factor) >= kFactorMin)) return std::nullopt;
  return spread(interval.months / factor, interval.days / factor, static_cast<double>(interval.microseconds) / factor);
}

std::optional<Interval> apart(std::int64_t later, std::int64_t earlier) {
  for (std::int64_t moment : {later, earlier}) {
    if (moment == kInfinityLate || moment == kInfinityEarly) return std::nullopt;
  }
  Wide between = Wide(later) - earlier;
  constexpr Wide kMost = Wide(kApartSecondsMax) * kSecond;
  if (between > kMost || between < -kMost) return std::nullopt;
  return justified_hours({.microseconds = static_cast<std::int64_t>(between)});
}

std::optional<std::int64_t> moved_within(std::int64_t timestamp, const Interval& by) {
  if (timestamp == kInfinityLate || timestamp == kInfinityEarly) return timestamp;
  Wide at = timestamp;
  for (Wide step : {Wide(by.months) * kMonthSeconds * kSecond, Wide(by.days) * kDay, Wide(by.microseconds)}) {
    at += step;
    if (!within_calendar(at)) return std::nullopt;
  }
  return moved(timestamp, by);
}

}  // namespace sluice::sql

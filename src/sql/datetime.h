// Dates and times in ISO 8601 as Postgres prints them with DateStyle ISO, and the spellings of them that its input reads the
// same way whatever the settings of the session. Everything else that Postgres accepts ("today", "Jan 5", "1/2/2020") is not
// read here: it depends on DateStyle, on the time zone database or on the clock.
//
// A timestamptz without an offset is in UTC: sessions run with TimeZone UTC.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::sql {

// In microseconds.
inline constexpr std::int64_t kSecond = 1'000'000;
inline constexpr std::int64_t kMinute = 60 * kSecond;
inline constexpr std::int64_t kHour = 60 * kMinute;
inline constexpr std::int64_t kDay = 24 * kHour;

// Infinite dates and times, as Postgres stores them. They order correctly as plain integers.
inline constexpr std::int64_t kInfinityLate = std::numeric_limits<std::int64_t>::max();
inline constexpr std::int64_t kInfinityEarly = std::numeric_limits<std::int64_t>::min();

// Days since 2000-01-01.
std::optional<std::int64_t> read_date(std::string_view text);
// Microseconds since 2000-01-01 00:00 (in UTC for a timestamptz). read_timestamp() ignores an offset, as Postgres does.
std::optional<std::int64_t> read_timestamp(std::string_view text);
std::optional<std::int64_t> read_timestamptz(std::string_view text);
// Microseconds since midnight; 24:00:00 is a time.
std::optional<std::int64_t> read_time(std::string_view text);

// The timestamp at which a day begins. A day that no timestamp reaches comes after every timestamp but infinity.
std::int64_t timestamp_of_date(std::int64_t days);

// The finite timestamps.
inline constexpr std::int64_t kTimestampFirst = -211'813'488'000'000'000;
inline constexpr std::int64_t kTimestampLast = 9'223'371'331'199'999'999;
inline bool is_timestamp(__int128 microseconds) {
  return microseconds >= kTimestampFirst && microseconds <= kTimestampLast;
}
// Of a day and the time on it; nullopt where it is none.
std::optional<std::int64_t> timestamp_at(std::int64_t days, std::int64_t clock);
// The same day of another month, or the last of a shorter one.
std::int64_t days_months_later(std::int64_t days, std::int32_t months);
// Whether there is such a date.
bool is_date(std::int64_t days);

// As Postgres prints them with DateStyle ISO and TimeZone UTC.
std::string print_date(std::int64_t days);
std::string print_timestamp(std::int64_t microseconds);
std::string print_timestamptz(std::int64_t microseconds);
std::string print_time(std::int64_t microseconds);

}  // namespace sluice::sql

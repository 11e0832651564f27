#include "sql/datetime.h"

#include <fmt/format.h>

#include <algorithm>

#include "sql/text_input.h"

namespace sluice::sql {
namespace {

constexpr int kYearDigitsMax = 7;  // date ends in 5874897
constexpr int kZoneHoursMax = 15;  // MAX_TZDISP_HOUR

struct Civil {
  std::int64_t year;  // astronomical: 1 BC is 0
  int month;
  int day;
};

// Days from 2000-01-01 in the proleptic Gregorian calendar: Howard Hinnant, "chrono-compatible low-level date algorithms".
constexpr std::int64_t days_of(Civil civil) {
  std::int64_t y = civil.month <= 2 ? civil.year - 1 : civil.year;
  std::int64_t era = (y >= 0 ? y : y - 399) / 400;
  std::int64_t year_of_era = y - era * 400;
  std::int64_t day_of_year = (153 * (civil.month + (civil.month > 2 ? -3 : 9)) + 2) / 5 + civil.day - 1;
  std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 730425;
}

constexpr Civil civil_of(std::int64_t days) {
  std::int64_t z = days + 730425;
  std::int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  std::int64_t day_of_era = z - era * 146097;
  std::int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  std::int64_t shifted_month = (5 * day_of_year + 2) / 153;
  int day = static_cast<int>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
  int month = static_cast<int>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

static_assert(days_of({2000, 1, 1}) == 0);
static_assert(days_of({1970, 1, 1}) == -10957);
static_assert(civil_of(days_of({-4713, 11, 24})).year == -4713);

// The first day of the Julian count, the last date, and the end of timestamps (src/include/datatype/timestamp.h).
constexpr std::int64_t kFirstDay = days_of({-4713, 11, 24});
constexpr std::int64_t kLastDay = days_of({5874897, 12, 31});
constexpr std::int64_t kEndDay = days_of({294277, 1, 1});

bool leap(std::int64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int days_in_month(std::int64_t year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && leap(year) ? 29 : kDays[month - 1];
}

// Reads from the front of a text; each method consumes what it returns, and nothing where it fails.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool empty() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take_suffix(std::string_view suffix) {
    if (!rest_.ends_with(suffix)) return false;
    rest_.remove_suffix(suffix.size());
    return true;
  }
  // All digits at the front, between `least` and `most` of them.
  std::optional<std::int64_t> number(std::size_t least, std::size_t most) {
    std::size_t n = 0;
    std::int64_t value = 0;
    while (n < rest_.size() && is_digit(rest_[n])) {
      if (n == most) return std::nullopt;
      value = value * 10 + (rest_[n++] - '0');
    }
    if (n < least) return std::nullopt;
    rest_.remove_prefix(n);
    digits_ = n;
    return value;
  }
  std::size_t digits() const { return digits_; }
  std::optional<std::int64_t> two_digits(std::int64_t most) {
    if (rest_.size() < 2 || !is_digit(rest_[0]) || !is_digit(rest_[1])) return std::nullopt;
    std::int64_t value = (rest_[0] - '0') * 10 + (rest_[1] - '0');
    if (value > most) return std::nullopt;
    rest_.remove_prefix(2);
    return value;
  }

 private:
  std::string_view rest_;
  std::size_t digits_ = 0;
};

std::optional<std::int64_t> take_date(Reader& in, bool bc) {
  auto year = in.number(4, kYearDigitsMax);
  if (!year || *year == 0 || !in.take('-')) return std::nullopt;
  auto month = in.two_digits(12);
  if (!month || *month == 0 || !in.take('-')) return std::nullopt;
  auto day = in.two_digits(31);
  if (!day || *day == 0) return std::nullopt;
  Civil civil{bc ? 1 - *year : *year, static_cast<int>(*month), static_cast<int>(*day)};
  if (civil.day > days_in_month(civil.year, civil.month)) return std::nullopt;
  return days_of(civil);
}

// HH:MM[:SS[.ffffff]]
std::optional<std::int64_t> take_clock(Reader& in) {
  auto hours = in.two_digits(24);
  if (!hours || !in.take(':')) return std::nullopt;
  auto minutes = in.two_digits(59);
  if (!minutes) return std::nullopt;
  std::int64_t total = *hours * kHour + *minutes * kMinute;
  if (in.take(':')) {
    auto seconds = in.two_digits(59);
    if (!seconds) return std::nullopt;
    total += *seconds * kSecond;
    if (in.take('.')) {
      auto fraction = in.number(1, 6);
      if (!fraction) return std::nullopt;
      for (std::size_t i = in.digits(); i < 6; ++i) *fraction *= 10;
      total += *fraction;
    }
  }
  if (total > kDay) return std::nullopt;
  return total;
}

// Z or +HH[[:]MM[[:]SS]], to the east positive.
std::optional<std::int64_t> take_zone(Reader& in) {
  if (in.take('Z')) return 0;
  bool west = in.take('-');
  if (!west && !in.take('+')) return std::nullopt;
  auto hours = in.two_digits(kZoneHoursMax);
  if (!hours) return std::nullopt;
  std::int64_t total = *hours * kHour;
  for (std::int64_t unit : {kMinute, kSecond}) {
    if (in.empty()) break;
    in.take(':');
    auto part = in.two_digits(59);
    if (!part) return std::nullopt;
    total += *part * unit;
  }
  return west ? -total : total;
}

std::optional<std::int64_t> read_infinity(std::string_view text) {
  if (text.size() < 3 || (text[0] != 'i' && text[1] != 'i' && text[0] != 'I' && text[1] != 'I')) return std::nullopt;
  std::string word = lowered(text);
  if (word == "infinity") return kInfinityLate;
  if (word == "-infinity") return kInfinityEarly;
  return std::nullopt;
}

struct Moment {
  std::int64_t days = 0;
  std::int64_t clock = 0;
  std::int64_t zone = 0;
};

// YYYY-MM-DD[( |T)clock[[ ]zone]][ BC]
std::optional<Moment> read_moment(std::string_view text) {
  Reader in(text);
  Moment out;
  auto days = take_date(in, in.take_suffix(" BC"));
  if (!days) return std::nullopt;
  out.days = *days;
  if (in.empty()) return out;
  if (!in.take(' ') && !in.take('T')) return std::nullopt;
  auto clock = take_clock(in);
  if (!clock || *clock == kDay) return std::nullopt;
  out.clock = *clock;
  if (in.empty()) return out;
  in.take(' ');
  auto zone = take_zone(in);
  if (!zone || !in.empty()) return std::nullopt;
  out.zone = *zone;
  return out;
}

std::optional<std::int64_t> microseconds_of(const Moment& moment) {
  if (moment.days < kFirstDay || moment.days >= kEndDay) return std::nullopt;
  std::int64_t out = 0;
  if (__builtin_mul_overflow(moment.days, kDay, &out)) return std::nullopt;
  if (__builtin_add_overflow(out, moment.clock - moment.zone, &out)) return std::nullopt;
  if (out < kFirstDay * kDay || out >= kEndDay * kDay) return std::nullopt;
  return out;
}

std::string era_of(Civil civil) {
  return civil.year > 0 ? "" : " BC";
}

std::string print_civil(Civil civil) {
  return fmt::format("{:04}-{:02}-{:02}", civil.year > 0 ? civil.year : 1 - civil.year, civil.month, civil.day);
}

std::string print_moment(std::int64_t microseconds, std::string_view zone) {
  if (microseconds == kInfinityLate) return "infinity";
  if (microseconds == kInfinityEarly) return "-infinity";
  std::int64_t days = microseconds / kDay;
  std::int64_t clock = microseconds % kDay;
  if (clock < 0) {
    clock += kDay;
    --days;
  }
  Civil civil = civil_of(days);
  return fmt::format("{} {}{}{}", print_civil(civil), print_time(clock), zone, era_of(civil));
}

}  // namespace

std::optional<std::int64_t> read_date(std::string_view input) {
  std::string_view text = trimmed(input);
  if (auto infinite = read_infinity(text)) return infinite;
  auto moment = read_moment(text);
  if (!moment || moment->days < kFirstDay || moment->days > kLastDay) return std::nullopt;
  return moment->days;
}

std::optional<std::int64_t> read_timestamp(std::string_view input) {
  std::string_view text = trimmed(input);
  if (auto infinite = read_infinity(text)) return infinite;
  auto moment = read_moment(text);
  if (!moment) return std::nullopt;
  moment->zone = 0;
  return microseconds_of(*moment);
}

std::optional<std::int64_t> read_timestamptz(std::string_view input) {
  std::string_view text = trimmed(input);
  if (auto infinite = read_infinity(text)) return infinite;
  auto moment = read_moment(text);
  if (!moment) return std::nullopt;
  return microseconds_of(*moment);
}

std::optional<std::int64_t> read_time(std::string_view input) {
  Reader in(trimmed(input));
  auto clock = take_clock(in);
  if (!clock || !in.empty()) return std::nullopt;
  return clock;
}

std::int64_t timestamp_of_date(std::int64_t days) {
  if (days == kInfinityLate || days == kInfinityEarly) return days;
  return days >= kEndDay ? kInfinityLate - 1 : days * kDay;
}

std::optional<std::int64_t> timestamp_at(std::int64_t days, std::int64_t clock) {
  __int128 out = __int128(days) * kDay + clock;
  return is_timestamp(out) ? std::optional(static_cast<std::int64_t>(out)) : std::nullopt;
}

std::int64_t days_months_later(std::int64_t days, std::int32_t months) {
  Civil civil = civil_of(days);
  std::int64_t month = civil.year * 12 + civil.month - 1 + months;
  std::int64_t of_year = ((month % 12) + 12) % 12;
  civil.year = (month - of_year) / 12;
  civil.month = static_cast<int>(of_year) + 1;
  civil.day = std::min(civil.day, days_in_month(civil.year, civil.month));
  return days_of(civil);
}

bool is_date(std::int64_t days) {
  return days >= kFirstDay && days <= kLastDay;
}

static_assert(kFirstDay * kDay == kTimestampFirst && kEndDay * kDay == kTimestampLast + 1);

std::string print_date(std::int64_t days) {
  if (days == kInfinityLate) return "infinity";
  if (days == kInfinityEarly) return "-infinity";
  Civil civil = civil_of(days);
  return print_civil(civil) + era_of(civil);
}

std::string print_timestamp(std::int64_t microseconds) {
  return print_moment(microseconds, "");
}
std::string print_timestamptz(std::int64_t microseconds) {
  return print_moment(microseconds, "+00");
}

std::string print_time(std::int64_t microseconds) {
  std::string out =
      fmt::format("{:02}:{:02}:{:02}", microseconds / kHour, microseconds / kMinute % 60, microseconds / kSecond % 60);
  if (std::int64_t fraction = microseconds % kSecond; fraction != 0) {
    out += fmt::format(".{:06}", fraction);
    out.erase(out.find_last_not_of('0') + 1);
  }
  return out;
}

}  // namespace sluice::sql

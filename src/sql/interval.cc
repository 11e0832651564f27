#include "sql/interval.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>

#include "sql/datetime.h"
#include "sql/text_input.h"

namespace sluice::sql {
namespace {

using Wide = __int128;

// Beyond these no timestamp moves to another.
constexpr std::int32_t kMonthsMax = 10'000'000;
constexpr std::int32_t kDaysMax = 200'000'000;

enum class Field { kMonths, kDays, kMicroseconds };

struct Unit {
  std::string_view name;
  Field field;
  std::int64_t size;
};

constexpr std::array<Unit, 23> kUnits{{{"year", Field::kMonths, 12},
                                       {"years", Field::kMonths, 12},
                                       {"mon", Field::kMonths, 1},
                                       {"mons", Field::kMonths, 1},
                                       {"month", Field::kMonths, 1},
                                       {"months", Field::kMonths, 1},
                                       {"week", Field::kDays, 7},
                                       {"weeks", Field::kDays, 7},
                                       {"day", Field::kDays, 1},
                                       {"days", Field::kDays, 1},
                                       {"hour", Field::kMicroseconds, kHour},
                                       {"hours", Field::kMicroseconds, kHour},
                                       {"min", Field::kMicroseconds, kMinute},
                                       {"mins", Field::kMicroseconds, kMinute},
                                       {"minute", Field::kMicroseconds, kMinute},
                                       {"minutes", Field::kMicroseconds, kMinute},
                                       {"sec", Field::kMicroseconds, kSecond},
                                       {"secs", Field::kMicroseconds, kSecond},
                                       {"second", Field::kMicroseconds, kSecond},
                                       {"seconds", Field::kMicroseconds, kSecond},
                                       {"ms", Field::kMicroseconds, 1000},
                                       {"millisecond", Field::kMicroseconds, 1000},
                                       {"milliseconds", Field::kMicroseconds, 1000}}};

const Unit* unit_named(std::string_view name) {
  for (const Unit& unit : kUnits) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

constexpr std::array<std::pair<char, Unit>, 4> kDateDesignators{{{'y', {"", Field::kMonths, 12}},
                                                                 {'m', {"", Field::kMonths, 1}},
                                                                 {'w', {"", Field::kDays, 7}},
                                                                 {'d', {"", Field::kDays, 1}}}};
constexpr std::array<std::pair<char, Unit>, 3> kTimeDesignators{{{'h', {"", Field::kMicroseconds, kHour}},
                                                                 {'m', {"", Field::kMicroseconds, kMinute}},
                                                                 {'s', {"", Field::kMicroseconds, kSecond}}}};

template <std::size_t N>
std::size_t place_of(const std::array<std::pair<char, Unit>, N>& designators, char c) {
  for (std::size_t i = 0; i < N; ++i) {
    if (designators[i].first == c) return i;
  }
  return N;
}

// A sum that no field overflows.
class Sum {
 public:
  bool add(const Unit& unit, std::int64_t count, std::int64_t millionths) {
    if (millionths != 0 && unit.size != kSecond) return false;
    Wide amount = Wide(count) * unit.size + millionths;
    auto& field = fields_[static_cast<std::size_t>(unit.field)];
    field += amount;
    Wide most = unit.field == Field::kMicroseconds ? std::numeric_limits<std::int64_t>::max()
                                                   : std::numeric_limits<std::int32_t>::max();
    return field <= most && field >= -most;
  }
  Interval interval() const {
    return {static_cast<std::int32_t>(fields_[0]), static_cast<std::int32_t>(fields_[1]),
            static_cast<std::int64_t>(fields_[2])};
  }

 private:
  std::array<Wide, 3> fields_{};
};

// A number with a sign of its own and at most six digits after its point.
struct Count {
  std::int64_t whole;
  std::int64_t millionths;
};

std::optional<Count> take_count(std::string_view& rest) {
  bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  constexpr std::size_t kDigitsMax = 15;
  std::int64_t whole = 0;
  std::size_t digits = 0;
  for (; !rest.empty() && is_digit(rest[0]); rest.remove_prefix(1)) {
    if (++digits > kDigitsMax) return std::nullopt;
    whole = whole * 10 + (rest[0] - '0');
  }
  if (digits == 0) return std::nullopt;
  std::int64_t millionths = 0;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    std::size_t places = 0;
    for (; !rest.empty() && is_digit(rest[0]); rest.remove_prefix(1)) {
      if (++places > 6) return std::nullopt;
      millionths = millionths * 10 + (rest[0] - '0');
    }
    if (places == 0) return std::nullopt;
    for (; places < 6; ++places) millionths *= 10;
  }
  return negative ? Count{-whole, -millionths} : Count{whole, millionths};
}

// P1Y2M3DT4H5M6.5S, lowered and without its P: each designator once, in this order.
std::optional<Interval> read_designated(std::string_view rest) {
  Sum sum;
  bool time = false;
  std::size_t next = 0;
  bool any = false;
  while (!rest.empty()) {
    if (!time && rest.starts_with('t')) {
      rest.remove_prefix(1);
      time = true;
      next = 0;
      if (rest.empty()) return std::nullopt;
    }
    auto count = take_count(rest);
    if (!count || rest.empty()) return std::nullopt;
    std::size_t place = time ? place_of(kTimeDesignators, rest[0]) : place_of(kDateDesignators, rest[0]);
    if (place < next || place == (time ? kTimeDesignators.size() : kDateDesignators.size())) return std::nullopt;
    const Unit& unit = time ? kTimeDesignators[place].second : kDateDesignators[place].second;
    if (!sum.add(unit, count->whole, count->millionths)) return std::nullopt;
    rest.remove_prefix(1);
    next = place + 1;
    any = true;
  }
  return any ? std::optional(sum.interval()) : std::nullopt;
}

// 02:03[:04.5], with a sign or none.
bool add_clock(std::string_view word, Sum& sum) {
  bool negative = word.starts_with('-');
  if (negative || word.starts_with('+')) word.remove_prefix(1);
  if (word.size() < 5 || word.size() > 15 || word[2] != ':') return false;
  auto clock = read_time(word);
  if (!clock || *clock >= kDay) return false;
  return sum.add({"", Field::kMicroseconds, 1}, negative ? -*clock : *clock, 0);
}

// "1 year 2 days 03:04:05": each unit once at most, a clock at the end.
std::optional<Interval> read_spoken(std::string_view rest) {
  Sum sum;
  unsigned seen = 0;
  bool any = false;
  auto word = [&] {
    std::string_view out = rest.substr(0, std::min(rest.find(' '), rest.size()));
    rest = trimmed(rest.substr(out.size()));
    return out;
  };
  while (!rest.empty()) {
    std::string_view first = word();
    any = true;
    if (first.find(':') != std::string_view::npos) {
      if (!rest.empty() || (seen & 7U << 16U) != 0 || !add_clock(first, sum)) return std::nullopt;
      break;
    }
    auto count = take_count(first);
    if (!count) return std::nullopt;
    const Unit* unit = unit_named(first.empty() ? word() : first);
    if (unit == nullptr || !sum.add(*unit, count->whole, count->millionths)) return std::nullopt;
    unsigned bit = unit->field == Field::kMonths ? (unit->size == 12 ? 1U : 2U)
                   : unit->field == Field::kDays ? (unit->size == 7 ? 4U : 8U)
                   : unit->size == kHour         ? 1U << 16U
                   : unit->size == kMinute       ? 1U << 17U
                                                 : 1U << 18U;
    if ((seen & bit) != 0) return std::nullopt;
    seen |= bit;
  }
  return any ? std::optional(sum.interval()) : std::nullopt;
}

// The same day of another month, or its last.
std::optional<std::int64_t> moved_months(std::int64_t timestamp, std::int32_t months) {
  std::int64_t clock = ((timestamp % kDay) + kDay) % kDay;
  auto days = days_months_later((timestamp - clock) / kDay, months);
  return timestamp_at(days, clock);
}

}  // namespace

std::optional<Interval> read_interval(std::string_view text) {
  constexpr std::size_t kBytesMax = 200;
  if (text.size() > kBytesMax) return std::nullopt;
  std::string low = lowered(trimmed(text));
  if (low.starts_with('p')) return read_designated(std::string_view(low).substr(1));
  return read_spoken(low);
}

std::string print_interval(const Interval& interval) {
  std::string date;
  auto add = [](std::string& to, std::int64_t count, char unit) {
    if (count != 0) to += fmt::format("{}{}", count, unit);
  };
  add(date, interval.months / 12, 'Y');
  add(date, interval.months % 12, 'M');
  add(date, interval.days, 'D');
  std::string time;
  add(time, interval.microseconds / kHour, 'H');
  add(time, interval.microseconds / kMinute % 60, 'M');
  std::int64_t rest = interval.microseconds % kMinute;
  if (rest != 0) {
    std::int64_t size = rest < 0 ? -rest : rest;
    time += fmt::format("{}{}", rest < 0 ? "-" : "", size / kSecond);
    if (size % kSecond != 0) {
      time += fmt::format(".{:06}", size % kSecond);
      time.erase(time.find_last_not_of('0') + 1);
    }
    time += 'S';
  }
  if (date.empty() && time.empty()) return "PT0S";
  return "P" + date + (time.empty() ? "" : "T" + time);
}

bool one_way(const Interval& interval) {
  auto [least, most] = std::minmax({std::int64_t(interval.months), std::int64_t(interval.days), interval.microseconds});
  return least >= 0 || most <= 0;
}

__int128 span_of(const Interval& interval) {
  return Wide(interval.microseconds) + (Wide(interval.days) + Wide(interval.months) * 30) * kDay;
}

std::optional<Interval> negated(const Interval& interval) {
  Interval out;
  bool overflow = __builtin_sub_overflow(0, interval.months, &out.months) ||
                  __builtin_sub_overflow(0, interval.days, &out.days) ||
                  __builtin_sub_overflow(0, interval.microseconds, &out.microseconds);
  return overflow ? std::nullopt : std::optional(out);
}

std::optional<std::int64_t> moved(std::int64_t timestamp, const Interval& by) {
  if (timestamp == kInfinityLate || timestamp == kInfinityEarly) return timestamp;
  if (std::abs(std::int64_t(by.months)) > kMonthsMax || std::abs(std::int64_t(by.days)) > kDaysMax) return std::nullopt;
  std::optional<std::int64_t> at = timestamp;
  if (by.months != 0) at = moved_months(*at, by.months);
  if (at && by.days != 0) {
    std::int64_t clock = ((*at % kDay) + kDay) % kDay;
    at = timestamp_at((*at - clock) / kDay + by.days, clock);
  }
  if (!at) return std::nullopt;
  Wide sum = Wide(*at) + by.microseconds;
  return is_timestamp(sum) ? std::optional(static_cast<std::int64_t>(sum)) : std::nullopt;
}

// Every step goes one way and keeps the order of timestamps: those that stay within are all up to one, or all from one on.
Movable movable(const Interval& by) {
  constexpr Movable kNone{1, 0};
  if (!one_way(by)) return kNone;
  std::int64_t low = kTimestampFirst;
  std::int64_t high = kTimestampLast;
  bool forward = span_of(by) > 0;
  if (moved(forward ? low : high, by)) {
    std::int64_t good = forward ? low : high;
    std::int64_t bad = forward ? high : low;
    if (moved(bad, by)) return {low, high};
    for (;;) {
      std::int64_t middle = good / 2 + bad / 2 + (good % 2 + bad % 2) / 2;
      if (middle == good || middle == bad) break;
      (moved(middle, by) ? good : bad) = middle;
    }
    return forward ? Movable{low, good} : Movable{good, high};
  }
  return kNone;
}

}  // namespace sluice::sql

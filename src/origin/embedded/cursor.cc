#include "origin/embedded/cursor.h"

#include <charconv>

namespace sluice::origin::embedded {
namespace {

constexpr std::uint64_t kEpochUnixS = 1'728'432'000;  // 2024-10-09T00:00:00Z
constexpr std::uint64_t kStepMax = 3600;
// Beyond this, a previous cursor is not one that was ever given out; adding a step to it must not wrap.
constexpr std::uint64_t kCursorMax = std::uint64_t{1} << 53;

std::uint64_t read_cursor(const std::optional<std::string>& text) {
  std::uint64_t value = 0;
  if (!text) return 0;
  const char* end = text->data() + text->size();
  auto [stop, error] = std::from_chars(text->data(), end, value);
  return error == std::errc() && stop == end && value <= kCursorMax ? value : 0;
}

}  // namespace

std::uint64_t next_cursor(std::chrono::system_clock::time_point now, std::uint64_t interval_s,
                          const std::optional<std::string>& previous, std::uint64_t random) {
  if (interval_s == 0) return 0;
  auto unix_s = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
  std::uint64_t since = unix_s > kEpochUnixS ? unix_s - kEpochUnixS : 0;
  std::uint64_t next = (since + interval_s - 1) / interval_s * interval_s;
  std::uint64_t before = read_cursor(previous);
  return next > before ? next : before + 1 + random % kStepMax;
}

}  // namespace sluice::origin::embedded

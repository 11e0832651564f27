#include "identity/refresh_schedule.h"

#include <algorithm>

#include "base/bytes.h"

namespace sluice::identity {
namespace {

using std::chrono::milliseconds;

// From three quarters of it to the whole: gateways that began together do not ask together.
milliseconds with_jitter(milliseconds time) {
  const auto quarter = static_cast<std::uint64_t>(time.count() / 4);
  return time - milliseconds(random_u64() % (quarter + 1));
}

}  // namespace

bool RefreshSchedule::is_missing(std::string_view key_id, Time now) const {
  return std::ranges::any_of(missing_, [&](const Missing& m) { return m.until > now && m.key_id == key_id; });
}

bool RefreshSchedule::claim(std::string_view key_id, Time now) {
  if (now < claimed_until_ || is_missing(key_id, now)) return false;
  claimed_until_ = now + options_.unknown_key_interval;
  return true;
}

void RefreshSchedule::succeeded(Time now, std::chrono::seconds lifetime) {
  failures_ = 0;
  due_ = now + with_jitter(lifetime);
  stale_at_ = now + options_.stale_max;
}

void RefreshSchedule::missing(std::span<const std::string> key_ids, Time now) {
  for (const std::string& key_id : key_ids) {
    if (is_missing(key_id, now)) continue;
    if (missing_.size() == kMissingMax) missing_.pop_front();
    missing_.push_back({key_id, now + options_.missing_for});
  }
}

void RefreshSchedule::failed(Time now) {
  constexpr std::uint64_t kDoublingsMax = 20;
  ++failures_;
  const milliseconds wait = options_.retry_min * (std::int64_t{1} << std::min(failures_ - 1, kDoublingsMax));
  due_ = now + with_jitter(std::min(wait, options_.retry_max));
}

}  // namespace sluice::identity

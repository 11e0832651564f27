#include "identity/refusal_memory.h"

#include <algorithm>

namespace sluice::identity {
namespace {

// A reason is for the log; a longer one says no more.
constexpr std::size_t kReasonBytesMax = 160;
constexpr std::size_t kEntryBytes = 256;

}  // namespace

RefusalMemory::RefusalMemory(RefusalMemoryOptions options)
    : options_(options), entries_(options.entries_max, options.entries_max * (kEntryBytes + kReasonBytesMax)) {}

// The second condition: a clock that was set back does not make a storm longer.
bool RefusalMemory::is_storming(const Entry& entry, std::int64_t now_s) const {
  return now_s < entry.storm_until_s && entry.storm_until_s - now_s <= options_.storm_window_s;
}

bool RefusalMemory::holds(const Entry& entry, std::uint64_t revisions, std::int64_t now_s) const {
  if (entry.remedy.keys && entry.revisions != revisions) return false;
  if (is_storming(entry, now_s)) return true;
  return !entry.remedy.time && now_s >= entry.refused_at_s;  // an expired token is good again where the clock was wrong
}

// Seconds that the token has to stay away for.
std::int64_t RefusalMemory::count_one(Entry& entry, std::int64_t now_s) {
  if (is_storming(entry, now_s)) return entry.storm_until_s - now_s;
  const std::int64_t age_s = now_s - entry.window_from_s;
  if (age_s < 0 || age_s >= options_.storm_window_s) {
    entry.window_from_s = now_s;
    entry.count = 0;
  }
  if (++entry.count < options_.storm_count) return 0;
  storms_.fetch_add(1, std::memory_order_relaxed);
  entry.count = 0;
  entry.storm_until_s = now_s + options_.storm_window_s;
  return options_.storm_window_s;
}

Refused RefusalMemory::answer(Entry& entry, std::int64_t now_s) {
  const std::int64_t retry_after_s = count_one(entry, now_s);
  return {entry.error, entry.may_change && retry_after_s == 0, retry_after_s, entry.reason};
}

std::optional<Refused> RefusalMemory::find(const Sha256& digest, std::uint64_t revisions, std::int64_t now_s) {
  return entries_.with(digest, [&](RecentMap<Entry>& map) -> std::optional<Refused> {
    Entry* entry = map.find(digest);
    if (!entry || !holds(*entry, revisions, now_s)) return std::nullopt;
    return answer(*entry, now_s);
  });
}

Refused RefusalMemory::put(const Sha256& digest, Refused refused, Remedy remedy, std::uint64_t revisions,
                           std::int64_t now_s) {
  refused.reason.resize(std::min(refused.reason.size(), kReasonBytesMax));
  return entries_.with(digest, [&](RecentMap<Entry>& map) {
    const Entry* before = map.find(digest);
    Entry entry{.error = refused.error,
                .may_change = refused.may_change,
                .remedy = remedy,
                .count = before ? before->count : 0,
                .revisions = revisions,
                .refused_at_s = now_s,
                .window_from_s = before ? before->window_from_s : now_s,
                .storm_until_s = before ? before->storm_until_s : 0,
                .reason = std::move(refused.reason)};
    Refused counted = answer(entry, now_s);
    map.put(digest, std::move(entry), kEntryBytes + counted.reason.size());
    return counted;
  });
}

bool RefusalMemory::is_outdated(const Sha256& digest, std::uint64_t revisions) {
  return entries_.with(digest, [&](RecentMap<Entry>& map) {
    const Entry* entry = map.find(digest);
    return entry && entry->revisions != revisions;
  });
}

}  // namespace sluice::identity

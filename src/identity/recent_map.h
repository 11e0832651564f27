// What was found out about tokens lately, by digest: at most so many entries and bytes, whatever is put in. The entry used
// longest ago makes room.
//
// RecentMap is one thread's; ShardedRecentMap splits it by digest, a lock each, so that threads seldom meet.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/sha256.h"

namespace sluice::identity {

template <typename Value>
class RecentMap {
 public:
  RecentMap(std::size_t entries_max, std::size_t bytes_max) : entries_max_(entries_max), bytes_max_(bytes_max) {}

  // Null where absent. It becomes the one used last; valid until the next call.
  Value* find(const Sha256& digest) {
    const auto found = places_.find(digest);
    if (found == places_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &entries_.front().value;
  }

  // In the place of what is there. Nothing is kept where `bytes` alone is more than there is room for.
  void put(const Sha256& digest, Value value, std::size_t bytes) {
    erase(digest);
    if (entries_max_ == 0 || bytes > bytes_max_) return;
    while (entries_.size() >= entries_max_ || bytes_ + bytes > bytes_max_) erase(entries_.back().digest);
    entries_.push_front({digest, bytes, std::move(value)});
    places_.emplace(digest, entries_.begin());
    bytes_ += bytes;
  }

  void erase(const Sha256& digest) {
    const auto found = places_.find(digest);
    if (found == places_.end()) return;
    const auto entry = found->second;
    bytes_ -= entry->bytes;
    places_.erase(found);
    entries_.erase(entry);  // last: `digest` may be the entry's own
  }

  std::size_t size() const { return entries_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    Sha256 digest;
    std::size_t bytes;
    Value value;
  };
  struct Hash {
    std::size_t operator()(const Sha256& digest) const { return hash_of(digest); }
  };

  const std::size_t entries_max_, bytes_max_;
  std::size_t bytes_ = 0;
  std::list<Entry> entries_;  // the one used last in front
  std::unordered_map<Sha256, typename std::list<Entry>::iterator, Hash> places_;
};

template <typename Value>
class ShardedRecentMap {
 public:
  // The bounds are of the whole; each shard has its part of them.
  ShardedRecentMap(std::size_t entries_max, std::size_t bytes_max)
      : count_(std::bit_floor(std::clamp<std::size_t>(entries_max / kShardEntriesMin, 1, kShardsMax))) {
    shards_.reserve(count_);
    for (std::size_t i = 0; i < count_; ++i)
      shards_.push_back(std::make_unique<Shard>(entries_max / count_, bytes_max / count_));
  }

  // Calls use(RecentMap<Value>&) for the shard of this digest, under its lock.
  template <typename Use>
  decltype(auto) with(const Sha256& digest, Use&& use) {
    // The upper bits: the map within the shard goes by the lower.
    Shard& shard = *shards_[(hash_of(digest) >> 32) & (count_ - 1)];
    std::lock_guard lock(shard.mutex);
    return use(shard.map);
  }

  std::size_t size() const {
    std::size_t sum = 0;
    for (const auto& shard : shards_) {
      std::lock_guard lock(shard->mutex);
      sum += shard->map.size();
    }
    return sum;
  }

 private:
  // Smaller shards would fill unevenly; more of them than this no machine has threads for.
  static constexpr std::size_t kShardEntriesMin = 64;
  static constexpr std::size_t kShardsMax = 64;

  struct alignas(64) Shard {
    Shard(std::size_t entries_max, std::size_t bytes_max) : map(entries_max, bytes_max) {}
    mutable std::mutex mutex;
    RecentMap<Value> map;
  };

  const std::size_t count_;
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace sluice::identity

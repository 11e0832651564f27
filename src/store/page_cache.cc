#include "store/page_cache.h"

namespace sluice::store {

std::size_t PageCache::slot_of(const Key& key) {
  std::uint64_t hash = key.id * 2 + static_cast<std::uint64_t>(key.area);
  for (std::uint64_t part : {key.from, key.to}) hash = (hash ^ (hash >> 29) ^ part) * 0x9e3779b97f4a7c15;
  return hash >> 55;  // of 512
}

std::shared_ptr<const char[]> PageCache::find(const Key& key) {
  std::lock_guard lock(mutex_);
  const Slot& slot = slots_[slot_of(key)];
  return slot.key == key ? slot.page.lock() : nullptr;
}

void PageCache::add(const Key& key, const std::shared_ptr<const char[]>& page) {
  const std::size_t size = key.to - key.from;
  std::deque<Kept> freed;  // outside of the lock
  std::lock_guard lock(mutex_);
  slots_[slot_of(key)] = {key, page};
  if (size > kKeptPageBytesMax || size > kept_bytes_max_) return;
  kept_.push_back({page, size});
  kept_bytes_ += size;
  while (kept_bytes_ > kept_bytes_max_) {
    kept_bytes_ -= kept_.front().size;
    freed.push_back(std::move(kept_.front()));
    kept_.pop_front();
  }
}

}  // namespace sluice::store

#include "store/page_cache.h"

namespace sluice::store {

std::uint64_t PageCache::Key::hash() const {
  std::uint64_t hash = id * 2 + static_cast<std::uint64_t>(area);
  for (std::uint64_t part : {from, to}) hash = (hash ^ (hash >> 29) ^ part) * 0x9e3779b97f4a7c15;
  return hash >> 32;
}

std::shared_ptr<const char[]> PageCache::find(const Key& key) {
  std::lock_guard lock(mutex_);
  const Slot& slot = slots_[key.hash() % kSlots];
  return slot.key == key ? slot.page.lock() : nullptr;
}

void PageCache::add(const Key& key, const std::shared_ptr<const char[]>& page) {
  const std::size_t size = key.to - key.from;
  std::deque<Kept> freed;  // outside of the lock
  std::lock_guard lock(mutex_);
  slots_[key.hash() % kSlots] = {key, page};
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

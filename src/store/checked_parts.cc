#include "store/checked_parts.h"

namespace sluice::store {

CheckedParts::Slot& CheckedParts::slot_of(const PageCache::Key& part) {
  return slots_[part.hash() % kSlots];
}

bool CheckedParts::has(const PageCache::Key& part, Clock::time_point now) {
  std::lock_guard lock(mutex_);
  const Slot& slot = slot_of(part);
  return slot.part == part && now - slot.at < kCheckedFor;
}

void CheckedParts::add(const PageCache::Key& part, Clock::time_point now) {
  std::lock_guard lock(mutex_);
  slot_of(part) = {part, now};
}

}  // namespace sluice::store

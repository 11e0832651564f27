#include "gateway/request_memo.h"

#include <functional>
#include <utility>

namespace sluice::gateway {

RequestMemo::RequestPtr RequestMemo::find(std::string_view query) const {
  const std::size_t hash = std::hash<std::string_view>()(query);
  std::lock_guard lock(mutex_);
  const Slot& slot = slots_[hash % kSlots];
  return slot.hash == hash && slot.query == query ? slot.request : nullptr;
}

void RequestMemo::add(std::string_view query, const RequestPtr& request) {
  if (query.size() > kQueryBytesMax) return;
  const std::size_t hash = std::hash<std::string_view>()(query);
  Slot made{hash, std::string(query), request};
  std::lock_guard lock(mutex_);
  std::swap(slots_[hash % kSlots], made);  // what was there goes once the lock is given back
}

}  // namespace sluice::gateway

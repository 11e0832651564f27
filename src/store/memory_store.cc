#include "store/memory_store.h"

#include "store/memory_log.h"

namespace sluice::store {

MemoryStore::MemoryStore(std::size_t chunk_bytes)
    : chunk_bytes_(chunk_bytes),
      bytes_(std::make_shared<std::atomic<std::size_t>>(0)),
      ended_(std::make_shared<std::vector<std::shared_ptr<MemoryLog>>>()) {}

std::shared_ptr<ShapeLog> MemoryStore::create(std::string_view, std::string_view) {
  return std::make_shared<MemoryLog>(chunk_bytes_, bytes_, ended_);
}

// Nothing is kept by handle: a log is freed with its last holder.
void MemoryStore::drop(std::string_view) {}

void MemoryStore::commit(Lsn lsn, std::string_view) {
  for (const auto& log : *ended_) log->publish();
  ended_->clear();
  committed_.store(lsn, std::memory_order_release);
}

}  // namespace sluice::store

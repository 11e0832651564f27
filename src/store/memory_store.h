// Shape logs in memory: gone with the process.
//
// Entries lie in blocks that double in size as a log grows (so that a hundred thousand small shapes stay small) up to
// kBlockBytesMax; a page of a log is a few views into them. Bytes below the published end are never written again.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "store/shape_log.h"

namespace sluice::store {

inline constexpr std::size_t kBlockBytesMin = 256;
inline constexpr std::size_t kBlockBytesMax = 256 * 1024;

class MemoryLog;

class MemoryStore final : public LogStore {
 public:
  explicit MemoryStore(std::size_t chunk_bytes);

  std::shared_ptr<ShapeLog> create(std::string_view handle, std::string_view meta) override;
  void drop(std::string_view handle) override;
  void commit(Lsn lsn, std::string_view note) override;
  void set_state(std::string) override {}
  Lsn committed_lsn() const override { return committed_.load(std::memory_order_acquire); }
  Lsn durable_lsn() const override { return committed_lsn(); }  // there is no restart to keep anything for
  bool writable() const override { return true; }
  Recovered take_recovered() override { return {}; }
  std::size_t bytes() const override { return bytes_->load(std::memory_order_relaxed); }

 private:
  friend class MemoryLog;

  const std::size_t chunk_bytes_;
  // Shared with the logs, which may outlive the store.
  std::shared_ptr<std::atomic<std::size_t>> bytes_;
  std::atomic<Lsn> committed_{0};
  // Logs with ended, unpublished transactions. Shared for the same reason; only the changes' writer touches it.
  std::shared_ptr<std::vector<std::shared_ptr<MemoryLog>>> ended_;
};

}  // namespace sluice::store

// One shape log in memory. See shape_log.h for the contract.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "store/byte_log.h"
#include "store/chunks.h"
#include "store/memory_store.h"
#include "store/shape_log.h"

namespace sluice::store {

class MemoryLog final : public ShapeLog, public std::enable_shared_from_this<MemoryLog> {
 public:
  // Logs that end a transaction put themselves into `ended`, for commit() to publish.
  MemoryLog(std::size_t chunk_bytes, std::shared_ptr<std::atomic<std::size_t>> total,
            std::shared_ptr<std::vector<std::shared_ptr<MemoryLog>>> ended);
  ~MemoryLog() override;

  void append_snapshot(std::string_view entries) override;
  void finish_snapshot() override;
  void append(shape::Offset offset, std::string_view entry) override;
  void end_transaction() override;
  void abort_transaction() override;
  std::expected<Page, ReadError> read(shape::Offset after) const override;
  shape::Offset head() const override;
  std::size_t bytes() const override;

  void publish();

 private:
  // An entry of the changes: where it is in the order, and where its bytes end.
  struct Entry {
    std::uint64_t tx;
    std::uint64_t op;
    std::uint64_t end;
  };
  Page read_snapshot(std::size_t chunk) const;
  Page read_changes(shape::Offset after) const;
  std::size_t chunk_end(std::size_t entry) const;
  void count_bytes();

  const std::size_t chunk_bytes_;
  const std::shared_ptr<std::atomic<std::size_t>> total_;
  const std::shared_ptr<std::vector<std::shared_ptr<MemoryLog>>> ended_list_;

  mutable std::mutex mutex_;
  ByteLog snapshot_;
  std::vector<std::uint64_t> snapshot_ends_;  // where each closed chunk of the snapshot ends
  bool snapshot_finished_ = false;

  ByteLog changes_;
  std::vector<Entry> entries_;
  std::vector<std::size_t> chunk_ends_;  // how many entries there are up to the end of each closed chunk
  std::size_t ended_ = 0;                // entries in ended transactions
  std::size_t published_ = 0;            // entries that may be read
  std::size_t counted_ = 0;              // bytes reported to total_
};

}  // namespace sluice::store

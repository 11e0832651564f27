// Bytes that are only ever appended, handed out as views that keep them alive. Not thread-safe: its log locks.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/buffer.h"

namespace sluice::store {

class ByteLog {
 public:
  ByteLog() = default;
  // The first byte has position `start`.
  explicit ByteLog(std::uint64_t start) : size_(start) {}

  void append(std::string_view bytes);
  // Takes back everything from `size` on; nobody may hold views of it.
  void truncate(std::uint64_t size);
  // Lets go of the memory of what lies before `position`; it is not asked for again.
  void drop_before(std::uint64_t position);
  // The bytes in [from, to), in order.
  void slice(std::uint64_t from, std::uint64_t to, std::vector<Buffer>& out) const;

  // The position behind the last byte.
  std::uint64_t size() const { return size_; }
  // What is allocated.
  std::size_t capacity() const { return capacity_; }

 private:
  struct Block {
    std::uint64_t start;
    std::size_t capacity;
    std::shared_ptr<char[]> bytes;
  };
  void grow();
  std::uint64_t end() const { return blocks_.empty() ? size_ : blocks_.back().start + blocks_.back().capacity; }

  std::vector<Block> blocks_;
  std::uint64_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace sluice::store

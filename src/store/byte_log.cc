#include "store/byte_log.h"

#include <algorithm>
#include <cstring>

#include "store/memory_store.h"

namespace sluice::store {

void ByteLog::grow() {
  std::size_t capacity = std::clamp(capacity_, kBlockBytesMin, kBlockBytesMax);
  blocks_.push_back({size_, capacity, std::shared_ptr<char[]>(new char[capacity])});
  capacity_ += capacity;
}

void ByteLog::append(std::string_view bytes) {
  while (!bytes.empty()) {
    if (size_ == end()) grow();
    Block& last = blocks_.back();
    std::size_t at = size_ - last.start;
    std::size_t n = std::min(bytes.size(), last.capacity - at);
    std::memcpy(last.bytes.get() + at, bytes.data(), n);
    size_ += n;
    bytes.remove_prefix(n);
  }
}

void ByteLog::truncate(std::uint64_t size) {
  size_ = size;
  while (!blocks_.empty() && blocks_.back().start >= size) {
    capacity_ -= blocks_.back().capacity;
    blocks_.pop_back();
  }
}

void ByteLog::drop_before(std::uint64_t position) {
  auto kept = blocks_.begin();
  for (; kept != blocks_.end() && kept->start + kept->capacity <= position; ++kept) capacity_ -= kept->capacity;
  // The last block's end may be where the bytes end: then nothing is left of it.
  if (kept != blocks_.end() && position == size_) {
    for (auto block = kept; block != blocks_.end(); ++block) capacity_ -= block->capacity;
    kept = blocks_.end();
  }
  blocks_.erase(blocks_.begin(), kept);
  if (blocks_.empty()) blocks_.shrink_to_fit();
}

void ByteLog::slice(std::uint64_t from, std::uint64_t to, std::vector<Buffer>& out) const {
  if (from >= to) return;
  auto block =
      std::upper_bound(blocks_.begin(), blocks_.end(), from, [](std::uint64_t at, const Block& b) { return at < b.start; });
  for (--block; from < to; ++block) {
    std::uint64_t end = std::min<std::uint64_t>(to, block->start + block->capacity);
    out.emplace_back(block->bytes, std::string_view(block->bytes.get() + (from - block->start), end - from));
    from = end;
  }
}

}  // namespace sluice::store

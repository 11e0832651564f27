// A run of bytes in an open file, to be sent from there: the kernel hands its own pages on and nobody copies them.
//
// The bytes never change once a FileBytes of them exists, and have been looked at: whoever makes one says so, as with a
// Buffer. The file stays open while somebody holds one, also where its name is gone; a file that cannot be read any more, or
// has become shorter, is found out while it is sent.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

namespace sluice {

class FileBytes {
 public:
  // `descriptor` is open as long as `owner` lives.
  FileBytes(std::shared_ptr<const void> owner, int descriptor, std::uint64_t from, std::uint64_t size)
      : owner_(std::move(owner)), descriptor_(descriptor), from_(from), size_(size) {}

  int descriptor() const { return descriptor_; }
  std::uint64_t from() const { return from_; }
  std::uint64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  void remove_prefix(std::uint64_t bytes) {
    bytes = std::min(bytes, size_);
    from_ += bytes;
    size_ -= bytes;
  }
  void remove_suffix(std::uint64_t bytes) { size_ -= std::min(bytes, size_); }

 private:
  std::shared_ptr<const void> owner_;
  int descriptor_;
  std::uint64_t from_;
  std::uint64_t size_;
};

}  // namespace sluice

// Owns the descriptor of a file, a socket or a pipe: closed once, at the end or by close(). One thread at a time.
#pragma once

#include <unistd.h>

#include <utility>

namespace sluice {

class OwnedDescriptor {
 public:
  OwnedDescriptor() = default;
  // Below 0 it owns nothing, as after an open() that failed.
  explicit OwnedDescriptor(int descriptor) : descriptor_(descriptor) {}
  OwnedDescriptor(OwnedDescriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  OwnedDescriptor& operator=(OwnedDescriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~OwnedDescriptor() { close(); }

  explicit operator bool() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }
  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

 private:
  int descriptor_ = -1;
};

}  // namespace sluice

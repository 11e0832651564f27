// Owns an accepted socket. Non-blocking; closed once.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

namespace sluice::http {

class AcceptedSocket {
 public:
  explicit AcceptedSocket(int descriptor) : descriptor_(descriptor) {}
  AcceptedSocket(AcceptedSocket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  AcceptedSocket& operator=(AcceptedSocket&&) = delete;
  ~AcceptedSocket() { close(); }

  int descriptor() const { return descriptor_; }
  void shutdown_send() { ::shutdown(descriptor_, SHUT_WR); }
  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

 private:
  int descriptor_;
};

}  // namespace sluice::http

// How far the stream has come: the position that every up-to-date message carries.
//
// The message is encoded once for each position and shared by every answer. Whoever answers takes it before reading the log:
// then the answer holds at least everything up to it. Any thread; set() is the replication thread's.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>

#include "base/buffer.h"

namespace sluice::origin::embedded {

struct UpToDate {
  std::uint64_t lsn = 0;
  Buffer last_in_array;  // {"headers":{"control":"up-to-date",…}}]
  Buffer event;          // data: {…}\n\n
};

class LastSeen {
 public:
  LastSeen() { set(0); }
  // Positions only rise.
  void set(std::uint64_t lsn);
  // But where another database begins.
  void reset(std::uint64_t lsn);
  std::shared_ptr<const UpToDate> get() const {
    std::lock_guard lock(mutex_);
    return current_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const UpToDate> current_;
};

}  // namespace sluice::origin::embedded

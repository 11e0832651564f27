// One value that is set once, on one thread, and waited for on others.
//
// Held by shared_ptr: by who will set it and by each who waits. A waiter that is cancelled leaves; the work behind the value
// goes on for the others.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <utility>

#include "base/wait_list.h"

namespace sluice {

template <typename T>
class Promise {
 public:
  // Once. Any thread.
  void set(T value) {
    {
      std::lock_guard lock(mutex_);
      value_.emplace(std::move(value));
    }
    waiters_.wake_all();
  }

  // A copy of the value, or nothing where the deadline comes first. The Promise outlives the Task.
  Task<std::optional<T>> get(WaitList::Deadline deadline) {
    co_await waiters_.wait(deadline, [this] { return peek().has_value(); });
    co_return peek();
  }

 private:
  std::optional<T> peek() const {
    std::lock_guard lock(mutex_);
    return value_;
  }

  mutable std::mutex mutex_;
  std::optional<T> value_;
  WaitList waiters_;
};

}  // namespace sluice

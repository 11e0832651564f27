// Those who wait for something to happen, on many io_contexts: held live requests on their shape, requests for a shape
// that is being made.
//
// A waiter parks, unless what it waits for is true already, and is resumed on its own io_context: by wake_all(), when its
// deadline comes, or when its Task is cancelled. Whoever makes the condition true does so first and calls wake_all() then;
// the waiter looks at the condition under the list's lock, so no wake-up is lost. A waiter that is woken looks again, and
// parks again where the condition does not hold: the same list may be woken for many reasons.
//
// wake_all() unlinks everybody and posts once to each io_context, whatever their number. It posts under the lock, and a
// waiter that goes away takes the lock to unlink: so an io_context with a parked waiter is alive. It must not be called
// while an io_context of a waiter is being destroyed.
//
// Cost: about 200 bytes a waiter beside its coroutine.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <concepts>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

#include "base/task.h"

namespace sluice {

class WaitList {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  // Returns when `done()` holds, or at the deadline. Throws boost::system::system_error
  // (operation_aborted) where the Task is cancelled. `done` is called under the list's lock and must not use the list.
  // The list outlives the Task.
  Task<void> wait(Deadline deadline, std::function<bool()> done);

  void wake_all();
  std::size_t size() const;

 private:
  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;
  struct Waiter {
    explicit Waiter(Executor executor) : timer(executor) {}
    Timer timer;
    bool woken = false;   // on the waiter's io_context
    bool linked = false;  // under the lock
    std::list<std::shared_ptr<Waiter>>::iterator place;
  };
  // Unlinks its waiter, however the coroutine ends.
  class Parked {
   public:
    Parked(WaitList& list, std::shared_ptr<Waiter> waiter) : list_(list), waiter_(std::move(waiter)) {}
    ~Parked() { list_.unlink(*waiter_); }
    Parked(const Parked&) = delete;
    Parked& operator=(const Parked&) = delete;

   private:
    WaitList& list_;
    std::shared_ptr<Waiter> waiter_;
  };
  bool link(const std::shared_ptr<Waiter>& waiter, const std::function<bool()>& done);
  void unlink(Waiter& waiter);

  mutable std::mutex mutex_;
  std::list<std::shared_ptr<Waiter>> waiters_;
};

}  // namespace sluice

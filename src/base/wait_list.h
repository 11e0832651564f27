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
// Cost: a waiter is part of its coroutine's frame, about 200 bytes of it; nothing is allocated for it, and waking one is a
// call.
#pragma once

#include <boost/asio/this_coro.hpp>
#include <boost/intrusive/list.hpp>
#include <concepts>
#include <mutex>
#include <utility>

#include "base/parking.h"
#include "base/task.h"

namespace sluice {

class WaitList {
  using Hook = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

 public:
  using Deadline = ParkingSpot::Deadline;

  // Returns when `done()` holds, or at the deadline. Throws boost::system::system_error
  // (operation_aborted) where the Task is cancelled. `done` is called under the list's lock and must not use the list.
  // The list outlives the Task.
  template <std::predicate Done>
  Task<void> wait(Deadline deadline, Done done) {
    Waiter waiter(*this, co_await boost::asio::this_coro::executor);
    while (waiter.must_wait(done)) {
      if (over(co_await waiter.spot().park(deadline))) co_return;
    }
  }

  // What wait() is made of, for who does without its frame. Unlinks itself, however the coroutine ends. Linked in the list
  // under the lock; in a Batch, on its own thread.
  class Waiter : public Hook {
   public:
    Waiter(WaitList& list, const Executor& executor) : list_(list), spot_(executor) {}
    ~Waiter() { list_.unlink(*this); }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    // False where `done()` holds; else it is in the list, and its spot is to be parked on at once.
    template <std::predicate Done>
    bool must_wait(const Done& done) {
      std::lock_guard lock(list_.mutex_);
      if (done()) return false;
      list_.add(*this);
      return true;
    }
    ParkingSpot& spot() { return spot_; }

   private:
    friend class WaitList;

    WaitList& list_;
    ParkingSpot spot_;
    bool listed_ = false;
  };
  // Whether that was the deadline. Throws where the Task was cancelled.
  static bool over(ParkingSpot::Woken woken);

  void wake_all();
  std::size_t size() const;

 private:
  using Waiters = boost::intrusive::list<Waiter, boost::intrusive::constant_time_size<false>>;
  struct Batch;  // those of one io_context who were woken together

  void add(Waiter& waiter);
  void unlink(Waiter& waiter);

  mutable std::mutex mutex_;
  Waiters waiters_;
  std::size_t size_ = 0;
};

}  // namespace sluice

// A place where a Task waits until plain code of its own thread resumes it, or a time comes.
//
//   ParkingSpot spot(co_await boost::asio::this_coro::executor);
//   auto woken = co_await spot.park(deadline);      // elsewhere on the same io_context: spot.resume()
//
// What a timer a waiter would cost (an operation, a heap entry, a trip through the scheduler for its cancellation) is
// paid once for all that are parked on one io_context: their deadlines lie in one tree, behind one timer. A spot is a member
// of whatever waits, at about 150 bytes, and parking allocates nothing.
//
// Everything of one io_context happens on its thread, which is one. Who is parked keeps the io_context running, as an
// operation of Asio's would; where the io_context is destroyed, the Tasks that are parked on it are destroyed with it.
#pragma once

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/task.h"

namespace sluice {

class Parking;

class ParkingSpot : public boost::intrusive::list_base_hook<>, public boost::intrusive::set_base_hook<> {
 public:
  using Deadline = std::chrono::steady_clock::time_point;
  enum class Woken : std::uint8_t { kResumed, kDeadline, kCancelled };

  explicit ParkingSpot(const Executor& executor);
  // Nobody is parked here, but where a Task is destroyed with the spot in it.
  ~ParkingSpot();
  ParkingSpot(const ParkingSpot&) = delete;
  ParkingSpot& operator=(const ParkingSpot&) = delete;

  // One Task at a time. To be awaited at once; the spot outlives the wait. kCancelled: the Task was.
  auto park(Deadline deadline = Deadline::max()) {
    return boost::asio::async_initiate<const boost::asio::use_awaitable_t<Executor>, void(Woken)>(
        [this, deadline](Handler handler) { begin(std::move(handler), deadline); }, use_task);
  }
  bool parked() const { return handler_.has_value(); }
  // The Task goes on within this call, up to where it next waits. Nothing where nobody is parked.
  void resume(Woken why = Woken::kResumed);
  // The same soon, from the io_context: for code that the Task's going on could destroy.
  void resume_soon(Woken why = Woken::kResumed);

  Executor executor() const;

 private:
  friend class Parking;
  using Handler = boost::asio::async_result<boost::asio::use_awaitable_t<Executor>, void(Woken)>::handler_type;

  void begin(Handler handler, Deadline deadline);

  Parking& parking_;
  std::optional<Handler> handler_;
  Deadline deadline_;
  Woken why_ = Woken::kResumed;  // of resume_soon()
};

}  // namespace sluice

// Deadlines of connections, many thousands at a quarter of a second's precision, for the price of one timer a thread.
//
// A Deadline is a member of what it watches. Setting one to a later time only stores that time: the wheel finds out when
// it comes to the slot where the deadline was, and moves it on. So a kept-alive request pays one clock read and one store.
//
// Everything of one io_context happens on its thread. The wheel is a service of the io_context and lives as long.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <optional>

#include "base/task.h"

namespace sluice::http {

class DeadlineWheel;

class Deadline {
 public:
  // A weak deadline does not keep its io_context running: io_context::run() returns where nothing else is left.
  enum class Hold : std::uint8_t { kStrong, kWeak };

  explicit Deadline(boost::asio::io_context& context);
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  virtual ~Deadline() { clear(); }

  void set(std::chrono::milliseconds from_now, Hold hold = Hold::kStrong);
  void clear();

 protected:
  // Called once, up to kTick late, on the io_context's thread; it may set the deadline again or destroy its object.
  virtual void expired() = 0;

 private:
  friend class DeadlineWheel;

  struct Link {
    Link* previous = this;
    Link* next = this;
    bool linked() const { return next != this; }
    void unlink();
    void link_before(Link& other);
  };
  struct Node : Link {
    explicit Node(Deadline& o) : owner(&o) {}
    Deadline* owner;
  };

  DeadlineWheel& wheel_;
  Node node_{*this};
  std::int64_t at_ms_ = 0;
  std::int64_t slot_tick_ = 0;  // where node_ is linked
  Hold hold_ = Hold::kStrong;
};

class DeadlineWheel final : public boost::asio::execution_context::service {
 public:
  static boost::asio::execution_context::id id;
  static constexpr std::chrono::milliseconds kTick{250};
  // 128 s of slots; a later deadline waits in the last slot and is moved on from there.
  static constexpr std::int64_t kSlots = 512;

  explicit DeadlineWheel(boost::asio::io_context& context);

 private:
  friend class Deadline;

  void shutdown() override { timer_.reset(); }
  void add(Deadline& deadline);
  void remove(Deadline& deadline);
  void place(Deadline& deadline);
  void count(Deadline::Hold hold, int change);
  void start();
  void tick();
  void visit(Deadline::Link& slot);

  std::optional<boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, Executor>>
      timer_;
  std::array<Deadline::Link, kSlots> slots_;
  std::int64_t ticked_ = 0;  // the last tick visited
  std::int64_t strong_ = 0;  // deadlines that keep the timer running
};

}  // namespace sluice::http

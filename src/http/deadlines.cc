#include "http/deadlines.h"

#include <time.h>

#include <algorithm>

namespace sluice::http {
namespace {

// The kernel's own tick (4 ms) is precise enough, and reading it is a load from the vDSO page.
std::int64_t now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

constexpr std::int64_t kTickMs = DeadlineWheel::kTick.count();

// The first tick at or after that time.
std::int64_t tick_of(std::int64_t ms) {
  return (ms + kTickMs - 1) / kTickMs;
}

}  // namespace

boost::asio::execution_context::id DeadlineWheel::id;

void Deadline::Link::unlink() {
  previous->next = next;
  next->previous = previous;
  previous = next = this;
}

void Deadline::Link::link_before(Link& other) {
  previous = other.previous;
  next = &other;
  previous->next = this;
  other.previous = this;
}

Deadline::Deadline(boost::asio::io_context& context) : wheel_(boost::asio::use_service<DeadlineWheel>(context)) {}

void Deadline::set(std::chrono::milliseconds from_now, Hold hold) {
  at_ms_ = now_ms() + from_now.count();
  if (node_.linked() && hold == hold_ && slot_tick_ <= tick_of(at_ms_)) return;  // the wheel moves it on when it gets there
  clear();
  hold_ = hold;
  wheel_.add(*this);
}

void Deadline::clear() {
  if (node_.linked()) wheel_.remove(*this);
}

DeadlineWheel::DeadlineWheel(boost::asio::io_context& context)
    : boost::asio::execution_context::service(context), timer_(std::in_place, context), ticked_(now_ms() / kTickMs) {}

void DeadlineWheel::add(Deadline& deadline) {
  count(deadline.hold_, 1);
  place(deadline);
}

void DeadlineWheel::remove(Deadline& deadline) {
  deadline.node_.unlink();
  count(deadline.hold_, -1);
}

void DeadlineWheel::place(Deadline& deadline) {
  deadline.slot_tick_ = std::clamp(tick_of(deadline.at_ms_), ticked_ + 1, ticked_ + kSlots - 1);
  deadline.node_.link_before(slots_[static_cast<std::size_t>(deadline.slot_tick_ % kSlots)]);
}

void DeadlineWheel::count(Deadline::Hold hold, int change) {
  if (hold == Deadline::Hold::kWeak) return;
  strong_ += change;
  if (!timer_) return;  // the io_context is going away
  if (strong_ == 1 && change > 0) start();
  if (strong_ == 0) timer_->cancel();
}

void DeadlineWheel::start() {
  timer_->expires_after(kTick);
  timer_->async_wait([this](boost::system::error_code error) {
    if (error) return;
    tick();
    if (strong_ > 0) start();
  });
}

void DeadlineWheel::tick() {
  const std::int64_t now = now_ms() / kTickMs;
  const std::int64_t first = std::max(ticked_ + 1, now - kSlots + 1);  // after a sleep each slot is visited once
  for (std::int64_t t = first; t <= now; ++t) {
    ticked_ = t;
    visit(slots_[static_cast<std::size_t>(t % kSlots)]);
  }
}

void DeadlineWheel::visit(Deadline::Link& slot) {
  if (!slot.linked()) return;
  Deadline::Link due;  // taken off the slot first: expired() may set deadlines that come back to it
  due.link_before(slot);
  slot.unlink();
  const std::int64_t now = now_ms();
  while (due.linked()) {
    Deadline& deadline = *static_cast<Deadline::Node*>(due.next)->owner;
    if (deadline.at_ms_ > now) {
      deadline.node_.unlink();
      place(deadline);
    } else {
      remove(deadline);
      deadline.expired();
    }
  }
}

}  // namespace sluice::http

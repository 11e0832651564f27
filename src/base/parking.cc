#include "base/parking.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace sluice {

namespace asio = boost::asio;

// The spots of one io_context where somebody is parked: by their deadline, or in a list where they have none. Those that
// are to go on soon are in a list of their own.
class Parking final : public asio::execution_context::service {
 public:
  static asio::execution_context::id id;

  explicit Parking(asio::execution_context& context)
      : asio::execution_context::service(context),
        executor_(static_cast<asio::io_context&>(context).get_executor()),
        timer_(std::in_place, executor_) {}

  const Executor& executor() const { return executor_; }
  void add(ParkingSpot& spot);
  void remove(ParkingSpot& spot);
  void resume_soon(ParkingSpot& spot);

 private:
  using Timer =
      asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;
  struct Earlier {
    bool operator()(const ParkingSpot& a, const ParkingSpot& b) const { return a.deadline_ < b.deadline_; }
  };
  using Timed = boost::intrusive::multiset<ParkingSpot, boost::intrusive::compare<Earlier>,
                                           boost::intrusive::constant_time_size<false>>;
  using Untimed = boost::intrusive::list<ParkingSpot, boost::intrusive::constant_time_size<false>>;

  void shutdown() override;
  void arm();
  void on_timer();
  void resume_those_due();
  bool link(ParkingSpot& spot);
  bool unlink(ParkingSpot& spot);

  const Executor executor_;
  std::optional<Timer> timer_;
  std::optional<asio::executor_work_guard<Executor>> work_;  // while somebody is parked
  Timed timed_;
  Untimed untimed_;
  Untimed due_;
  std::size_t parked_ = 0;
  ParkingSpot::Deadline armed_ = ParkingSpot::Deadline::max();  // what the timer waits for
  bool posted_ = false;                                         // resume_those_due()
};

asio::execution_context::id Parking::id;

void Parking::add(ParkingSpot& spot) {
  if (parked_++ == 0) work_.emplace(executor_);
  if (spot.deadline_ == ParkingSpot::Deadline::max()) {
    untimed_.push_back(spot);
    return;
  }
  // Most wait for as long as the one before.
  timed_.insert(timed_.end(), spot);
  if (spot.deadline_ < armed_) arm();
}

void Parking::remove(ParkingSpot& spot) {
  if (spot.boost::intrusive::list_base_hook<>::is_linked()) {
    untimed_.erase(untimed_.iterator_to(spot));  // or due_: no list needs to know which
  } else {
    timed_.erase(timed_.iterator_to(spot));
  }
  if (--parked_ > 0) return;
  work_.reset();
  if (armed_ != ParkingSpot::Deadline::max() && timer_) timer_->cancel();
  armed_ = ParkingSpot::Deadline::max();
}

void Parking::resume_soon(ParkingSpot& spot) {
  remove(spot);
  if (parked_++ == 0) work_.emplace(executor_);
  due_.push_back(spot);
  if (std::exchange(posted_, true)) return;
  asio::post(executor_, [this] { resume_those_due(); });
}

// Those who become due meanwhile get a turn of their own.
void Parking::resume_those_due() {
  posted_ = false;
  Untimed now;
  now.swap(due_);
  while (!now.empty()) {
    ParkingSpot& spot = now.front();
    spot.resume(spot.why_);
  }
}

// The timer is left as it is where the first deadline goes away and others are there: it finds out when it fires.
void Parking::arm() {
  armed_ = timed_.begin()->deadline_;
  timer_->expires_at(armed_);
  timer_->async_wait([this](const boost::system::error_code& error) {
    if (!error) on_timer();
  });
}

void Parking::on_timer() {
  armed_ = ParkingSpot::Deadline::max();
  const auto now = std::chrono::steady_clock::now();
  while (!timed_.empty() && timed_.begin()->deadline_ <= now) timed_.begin()->resume(ParkingSpot::Woken::kDeadline);
  if (!timed_.empty() && timed_.begin()->deadline_ < armed_) arm();
}

// Destroying a handler destroys the Task that it would have resumed, and with that the spot.
void Parking::shutdown() {
  timer_.reset();
  while (!timed_.empty() || !untimed_.empty() || !due_.empty()) {
    ParkingSpot& spot = !timed_.empty() ? *timed_.begin() : !untimed_.empty() ? untimed_.front() : due_.front();
    remove(spot);
    auto handler = std::exchange(spot.handler_, std::nullopt);
  }
}

ParkingSpot::ParkingSpot(const Executor& executor)
    : parking_(asio::use_service<Parking>(asio::query(executor, asio::execution::context))) {}

ParkingSpot::~ParkingSpot() {
  if (handler_) parking_.remove(*this);
}

Executor ParkingSpot::executor() const {
  return parking_.executor();
}

void ParkingSpot::begin(Handler handler, Deadline deadline) {
  deadline_ = deadline;
  if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected()) {
    slot.assign([this](asio::cancellation_type) { resume_soon(Woken::kCancelled); });
  }
  handler_.emplace(std::move(handler));
  parking_.add(*this);
}

void ParkingSpot::resume(Woken why) {
  if (!handler_) return;
  parking_.remove(*this);
  Handler handler = std::move(*handler_);
  handler_.reset();
  // What the Task waits for next need not assign the slot: nothing there may lead back here.
  if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected()) slot.clear();
  handler(why);
}

void ParkingSpot::resume_soon(Woken why) {
  if (!handler_) return;
  why_ = why;
  parking_.resume_soon(*this);
}

}  // namespace sluice

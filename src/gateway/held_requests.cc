#include "gateway/held_requests.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace sluice::gateway {
namespace {

namespace asio = boost::asio;
using asio::experimental::awaitable_operators::operator||;
using Clock = std::chrono::system_clock;
using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;

// The year 2100: a right without a foreseeable end, and far from overflowing the clock.
constexpr std::int64_t kExpiryMax_s = 4'102'444'800;

Clock::time_point time_of(std::int64_t seconds) {
  return Clock::time_point(std::chrono::seconds(std::min(seconds, kExpiryMax_s)));
}

}  // namespace

// One held request, for as long as it is. Its timer is touched on its own thread only; cut() comes from others.
class HeldRequests::Hold : public std::enable_shared_from_this<Hold> {
 public:
  Hold(HeldRequests& all, Executor executor, std::int64_t expires_at_s)
      : all_(all), timer_(executor, time_of(expires_at_s)) {}
  ~Hold() {
    if (!listed_) return;
    all_.metrics_.held(-1);
    const std::lock_guard lock(all_.mutex_);
    all_.holds_.erase(place_);
  }

  // Others find it from now on. Apart from the constructor: cut() needs the shared_ptr that owns this.
  void list() {
    all_.metrics_.held(1);
    const std::lock_guard lock(all_.mutex_);
    place_ = all_.holds_.insert(all_.holds_.end(), this);
    cut_ = all_.cutting_;
    listed_ = true;
  }

  // Ends when the right expires or the request is cut, never before.
  Task<void> end() {
    while (!cut_ && Clock::now() < timer_.expiry()) co_await timer_.async_wait(asio::as_tuple(use_task));
  }

  bool is_cut() const { return cut_; }

  // Called with the list's mutex held: the reference is given away whole, since to drop the last one here would want the
  // mutex again.
  void cut() {
    if (auto self = weak_from_this().lock())
      asio::post(timer_.get_executor(), [self = std::move(self)] {
        self->cut_ = true;
        self->timer_.cancel();
      });
  }

 private:
  HeldRequests& all_;
  Timer timer_;
  bool cut_ = false;
  bool listed_ = false;
  std::list<Hold*>::iterator place_;
};

class HeldRequests::HeldStream : public http::BodyStream {
 public:
  HeldStream(std::unique_ptr<http::BodyStream> inner, std::shared_ptr<Hold> hold)
      : inner_(std::move(inner)), hold_(std::move(hold)) {}

  Task<std::expected<Buffer, http::BodyError>> next() override {
    auto first = co_await (inner_->next() || hold_->end());
    if (first.index() == 0) co_return std::get<0>(std::move(first));
    inner_.reset();
    co_return Buffer();
  }

 private:
  std::unique_ptr<http::BodyStream> inner_;
  std::shared_ptr<Hold> hold_;
};

Refusal HeldRequests::expired() {
  return {401, "token_expired", "The token has expired."};
}

std::shared_ptr<HeldRequests::Hold> HeldRequests::enter(Executor executor, std::int64_t expires_at_s) {
  auto hold = std::make_shared<Hold>(*this, executor, expires_at_s);
  hold->list();
  return hold;
}

Task<std::optional<Refusal>> HeldRequests::hold(Task<void> work, std::int64_t expires_at_s, http::Response& response) {
  const auto hold = enter(co_await asio::this_coro::executor, expires_at_s);
  if (work.valid()) {
    const auto first = co_await (std::move(work) || hold->end());
    if (first.index() == 1) co_return hold->is_cut() ? Refusal{503, "restarting", "The server is restarting."} : expired();
  }
  if (response.stream) response.stream = std::make_unique<HeldStream>(std::move(response.stream), hold);
  co_return std::nullopt;
}

void HeldRequests::cut_all() {
  const std::lock_guard lock(mutex_);
  cutting_ = true;
  for (Hold* hold : holds_) hold->cut();
}

}  // namespace sluice::gateway

#include "gateway/held_requests.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
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

struct HeldRequests::Group {
  explicit Group(Executor its_own) : executor(std::move(its_own)) {}

  const Executor executor;
  std::list<Hold*> holds;            // on the executor's thread only
  std::atomic<bool> looking{false};  // a message to it is on its way
};

// One held request, for as long as it is. On its own thread only.
class HeldRequests::Hold {
 public:
  Hold(HeldRequests& all, const Executor& executor, Right right)
      : all_(all), right_(std::move(right)), timer_(executor, time_of(right_.expires_at_s)), group_(all.group_of(executor)) {
    place_ = group_->holds.insert(group_->holds.end(), this);
    all_.metrics_.held(1);
    // Whatever ended it while it was on its way here: from now on it is found.
    look();
  }
  ~Hold() {
    all_.metrics_.held(-1);
    group_->holds.erase(place_);
    if (group_->holds.empty()) all_.drop(*group_);
  }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;

  // Ends when the request may not be held on, never before.
  Task<void> end() {
    while (!why_ && Clock::now() < timer_.expiry()) co_await timer_.async_wait(asio::as_tuple(use_task));
    if (!why_) end_because(token_expired());
  }

  // After end().
  const Refusal& why() const { return *why_; }

  void look() {
    if (why_) return;
    if (auto why = all_.ended(right_)) end_because(*std::move(why));
  }

 private:
  void end_because(Refusal why) {
    all_.metrics_.held_ended(why.code);
    why_ = std::move(why);
    timer_.cancel();
  }

  HeldRequests& all_;
  const Right right_;
  Timer timer_;
  std::optional<Refusal> why_;
  std::shared_ptr<Group> group_;
  std::list<Hold*>::iterator place_;
};

class HeldRequests::HeldStream : public http::BodyStream {
 public:
  HeldStream(std::unique_ptr<http::BodyStream> inner, std::unique_ptr<Hold> hold)
      : inner_(std::move(inner)), hold_(std::move(hold)) {}

  Task<std::expected<Buffer, http::BodyError>> next() override {
    auto first = co_await (inner_->next() || hold_->end());
    if (first.index() == 0) co_return std::get<0>(std::move(first));
    inner_.reset();
    co_return Buffer();
  }

 private:
  std::unique_ptr<http::BodyStream> inner_;
  std::unique_ptr<Hold> hold_;
};

HeldRequests::HeldRequests(Metrics& metrics, const gatekeeper::Revocations& revocations)
    : metrics_(metrics), revocations_(revocations) {}

Task<std::optional<Refusal>> HeldRequests::hold(Task<void> work, Right right, http::Response& response) {
  auto hold = std::make_unique<Hold>(*this, co_await asio::this_coro::executor, std::move(right));
  if (work.valid()) {
    const auto first = co_await (std::move(work) || hold->end());
    if (first.index() == 1) co_return hold->why();
  }
  if (response.stream) response.stream = std::make_unique<HeldStream>(std::move(response.stream), std::move(hold));
  co_return std::nullopt;
}

std::shared_ptr<HeldRequests::Group> HeldRequests::group_of(const Executor& executor) {
  const std::lock_guard lock(mutex_);
  // There are as many io_contexts as cores, so a short vector is the right map.
  for (const auto& group : groups_)
    if (group->executor == executor) return group;
  return groups_.emplace_back(std::make_shared<Group>(executor));
}

void HeldRequests::drop(const Group& group) {
  const std::lock_guard lock(mutex_);
  std::erase_if(groups_, [&](const auto& other) { return other.get() == &group; });
}

std::optional<Refusal> HeldRequests::ended(const Right& right) const {
  if (stopping_.load()) return Refusal{503, "restarting", "The server is restarting.", {}, {}, 5};
  if (right.token && revocations_.revoked(right.token->claims())) return token_revoked();
  if (right.policy != policy_.load()) return Refusal{503, "policy_changed", "Who may read what has changed.", {}, {}, 1};
  return std::nullopt;
}

void HeldRequests::look() {
  const std::lock_guard lock(mutex_);
  for (const auto& group : groups_) {
    if (group->looking.exchange(true)) continue;
    asio::post(group->executor, [group] {
      group->looking.store(false);
      for (Hold* hold : group->holds) hold->look();
    });
  }
}

void HeldRequests::revoked() {
  look();
}

void HeldRequests::policy_changed(std::uint64_t revision) {
  policy_.store(revision);
  look();
}

void HeldRequests::stop() {
  stopping_.store(true);
  look();
}

}  // namespace sluice::gateway

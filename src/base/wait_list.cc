#include "base/wait_list.h"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>
#include <memory>
#include <vector>

namespace sluice {

namespace asio = boost::asio;

// So many Tasks of a batch go on before other work of their io_context gets its turn.
constexpr int kResumedInARow = 256;

struct WaitList::Batch {
  explicit Batch(Executor e) : executor(std::move(e)) {}

  static void post(std::unique_ptr<Batch> batch) {
    Executor its_own = batch->executor;
    asio::post(its_own, [batch = std::move(batch)]() mutable {
      batch->resume();
      if (!batch->waiters.empty()) post(std::move(batch));
    });
  }

  // A Task that is resumed may destroy others of the batch, which unlinks them.
  void resume() {
    for (int i = 0; i < kResumedInARow && !waiters.empty(); ++i) {
      Waiter& waiter = waiters.front();
      waiters.pop_front();
      waiter.spot_.resume();
    }
  }

  Executor executor;
  Waiters waiters;
};

void WaitList::add(Waiter& waiter) {
  // A waiter that its deadline resumed may be in a batch still.
  waiter.Hook::unlink();
  waiters_.push_back(waiter);
  waiter.listed_ = true;
  ++size_;
}

void WaitList::unlink(Waiter& waiter) {
  std::lock_guard lock(mutex_);
  if (std::exchange(waiter.listed_, false)) --size_;
  waiter.Hook::unlink();
}

bool WaitList::over(ParkingSpot::Woken woken) {
  if (woken == ParkingSpot::Woken::kCancelled) throw boost::system::system_error(asio::error::operation_aborted);
  return woken == ParkingSpot::Woken::kDeadline;
}

void WaitList::wake_all() {
  std::lock_guard lock(mutex_);
  if (size_ == 0) return;
  // There are as many io_contexts as cores, so a short vector is the right map.
  std::vector<std::unique_ptr<Batch>> batches;
  while (!waiters_.empty()) {
    Waiter& waiter = waiters_.front();
    waiters_.pop_front();
    waiter.listed_ = false;
    Executor its_own = waiter.spot_.executor();
    auto batch = batches.begin();
    while (batch != batches.end() && (*batch)->executor != its_own) ++batch;
    if (batch == batches.end()) batch = batches.insert(batch, std::make_unique<Batch>(its_own));
    (*batch)->waiters.push_back(waiter);
  }
  size_ = 0;
  for (auto& batch : batches) Batch::post(std::move(batch));
}

std::size_t WaitList::size() const {
  std::lock_guard lock(mutex_);
  return size_;
}

}  // namespace sluice

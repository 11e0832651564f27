#include "base/wait_list.h"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <utility>
#include <vector>

namespace sluice {

namespace asio = boost::asio;

Task<void> WaitList::wait(Deadline deadline, std::function<bool()> done) {
  auto waiter = std::make_shared<Waiter>(co_await asio::this_coro::executor);
  while (link(waiter, done)) {
    Parked parked(*this, waiter);
    waiter->woken = false;
    waiter->timer.expires_at(deadline);
    boost::system::error_code error;
    co_await waiter->timer.async_wait(asio::redirect_error(use_task, error));
    if (!error) co_return;
    if (!waiter->woken) throw boost::system::system_error(error);
  }
}

bool WaitList::link(const std::shared_ptr<Waiter>& waiter, const std::function<bool()>& done) {
  std::lock_guard lock(mutex_);
  if (done()) return false;
  waiter->place = waiters_.insert(waiters_.end(), waiter);
  waiter->linked = true;
  return true;
}

void WaitList::unlink(Waiter& waiter) {
  std::lock_guard lock(mutex_);
  if (!waiter.linked) return;
  waiters_.erase(waiter.place);
  waiter.linked = false;
}

void WaitList::wake_all() {
  std::lock_guard lock(mutex_);
  // There are as many io_contexts as cores, so a short vector is the right map.
  std::vector<std::pair<Executor, std::vector<std::shared_ptr<Waiter>>>> batches;
  for (auto& waiter : waiters_) {
    waiter->linked = false;
    Executor its_own = waiter->timer.get_executor();
    auto batch = batches.begin();
    while (batch != batches.end() && batch->first != its_own) ++batch;
    if (batch == batches.end()) batch = batches.insert(batch, {its_own, {}});
    batch->second.push_back(std::move(waiter));
  }
  waiters_.clear();
  for (auto& [executor, woken] : batches) {
    asio::post(executor, [batch = std::move(woken)] {
      for (const auto& waiter : batch) {
        waiter->woken = true;
        waiter->timer.cancel();
      }
    });
  }
}

std::size_t WaitList::size() const {
  std::lock_guard lock(mutex_);
  return waiters_.size();
}

}  // namespace sluice

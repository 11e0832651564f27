#include "replication/pool.h"

#include <algorithm>

namespace sluice::replication {

Task<std::expected<Pool::Lease, PgError>> Pool::acquire() {
  co_await take_place();
  Lease lease(*this, take_idle());
  if (lease.connection_) co_return std::move(lease);
  auto connection = co_await Connection::connect(options_);
  if (!connection) co_return std::unexpected(std::move(connection.error()));
  lease.connection_ = std::move(*connection);
  co_return std::move(lease);
}

Task<void> Pool::take_place() {
  if (free_ > 0) {
    --free_;
    co_return;
  }
  Queued queued(*this);
  co_await queued.take();
}

Task<void> Pool::Queued::take() {
  co_await turn_->waiters.wait(WaitList::Deadline::max(), [turn = turn_.get()] { return turn->given; });
  taken_ = true;
}

void Pool::leave(const std::shared_ptr<Turn>& turn, bool taken) {
  if (taken) return;
  if (turn->given) {
    give_back(nullptr);
  } else {
    std::erase(queue_, turn);
  }
}

std::unique_ptr<Connection> Pool::take_idle() {
  auto oldest = std::chrono::steady_clock::now() - kConnectionIdleMax;
  while (!idle_.empty()) {
    Idle last = std::move(idle_.back());
    idle_.pop_back();
    if (last.since > oldest && last.connection->usable()) return std::move(last.connection);
  }
  return nullptr;
}

void Pool::close() {
  closed_ = true;
  idle_.clear();
}

void Pool::give_back(std::unique_ptr<Connection> connection) {
  if (closed_) return;
  if (connection && connection->usable()) idle_.push_back({std::move(connection), std::chrono::steady_clock::now()});
  if (queue_.empty()) {
    ++free_;
    return;
  }
  auto turn = std::move(queue_.front());
  queue_.pop_front();
  turn->given = true;
  turn->waiters.wake_all();
}

}  // namespace sluice::replication

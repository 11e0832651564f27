#include "origin/embedded/pool.h"

namespace sluice::origin::embedded {

Task<std::expected<Pool::Lease, replication::PgError>> Pool::acquire() {
  if (free_ > 0) {
    --free_;
  } else {
    auto turn = std::make_shared<Turn>();
    queue_.push_back(turn);
    co_await turn->waiters.wait(WaitList::Deadline::max(), [&] { return turn->given; });
  }
  if (auto idle = take_idle()) co_return Lease(*this, std::move(idle));
  auto connection = co_await replication::Connection::connect(options_);
  if (connection) co_return Lease(*this, std::move(*connection));
  give_back(nullptr);
  co_return std::unexpected(std::move(connection.error()));
}

std::unique_ptr<replication::Connection> Pool::take_idle() {
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

void Pool::give_back(std::unique_ptr<replication::Connection> connection) {
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

}  // namespace sluice::origin::embedded

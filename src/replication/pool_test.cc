#include "replication/pool.h"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <optional>

#include "replication/test_cluster.h"

namespace sluice::replication {
namespace {

// Somebody who wants a connection.
struct Customer {
  void ask(boost::asio::io_context& io, Pool& pool) {
    boost::asio::co_spawn(io, take(pool, lease),
                          boost::asio::bind_cancellation_slot(cancel.slot(), [this](std::exception_ptr e) {
                            failed = e != nullptr;
                            done = true;
                          }));
  }
  static Task<void> take(Pool& pool, std::optional<Pool::Lease>& into) {
    auto acquired = co_await pool.acquire();
    if (acquired) into.emplace(std::move(*acquired));
  }

  std::optional<Pool::Lease> lease;
  boost::asio::cancellation_signal cancel;
  bool done = false, failed = false;
};

class PoolTest : public testing::Test {
 protected:
  static int pid(const Customer& customer) { return PQbackendPID((**customer.lease).raw()); }
  void run_until(const bool& condition) {
    runner_.run_until([&] { return condition; });
  }
  // All that is ready; nobody here waits for the server.
  void settle() {
    runner_.io().restart();
    runner_.io().poll();
  }

  TaskRunner runner_;
  Pool pool_{{.url = TestCluster::get().url()}, 1};
};

TEST_F(PoolTest, HandsOneConnectionFromOneToTheNext) {
  Customer first, second;
  first.ask(runner_.io(), pool_);
  run_until(first.done);
  const int connection = pid(first);
  second.ask(runner_.io(), pool_);
  settle();
  EXPECT_FALSE(second.done);
  first.lease.reset();
  run_until(second.done);
  EXPECT_EQ(pid(second), connection);
}

TEST_F(PoolTest, MakesANewConnectionWhenTheIdleOnesAreClosed) {
  Customer first, second;
  first.ask(runner_.io(), pool_);
  run_until(first.done);
  const int connection = pid(first);
  first.lease.reset();
  pool_.close_idle();
  second.ask(runner_.io(), pool_);
  run_until(second.done);
  EXPECT_NE(pid(second), connection);
}

TEST_F(PoolTest, AWaiterThatIsCancelledLeavesTheQueue) {
  Customer first, second, third;
  first.ask(runner_.io(), pool_);
  run_until(first.done);
  second.ask(runner_.io(), pool_);
  third.ask(runner_.io(), pool_);
  settle();
  second.cancel.emit(boost::asio::cancellation_type::terminal);
  run_until(second.done);
  EXPECT_TRUE(second.failed);
  first.lease.reset();
  run_until(third.done);
  EXPECT_TRUE(third.lease);
}

TEST_F(PoolTest, AWaiterThatIsDestroyedWithItsTurnGivenPassesItOn) {
  Customer first;
  first.ask(runner_.io(), pool_);
  run_until(first.done);
  {
    Customer gone;
    boost::asio::io_context other{1};
    gone.ask(other, pool_);
    other.poll();
    first.lease.reset();  // the turn is gone's, who never runs again
  }
  Customer next;
  next.ask(runner_.io(), pool_);
  run_until(next.done);
  EXPECT_TRUE(next.lease);
}

}  // namespace
}  // namespace sluice::replication

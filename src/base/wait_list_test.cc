#include "base/wait_list.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>
#include <memory>
#include <thread>
#include <vector>

namespace sluice {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kNever = WaitList::Deadline::max();

void rethrow(std::exception_ptr error) {
  if (error) std::rethrow_exception(error);
}

Task<void> wait_for(WaitList& list, WaitList::Deadline deadline, const std::atomic<bool>& flag, std::atomic<int>& returned) {
  co_await list.wait(deadline, [&flag] { return flag.load(); });
  ++returned;
}

Task<void> wait_and_note(WaitList& list, WaitList::Deadline deadline, std::vector<int>& order, int number) {
  co_await list.wait(deadline, [] { return false; });
  order.push_back(number);
}

TEST(WaitList, ReturnsAtOnceWhatIsTrueAlready) {
  asio::io_context context;
  WaitList list;
  std::atomic<bool> flag{true};
  std::atomic<int> returned{0};
  asio::co_spawn(context, wait_for(list, kNever, flag, returned), rethrow);
  context.run();
  EXPECT_EQ(returned, 1);
  EXPECT_EQ(list.size(), 0u);
}

TEST(WaitList, WakesThoseForWhomItIsTrueAndKeepsTheOthers) {
  asio::io_context context;
  WaitList list;
  std::atomic<bool> yes{false}, no{false};
  std::atomic<int> returned{0};
  constexpr int kMany = 1000;  // more than go on in one turn
  for (int i = 0; i < kMany; ++i) asio::co_spawn(context, wait_for(list, kNever, yes, returned), rethrow);
  asio::co_spawn(context, wait_for(list, kNever, no, returned), rethrow);
  context.poll();
  EXPECT_EQ(list.size(), kMany + 1u);
  yes = true;
  list.wake_all();
  context.poll();
  EXPECT_EQ(returned, kMany);
  EXPECT_EQ(list.size(), 1u);
  no = true;
  list.wake_all();
  context.run();
  EXPECT_EQ(returned, kMany + 1);
}

TEST(WaitList, DeadlinesComeInTheirOrderAndLetTheContextEnd) {
  asio::io_context context;
  WaitList list;
  std::vector<int> order;
  auto now = Clock::now();
  asio::co_spawn(context, wait_and_note(list, now + 30ms, order, 3), rethrow);
  asio::co_spawn(context, wait_and_note(list, now + 10ms, order, 1), rethrow);
  asio::co_spawn(context, wait_and_note(list, now + 20ms, order, 2), rethrow);
  asio::co_spawn(context, wait_and_note(list, now - 1s, order, 0), rethrow);
  context.run();
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3}));
  EXPECT_GE(Clock::now(), now + 30ms);
  EXPECT_EQ(list.size(), 0u);
}

TEST(WaitList, AnIoContextEndsWhenItsLastWaiterIsWokenBeforeItsDeadline) {
  asio::io_context context;
  WaitList list;
  std::atomic<bool> flag{false};
  std::atomic<int> returned{0};
  asio::co_spawn(context, wait_for(list, Clock::now() + 1h, flag, returned), rethrow);
  asio::post(context, [&] {
    flag = true;
    list.wake_all();
  });
  context.run();
  EXPECT_EQ(returned, 1);
}

TEST(WaitList, CancellingIsAnExceptionAndLeavesNothingBehind) {
  asio::io_context context;
  WaitList list;
  std::atomic<bool> flag{false};
  std::atomic<int> returned{0};
  asio::cancellation_signal signal;
  bool aborted = false;
  asio::co_spawn(context, wait_for(list, kNever, flag, returned),
                 asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr error) {
                   try {
                     rethrow(error);
                   } catch (const boost::system::system_error& e) {
                     aborted = e.code() == asio::error::operation_aborted;
                   }
                 }));
  context.poll();
  signal.emit(asio::cancellation_type::terminal);
  EXPECT_FALSE(aborted) << "the emitter goes on first";
  list.wake_all();  // a waiter may be cancelled and woken at once
  context.run();
  EXPECT_TRUE(aborted);
  EXPECT_EQ(list.size(), 0u);
}

TEST(WaitList, ThoseWhoWaitAreDestroyedWithTheirContext) {
  WaitList list;
  auto held = std::make_shared<int>(7);
  {
    asio::io_context context;
    for (auto deadline : {kNever, Clock::now() + 1h}) {
      asio::co_spawn(
          context,
          [](WaitList& list, WaitList::Deadline deadline, std::shared_ptr<int> held) -> Task<void> {
            co_await list.wait(deadline, [] { return false; });
            ++*held;
          }(list, deadline, held),
          rethrow);
    }
    context.poll();
    EXPECT_EQ(held.use_count(), 3);
    EXPECT_EQ(list.size(), 2u);
  }
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(list.size(), 0u);
}

// Waiters on two threads, woken from a third for as long as they come back, with deadlines in between.
TEST(WaitList, ThreadsLoseNoWakeUp) {
  constexpr int kWaiters = 40;
  constexpr int kRounds = 50;
  WaitList list;
  std::atomic<int> round{0};
  std::atomic<int> arrived{0};
  auto follow = [](WaitList& list, std::atomic<int>& round, std::atomic<int>& arrived, int impatience_ms) -> Task<void> {
    for (int next = 1; next <= kRounds; ++next) {
      while (round.load() < next) {
        auto deadline = impatience_ms == 0 ? kNever : Clock::now() + std::chrono::milliseconds(impatience_ms);
        co_await list.wait(deadline, [&round, next] { return round.load() >= next; });
      }
      ++arrived;
    }
  };
  asio::io_context a{1}, b{1};
  for (int i = 0; i < kWaiters; ++i) asio::co_spawn(i % 2 == 0 ? a : b, follow(list, round, arrived, i % 3), rethrow);
  std::thread first([&] { a.run(); });
  std::thread second([&] { b.run(); });
  for (int next = 1; next <= kRounds; ++next) {
    round = next;
    list.wake_all();
    while (arrived.load() < next * kWaiters) std::this_thread::yield();
  }
  first.join();
  second.join();
  EXPECT_EQ(arrived, kWaiters * kRounds);
  EXPECT_EQ(list.size(), 0u);
}

}  // namespace
}  // namespace sluice

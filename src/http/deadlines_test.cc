#include "http/deadlines.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

class Recorder final : public Deadline {
 public:
  explicit Recorder(boost::asio::io_context& context) : Deadline(context), began_(Clock::now()) {}

  int times() const { return times_; }
  Clock::duration after() const { return after_; }

 private:
  void expired() override {
    ++times_;
    after_ = Clock::now() - began_;
  }

  const Clock::time_point began_;
  Clock::duration after_{};
  int times_ = 0;
};

TEST(Deadlines, ExpireOnceAndNotEarly) {
  boost::asio::io_context context(1);
  Recorder soon(context);
  Recorder later(context);
  later.set(600ms);
  soon.set(100ms);
  context.run();  // returns when the last has expired
  EXPECT_EQ(soon.times(), 1);
  EXPECT_EQ(later.times(), 1);
  EXPECT_GE(soon.after(), 90ms);  // the coarse clock may lag by a kernel tick
  EXPECT_GE(later.after(), 590ms);
  EXPECT_LT(soon.after(), later.after());
}

TEST(Deadlines, CanBeMovedAndCleared) {
  boost::asio::io_context context(1);
  Recorder moved_on(context);
  Recorder moved_back(context);
  Recorder cleared(context);
  moved_on.set(100ms);
  moved_on.set(700ms);
  moved_back.set(1h);
  moved_back.set(100ms);
  cleared.set(100ms);
  cleared.clear();
  context.run();
  EXPECT_EQ(moved_on.times(), 1);
  EXPECT_GE(moved_on.after(), 690ms);
  EXPECT_EQ(moved_back.times(), 1);
  EXPECT_EQ(cleared.times(), 0);
}

TEST(Deadlines, WeakOnesDoNotKeepTheContextRunning) {
  boost::asio::io_context context(1);
  Recorder weak(context);
  weak.set(100ms, Deadline::Hold::kWeak);
  context.run();
  EXPECT_EQ(weak.times(), 0);

  Recorder strong(context);
  strong.set(600ms);
  context.restart();
  context.run();
  EXPECT_EQ(weak.times(), 1);
}

TEST(Deadlines, ManyMayDestroyEachOther) {
  // Each one that expires destroys its neighbour of the same slot.
  struct Killer final : Deadline {
    Killer(boost::asio::io_context& context, std::vector<std::unique_ptr<Killer>>& a, std::size_t n)
        : Deadline(context), all(a), index(n) {}
    void expired() override { all[index ^ 1].reset(); }
    std::vector<std::unique_ptr<Killer>>& all;
    std::size_t index;
  };
  boost::asio::io_context context(1);
  std::vector<std::unique_ptr<Killer>> all;
  for (std::size_t i = 0; i < 100; ++i) all.push_back(std::make_unique<Killer>(context, all, i));
  for (const auto& deadline : all) deadline->set(50ms);
  context.run();
  int left = 0;
  for (const auto& deadline : all) left += deadline != nullptr;
  EXPECT_EQ(left, 50);
}

TEST(Deadlines, MayOutliveTheRunOfTheirContext) {
  auto context = std::make_unique<boost::asio::io_context>(1);
  auto deadline = std::make_unique<Recorder>(*context);
  deadline->set(1h);
  context->run_for(1ms);
  deadline.reset();
  context.reset();
}

}  // namespace
}  // namespace sluice::http

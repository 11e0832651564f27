#include "policy/timed.h"

#include <gtest/gtest.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "policy/test_authorizer.h"

namespace sluice::policy {
namespace {

using namespace std::chrono_literals;
using Kind = Decision::Kind;

// Never answers; knows that it was given up.
class Stuck : public Authorizer {
 public:
  explicit Stuck(bool& cancelled) : cancelled_(cancelled) {}

  Task<Decision> authorize(const Principal&, const shape::Definition&) override {
    boost::asio::steady_timer forever(co_await boost::asio::this_coro::executor, 24h);
    try {
      co_await forever.async_wait(use_task);
    } catch (const boost::system::system_error& error) {
      cancelled_ = error.code() == boost::asio::error::operation_aborted;
      throw;
    }
    co_return Decision::deny("it waited");
  }

 private:
  bool& cancelled_;
};

class Throwing : public Authorizer {
 public:
  Task<Decision> authorize(const Principal&, const shape::Definition&) override {
    throw std::runtime_error("canary");
    co_return Decision::deny("");
  }
};

class Counting : public FakeAuthorizer {
 public:
  explicit Counting(int& running) : FakeAuthorizer(Decision::deny("no")), running_(running) {}
  void start() override { ++running_; }
  void stop() override { --running_; }

 private:
  int& running_;
};

Decision ask(Authorizer& authorizer) {
  return decide(authorizer, Principal::anonymous(), test_definition("items"));
}

TEST(Timed, WhatTakesTooLongHasFailedAndIsCancelled) {
  bool cancelled = false;
  Timed timed(std::make_unique<Stuck>(cancelled), 5ms, "api");
  const Decision decision = ask(timed);
  EXPECT_EQ(decision.kind, Kind::kFailed);
  EXPECT_EQ(decision.reason, "timed out after 5 ms");
  EXPECT_EQ(decision.authorizer, "api");
  EXPECT_TRUE(cancelled);
}

TEST(Timed, HandsOnWhatIsDecidedInTime) {
  Timed timed(std::make_unique<FakeAuthorizer>(Decision::deny("no"), "inner"), 24h, "outer");
  const Decision decision = ask(timed);  // returns, so the timer is gone too
  EXPECT_EQ(decision.kind, Kind::kDeny);
  EXPECT_EQ(decision.authorizer, "inner");
}

TEST(Timed, WhatThrowsHasFailedAtOnce) {
  Timed timed(std::make_unique<Throwing>(), 24h, "api");
  const Decision decision = ask(timed);
  EXPECT_EQ(decision.kind, Kind::kFailed);
  EXPECT_EQ(decision.reason.find("canary"), std::string::npos);
}

TEST(Timed, StartsAndStopsWhatItOwns) {
  int running = 0;
  Timed timed(std::make_unique<Counting>(running), 1s, "api");
  timed.start();
  EXPECT_EQ(running, 1);
  timed.stop();
  EXPECT_EQ(running, 0);
}

}  // namespace
}  // namespace sluice::policy

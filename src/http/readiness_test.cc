#include "http/readiness.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace sluice::http {
namespace {

// One end of a pair of sockets that is watched; the other end is the test's.
class Pair final : public Readiness::Watched {
 public:
  Pair(Readiness& readiness, std::function<void(Pair&)> then) : readiness_(readiness), then_(std::move(then)) {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets_), 0);
    EXPECT_TRUE(readiness_.add(sockets_[0], *this));
  }
  ~Pair() {
    readiness_.forget(*this);
    for (int socket : sockets_) ::close(socket);
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  void ready(std::uint32_t events) override {
    ++told_;
    last_ = events;
    then_(*this);
  }
  void send() { EXPECT_EQ(::send(sockets_[1], "x", 1, 0), 1); }
  void end() { ::shutdown(sockets_[1], SHUT_WR); }
  int told() const { return told_; }
  std::uint32_t last() const { return last_; }

 private:
  Readiness& readiness_;
  std::function<void(Pair&)> then_;
  int sockets_[2] = {-1, -1};
  int told_ = 0;
  std::uint32_t last_ = 0;
};

void nothing(Pair&) {}

class ReadinessTest : public testing::Test {
 protected:
  // Everything that is there by now: more batches than one, where there are many.
  void turn() {
    for (int i = 0; i < 20; ++i) {
      context_.restart();
      context_.poll();
    }
  }

  boost::asio::io_context context_{1};
  Readiness& readiness_ = boost::asio::use_service<Readiness>(context_);
};

TEST_F(ReadinessTest, TellsOnceWhatHasHappened) {
  Pair pair(readiness_, nothing);
  turn();
  EXPECT_EQ(pair.told(), 1);  // can be written
  EXPECT_EQ(pair.last() & (EPOLLIN | EPOLLOUT), static_cast<std::uint32_t>(EPOLLOUT));
  turn();
  EXPECT_EQ(pair.told(), 1);
  pair.send();
  turn();
  EXPECT_EQ(pair.told(), 2);
  EXPECT_NE(pair.last() & EPOLLIN, 0u);
  turn();
  EXPECT_EQ(pair.told(), 2);  // though nobody has read it
  pair.send();
  turn();
  EXPECT_EQ(pair.told(), 3);
  pair.end();
  turn();
  EXPECT_EQ(pair.told(), 4);
  EXPECT_NE(pair.last() & EPOLLRDHUP, 0u);
}

TEST_F(ReadinessTest, TellsMoreThanOneBatch) {
  std::vector<std::unique_ptr<Pair>> pairs;
  for (int i = 0; i < 300; ++i) pairs.push_back(std::make_unique<Pair>(readiness_, nothing));
  turn();
  for (const auto& pair : pairs) pair->send();
  turn();
  for (const auto& pair : pairs) EXPECT_EQ(pair->told(), 2);
}

TEST_F(ReadinessTest, WhatIsToldMayDestroyOthersOfItsBatch) {
  std::vector<std::unique_ptr<Pair>> pairs;
  int told = 0;
  for (int i = 0; i < 50; ++i) {
    pairs.push_back(std::make_unique<Pair>(readiness_, [&](Pair& me) {
      ++told;
      // In this order: its own function goes with it.
      auto all = std::exchange(pairs, {});
      for (auto& pair : all)
        if (pair.get() == &me) pairs.push_back(std::move(pair));
    }));
  }
  turn();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(pairs.size(), 1u);
}

TEST_F(ReadinessTest, RefusesWhatTheKernelDoes) {
  Pair pair(readiness_, nothing);
  EXPECT_FALSE(readiness_.add(-1, pair));
}

}  // namespace
}  // namespace sluice::http

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <chrono>
#include <thread>

#include "gateway/test_gateway.h"

namespace sluice::gateway {
namespace {

// Holds live requests for ever, answers others at once; any thread.
class HoldingOrigin final : public origin::Origin {
 public:
  Task<void> serve(std::shared_ptr<const origin::AuthorizedRequest> request, http::Response& response) override {
    if (request->shape().position.live != shape::Live::kNo) return EndlessStream::wait_for_ever();
    response.buffers.push_back(Buffer::of_static("[]"));
    return {};
  }
  Health health() const override { return Health::kActive; }
  void drain() override {}
};

// A request over and over on one thread's io_context, or once and held.
class Client {
 public:
  Client(Gateway& gateway, boost::asio::io_context& context, std::string target, const std::string& token)
      : gateway_(gateway), context_(context) {
    call_.target = std::move(target);
    call_.fields.add("authorization", "Bearer " + token);
    const std::size_t mark = call_.target.find('?');
    call_.request.method = http::Method::kGet;
    call_.request.path = std::string_view(call_.target).substr(0, mark);
    call_.request.query = std::string_view(call_.target).substr(mark + 1);
    call_.request.fields = &call_.fields;
  }

  // On the context's thread. Counts in `ended` when it has been answered.
  void send(std::atomic<int>& ended) {
    call_.response.clear();
    Task<void> task = gateway_.handle(call_.request, call_.response);
    if (!task.valid()) {
      ++ended;
      return;
    }
    boost::asio::co_spawn(context_, std::move(task), [&ended](std::exception_ptr) { ++ended; });
  }
  int status() const { return call_.response.status; }

 private:
  Gateway& gateway_;
  boost::asio::io_context& context_;
  Call call_;
};

class ThreadsTest : public ::testing::Test {
 protected:
  static constexpr int kThreads = 3;

  ThreadsTest() {
    for (int i = 0; i < kThreads; ++i) {
      contexts.push_back(std::make_unique<boost::asio::io_context>(1));
      guards.push_back(boost::asio::make_work_guard(*contexts.back()));
      threads.emplace_back([context = contexts.back().get()] { context->run(); });
    }
  }
  ~ThreadsTest() override {
    gateway.drain();
    guards.clear();
    for (std::thread& thread : threads) thread.join();
    clients.clear();
    contexts.clear();
  }

  void hold(int count, const std::string& subject, std::atomic<int>& counter) {
    const std::string token = api_grant(kItemsClaim, 600, R"(,"iss":"api","sub":")" + subject + "\"");
    for (int i = 0; i < count; ++i) {
      boost::asio::io_context& context = *contexts[static_cast<std::size_t>(i % kThreads)];
      Client& client = *clients.emplace_back(std::make_unique<Client>(gateway, context, kLive, token));
      boost::asio::post(context, [&client, &counter] { client.send(counter); });
    }
  }
  static void wait_until(const std::function<bool()>& condition) {
    while (!condition()) std::this_thread::yield();
  }
  bool holds(int count) {
    return metrics.text().find("sluice_held_requests " + std::to_string(count) + "\n") != std::string::npos;
  }

  // In use until the last thread has stopped.
  std::atomic<int> ended{0}, others{0}, answered{0};
  std::atomic<bool> stop{false};
  HoldingOrigin origin;
  Metrics metrics;
  gatekeeper::Revocations revocations;
  std::unique_ptr<gatekeeper::RevocationStore> store = gatekeeper::memory_revocations(revocations);
  Audit audit{{.enabled = false}};
  std::vector<std::unique_ptr<boost::asio::io_context>> contexts;
  std::vector<std::unique_ptr<Client>> clients;
  Gateway gateway{test_options(), {origin, metrics, revocations, *store, audit}};
  std::vector<boost::asio::executor_work_guard<Executor>> guards;
  std::vector<std::thread> threads;
};

TEST_F(ThreadsTest, J42_OneRevocationCutsThousandsOnAllThreads) {
  constexpr int kHeld = 2'000;
  hold(kHeld, "mallory", ended);
  hold(100, "bob", others);
  wait_until([&] { return holds(kHeld + 100); });
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(store->add({.kind = gatekeeper::Revocation::Kind::kSubject,
                          .value = "mallory",
                          .before_s = now_s() + 1,
                          .forget_at_s = now_s() + 3600}));
  wait_until([&] { return ended == kHeld; });
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
  RecordProperty("cut_us", static_cast<int>(took.count()));
  EXPECT_EQ(others, 0);
  for (int i = 0; i < kHeld; ++i) ASSERT_EQ(clients[static_cast<std::size_t>(i)]->status(), 401);
}

TEST_F(ThreadsTest, H70_ReloadsAndRevocationsWhileEveryThreadServes) {
  for (int t = 0; t < kThreads; ++t) {
    boost::asio::io_context& context = *contexts[static_cast<std::size_t>(t)];
    boost::asio::post(context, [&, t] {
      Client items(gateway, context, kItems, api_grant(kItemsClaim, 600, R"(,"sub":"reader)" + std::to_string(t) + "\""));
      Client named(gateway, context, "/v1/shapes/items?offset=-1", identity_token());
      std::atomic<int> at_once{0};
      while (!stop) {
        items.send(at_once);
        named.send(at_once);
        ASSERT_TRUE(items.status() == 200 && named.status() == 200);
        context.poll();
        ++answered;
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    hold(9, "holder" + std::to_string(i), ended);
    gateway.reload(test_options());
    ASSERT_TRUE(store->add({.value = "id-" + std::to_string(i), .forget_at_s = now_s() + 3600}));
    EXPECT_FALSE(metrics.text().empty());
  }
  wait_until([&] { return answered > 100; });
  stop = true;
  gateway.drain();  // those that came after the last reload
  wait_until([&] { return ended == 20 * 9; });
}

}  // namespace
}  // namespace sluice::gateway

#include <gtest/gtest.h>

#include <thread>

#include "gatekeeper/revocation_text.h"
#include "gatekeeper/revocations.h"
#include "gatekeeper/test_redis.h"
#include "gatekeeper/test_tokens.h"

namespace sluice::gatekeeper {
namespace {

constexpr const char* kStream = "sluice:revocations";

Revocation of_token(const std::string& id, std::int64_t lives_s = 86400) {
  return {.value = id, .forget_at_s = system_now_s() + lives_s};
}

// A gateway's share.
struct Node {
  explicit Node(const RedisOptions& options) : store(redis_revocations(options, known)) { store->start(); }
  ~Node() { store->stop(); }
  bool knows(const std::string& id) const {
    return known.revoked(test_token(R"({"exp":5000,"jti":")" + id + "\"}")->claims());
  }
  bool learns(const std::string& id) const {
    return eventually([&] { return knows(id); });
  }
  bool is_connected(bool wanted) const {
    return eventually([&] { return store->connected() == wanted; });
  }

  Revocations known;
  std::unique_ptr<RevocationStore> store;
};

std::string failure_to_start(const RedisOptions& options) {
  try {
    Node node(options);
  } catch (const std::exception& failure) {
    return failure.what();
  }
  return "";
}

TEST(RedisRevocations, J42_GatewaysSeeEachOthers) {
  const TestRedis redis;
  Node a(redis.options()), b(redis.options());
  ASSERT_TRUE(a.store->add(of_token("1")));
  EXPECT_TRUE(a.knows("1")) << "at once where it was added";
  EXPECT_TRUE(b.learns("1"));
  ASSERT_TRUE(b.store->add({.kind = Revocation::Kind::kSubject,
                            .value = "s \r\n*1\"$9",
                            .issuer = "i",
                            .before_s = 1,
                            .forget_at_s = system_now_s() + 9}));
  EXPECT_TRUE(eventually([&] { return a.known.size() == 2; }));
  EXPECT_TRUE(a.store->connected() && b.store->connected());
}

TEST(RedisRevocations, AStartReadsAllThatWasAdded) {
  const TestRedis redis;
  {
    Node a(redis.options());
    for (int i = 0; i < 2500; ++i) ASSERT_TRUE(a.store->add(of_token(std::to_string(i))));
  }
  const Node b(redis.options());
  EXPECT_EQ(b.known.size(), 2500u);
  EXPECT_TRUE(b.knows("0") && b.knows("2499"));
}

TEST(RedisRevocations, AStartWithoutRedisIsAnError) {
  const TestFolder folder;
  EXPECT_NE(failure_to_start({.host = folder.path() + "/none.sock"}), "");
  TestRedis redis;
  const RedisOptions by_port = {.port = redis.port()};
  EXPECT_EQ(failure_to_start(by_port), "");
  redis.kill();
  EXPECT_NE(failure_to_start(by_port), "");
}

TEST(RedisRevocations, AStartFromSomethingElseIsAnError) {
  const TestRedis redis;
  redis.ask({"SET", kStream, "x"});
  EXPECT_NE(failure_to_start(redis.options()).find("WRONGTYPE"), std::string::npos);
}

TEST(RedisRevocations, H67_CredentialsAreSentAndNeverTold) {
  const TestRedis redis({"--requirepass", "canary-password", "--user", "gate", "on", ">canary-gate", "~sluice:*", "+@all"});
  const auto with = [&](std::string username, std::string password) {
    RedisOptions options = {.port = redis.port()};
    options.username = std::move(username);
    options.password = std::move(password);
    return failure_to_start(options);
  };
  EXPECT_EQ(with("", "canary-password"), "");
  EXPECT_EQ(with("gate", "canary-gate"), "");
  for (const std::string& failure :
       {with("", ""), with("", "canary-wrong"), with("gate", "canary-wrong"), with("x", "canary-gate")}) {
    EXPECT_NE(failure, "");
    EXPECT_EQ(failure.find("canary"), std::string::npos) << failure;
  }
}

TEST(RedisRevocations, J42_AGatewayThatLosesRedisKeepsWhatItKnowsAndCatchesUp) {
  TestRedis redis;
  Node a(redis.options()), b(redis.options());
  ASSERT_TRUE(a.store->add(of_token("1")));
  ASSERT_TRUE(b.learns("1"));
  redis.kill();
  EXPECT_TRUE(a.is_connected(false) && b.is_connected(false));
  EXPECT_TRUE(a.knows("1") && b.knows("1"));

  const auto alone = a.store->add(of_token("2"));
  ASSERT_FALSE(alone);
  EXPECT_TRUE(alone.error().starts_with("in force")) << alone.error();
  EXPECT_TRUE(a.knows("2")) << "where it was asked for, it holds";

  redis.start();
  EXPECT_TRUE(a.is_connected(true) && b.is_connected(true));
  ASSERT_TRUE(a.store->add(of_token("2")));
  EXPECT_TRUE(b.learns("2"));
  ASSERT_TRUE(b.store->add(of_token("3")));
  EXPECT_TRUE(a.learns("3"));
  EXPECT_TRUE(Node(redis.options()).knows("1")) << "Redis has it still";
}

// Added while it was away, by another: the first questions after coming back ask for that.
TEST(RedisRevocations, WhatWasAddedMeanwhileIsLearnt) {
  TestRedis redis;
  Node a(redis.options());
  ASSERT_TRUE(a.store->add(of_token("1")));
  redis.kill();
  ASSERT_TRUE(a.is_connected(false));
  redis.start();
  redis.ask({"XADD", kStream, "*", "r", print_revocation(of_token("2"))});
  EXPECT_TRUE(a.learns("2"));
}

// Not a word for three seconds, on a connection that stands.
TEST(RedisRevocations, ASilentRedisIsAway) {
  const TestRedis redis;
  const Node a(redis.options());
  redis.suspend();
  EXPECT_TRUE(a.is_connected(false));
  redis.resume();
  EXPECT_TRUE(a.is_connected(true));
}

TEST(RedisRevocations, ARedisThatLostItsDataIsReadAgain) {
  TestRedis redis;
  Node a(redis.options());
  // As if its clock had been a day ahead: new ids will be below those seen.
  const std::string ahead = std::to_string((system_now_s() + 86400) * 1000) + "-0";
  redis.ask({"XADD", kStream, ahead, "r", print_revocation(of_token("1"))});
  ASSERT_TRUE(a.learns("1"));
  redis.kill();
  redis.lose_its_data();
  redis.start();
  ASSERT_TRUE(a.is_connected(true));
  EXPECT_TRUE(a.knows("1"));
  const Node b(redis.options());
  EXPECT_FALSE(b.knows("1"));
  redis.ask({"XADD", kStream, "*", "r", print_revocation(of_token("2"))});
  EXPECT_TRUE(a.learns("2"));
  EXPECT_TRUE(b.learns("2"));
}

TEST(RedisRevocations, EntriesThatDoNotReadAreSkipped) {
  const TestRedis redis;
  const Node a(redis.options());
  testing::internal::CaptureStderr();
  redis.ask({"XADD", kStream, "*", "r", R"({"kind":"later than us","canary":1})"});
  redis.ask({"XADD", kStream, "*", "x", "canary"});
  redis.ask({"XADD", kStream, "*", "r", std::string_view("\0\xff", 2)});
  redis.ask({"XADD", kStream, "*", "other", "field", "r", print_revocation(of_token("1"))});
  EXPECT_TRUE(a.learns("1"));
  EXPECT_EQ(a.known.size(), 1u);
  EXPECT_TRUE(a.store->connected());
  EXPECT_EQ(Node(redis.options()).known.size(), 1u);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("\"revocation_skipped\""), std::string::npos);
  EXPECT_NE(log.find("\"total\":3"), std::string::npos) << log;
  EXPECT_EQ(log.find("canary"), std::string::npos) << log;
}

TEST(RedisRevocations, TheForgottenAreTrimmed) {
  const TestRedis redis;
  const std::string two_days_ago = std::to_string((system_now_s() - 2 * 86400) * 1000);
  // Whole nodes of the stream are trimmed, 100 entries each; each of these was to be remembered for a day.
  for (int i = 0; i < 300; ++i)
    redis.ask({"XADD", kStream, two_days_ago + "-" + std::to_string(i + 1), "r",
               print_revocation(of_token("old " + std::to_string(i), -86400))});
  const auto length = [&] { return redis.ask({"XLEN", kStream})->integer; };
  Node a(redis.options());
  EXPECT_EQ(a.known.size(), 0u);
  ASSERT_TRUE(a.store->add(of_token("1", 3600)));
  ASSERT_TRUE(eventually([&] {
    EXPECT_TRUE(a.store->add(of_token("2", 3600)));
    return length() < 100;
  }));
  EXPECT_TRUE(Node(redis.options()).knows("1"));
}

TEST(RedisRevocations, WhatHasToBeRememberedIsNotTrimmed) {
  const TestRedis redis;
  const std::string two_days_ago = std::to_string((system_now_s() - 2 * 86400) * 1000);
  for (int i = 0; i < 300; ++i)
    redis.ask({"XADD", kStream, two_days_ago + "-" + std::to_string(i + 1), "r",
               print_revocation(of_token("old " + std::to_string(i), i == 299 ? 3600 : -86400))});
  Node a(redis.options());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(a.store->add(of_token(std::to_string(i), 3600)));
  EXPECT_EQ(Node(redis.options()).known.size(), 21u);
}

TEST(RedisRevocations, StopsWhileItWaits) {
  const TestRedis redis;
  for (int i = 0; i < 3; ++i) {
    Node node(redis.options());
    node.store->stop();
    EXPECT_FALSE(node.store->connected());
  }
}

TEST(RedisRevocations, StopsWhileRedisIsAway) {
  TestRedis redis;
  Node node(redis.options());
  redis.kill();
  ASSERT_TRUE(node.is_connected(false));
  node.store->stop();
}

TEST(RedisRevocations, ManyThreadsMayAdd) {
  const TestRedis redis;
  Node a(redis.options()), b(redis.options());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) EXPECT_TRUE((t % 2 ? a : b).store->add(of_token(std::to_string(t * 100 + i))));
    });
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(eventually([&] { return a.known.size() == 200 && b.known.size() == 200; }));
}

}  // namespace
}  // namespace sluice::gatekeeper

#include "policy/remembered.h"

#include <gtest/gtest.h>

#include <thread>

#include "policy/test_authorizer.h"
#include "policy/test_principal.h"

namespace sluice::policy {
namespace {

using namespace std::chrono_literals;
using Kind = Decision::Kind;

const shape::Definition kItems = test_definition("items");

class RememberedTest : public ::testing::Test {
 protected:
  Remembered make(std::deque<Decision> answers, std::size_t entries_max = 10'000, std::chrono::milliseconds ttl = 60s) {
    auto inner = std::make_unique<FakeAuthorizer>(std::move(answers));
    inner_ = inner.get();
    return Remembered(std::move(inner), {.ttl = ttl, .entries_max = entries_max, .now = [this] { return now_; }});
  }
  static Decision allow(const shape::Definition& definition = kItems) {
    return Decision::allow({.definition = definition}, "allowed");
  }
  std::size_t times_asked() const { return inner_->asked().size(); }

  FakeAuthorizer* inner_ = nullptr;
  std::chrono::milliseconds now_ = std::chrono::seconds(kTestNow_s);
};

TEST_F(RememberedTest, AsksOnceForTheSameCallerAndShape) {
  Remembered remembered = make({allow()});
  for (int i = 0; i < 3; ++i) {
    const Decision decision = decide(remembered, test_principal(R"("org_id":7)"), kItems);
    EXPECT_EQ(decision.kind, Kind::kAllow);
    EXPECT_EQ(decision.authorizer, "fake");
    EXPECT_EQ(decision.granted->definition, kItems);
  }
  EXPECT_EQ(times_asked(), 1u);
  EXPECT_EQ(remembered.counts().hits, 2u);
  EXPECT_EQ(remembered.counts().misses, 1u);
  EXPECT_EQ(remembered.counts().entries, 1u);
}

TEST_F(RememberedTest, J41_AnotherCallerIdentityOrShapeAsksAnew) {
  Remembered remembered = make({allow()});
  decide(remembered, test_principal(R"("org_id":7)"), kItems);
  decide(remembered, test_principal(R"("org_id":8)"), kItems);
  decide(remembered, test_principal(R"("org_id":7)", "staff"), kItems);
  decide(remembered, Principal::anonymous(), kItems);
  decide(remembered, test_principal(R"("org_id":7)"), test_definition("items", "org_id = $1", {{1, "7"}}));
  decide(remembered, test_principal(R"("org_id":7)"), test_definition("items", "org_id = $1", {{1, "8"}}));
  decide(remembered, test_principal(R"("org_id":7)"), test_definition("items", {}, {}, {}, "full"));
  EXPECT_EQ(times_asked(), 7u);
}

TEST_F(RememberedTest, J42_AChangedClaimAsksAnew) {
  Remembered remembered = make({allow(), Decision::deny("no longer")});
  EXPECT_EQ(decide(remembered, test_principal(R"("role":"admin")"), kItems).kind, Kind::kAllow);
  EXPECT_EQ(decide(remembered, test_principal(R"("role":"user")"), kItems).kind, Kind::kDeny);
}

TEST_F(RememberedTest, ForgetsAfterItsTime) {
  Remembered remembered = make({allow(), Decision::deny("no longer")});
  decide(remembered, test_principal(""), kItems);
  now_ += 59'999ms;
  EXPECT_EQ(decide(remembered, test_principal(""), kItems).kind, Kind::kAllow);
  now_ += 1ms;
  EXPECT_EQ(decide(remembered, test_principal(""), kItems).kind, Kind::kDeny);
}

TEST_F(RememberedTest, NeverBeyondTheTokensEnd) {
  Remembered remembered = make({allow()}, 10'000, 24h);
  decide(remembered, test_principal(""), kItems);
  now_ = std::chrono::seconds(test_principal("").expires_at_s()) - 1ms;
  decide(remembered, test_principal(""), kItems);
  EXPECT_EQ(times_asked(), 1u);
  now_ += 1ms;
  decide(remembered, test_principal(""), kItems);
  decide(remembered, test_principal(""), kItems);
  EXPECT_EQ(times_asked(), 3u);
}

TEST_F(RememberedTest, AnAnonymousCallersDecisionEndsWithTheTime) {
  Remembered remembered = make({allow()});
  decide(remembered, Principal::anonymous(), kItems);
  decide(remembered, Principal::anonymous(), kItems);
  EXPECT_EQ(times_asked(), 1u);
  now_ += 60s;
  decide(remembered, Principal::anonymous(), kItems);
  EXPECT_EQ(times_asked(), 2u);
}

TEST_F(RememberedTest, FailuresAndAbstentionsAreNotRemembered) {
  Remembered remembered = make({Decision::failed("down"), Decision::abstain("nothing"), Decision::deny("no")});
  EXPECT_EQ(decide(remembered, test_principal(""), kItems).kind, Kind::kFailed);
  EXPECT_EQ(decide(remembered, test_principal(""), kItems).kind, Kind::kAbstain);
  EXPECT_EQ(decide(remembered, test_principal(""), kItems).kind, Kind::kDeny);
  EXPECT_EQ(remembered.counts().entries, 1u);
}

TEST_F(RememberedTest, WithoutATimeNothingIsRemembered) {
  Remembered remembered = make({allow()}, 10'000, 0ms);
  decide(remembered, test_principal(""), kItems);
  decide(remembered, test_principal(""), kItems);
  EXPECT_EQ(times_asked(), 2u);
}

TEST_F(RememberedTest, IsBounded) {
  Remembered remembered = make({allow()}, 64);
  for (int i = 0; i < 1'000; ++i) decide(remembered, test_principal("\"n\":" + std::to_string(i)), kItems);
  EXPECT_LE(remembered.counts().entries, 64u);
  EXPECT_GT(remembered.counts().entries, 32u);
}

TEST_F(RememberedTest, LargeDefinitionsAreNotRemembered) {
  const auto large = test_definition("items", "a = $1", {{1, std::string(kRememberedBytesMax, 'x')}});
  Remembered remembered = make({allow(large), allow()});
  decide(remembered, test_principal(""), large);
  EXPECT_EQ(remembered.counts().entries, 0u);
  Remembered narrowed = make({allow(large)});
  decide(narrowed, test_principal(""), kItems);
  EXPECT_EQ(narrowed.counts().entries, 0u);
}

// Answers nothing of its own, so that many threads may ask it.
class Open : public Authorizer {
 public:
  Task<Decision> authorize(const Principal&, const shape::Definition& asked) override {
    co_return Decision::allow({.definition = asked}, "allowed");
  }
};

TEST(Remembered, ManyThreadsAskAtOnce) {
  Remembered remembered(std::make_unique<Open>(), {.ttl = 60s, .entries_max = 32});
  std::vector<Principal> principals;
  for (int i = 0; i < 64; ++i) principals.push_back(test_principal("\"n\":" + std::to_string(i)));
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int round = 0; round < 20; ++round)
        for (const Principal& principal : principals) EXPECT_EQ(decide(remembered, principal, kItems).kind, Kind::kAllow);
    });
  threads.clear();
  EXPECT_EQ(remembered.counts().hits + remembered.counts().misses, 4u * 20 * 64);
}

}  // namespace
}  // namespace sluice::policy

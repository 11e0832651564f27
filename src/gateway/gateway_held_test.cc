#include "gateway/test_gateway.h"

#include <boost/asio/redirect_error.hpp>

namespace sluice::gateway {
namespace {

constexpr std::int64_t kSoon_s = 2;

TEST_F(GatewayTest, AHeldPollIsRefusedWhenItsGrantEnds) {
  origin.manner = RecordingOrigin::Manner::kNever;
  EXPECT_TRUE(get(kLive, api_grant(kItemsClaim, kSoon_s)));
  EXPECT_EQ(response().status, 401);
  EXPECT_EQ(code(), "token_expired");
  EXPECT_EQ(response().fields.get("www-authenticate"), R"(Bearer error="invalid_token")");
  EXPECT_NE(metrics.text().find(R"(sluice_refusals_total{code="token_expired"} 1)"), std::string::npos);
}

TEST_F(GatewayTest, AnEventStreamThatBeganAtOnceEndsWithItsGrant) {
  origin.manner = RecordingOrigin::Manner::kEvents;
  EXPECT_TRUE(get(kLive + "&live_sse=true", api_grant(kItemsClaim, kSoon_s)));
  EXPECT_EQ(response().status, 200);
  ASSERT_NE(response().stream, nullptr);
  ASSERT_NE(metrics.text().find("sluice_held_requests 1"), std::string::npos);
  read_stream(*last);
  context.restart();
  context.run();
  ASSERT_EQ(response().stream, nullptr);
  EXPECT_NE(metrics.text().find("sluice_held_requests 0"), std::string::npos);
}

TEST_F(GatewayTest, NothingIsHeldForTheLeewayOfAGrant) {
  const std::string ended = api_grant(kItemsClaim, -1);
  EXPECT_TRUE(get("/v1/shape?table=items&offset=-1&" + std::string(kWhere), ended));
  origin.manner = RecordingOrigin::Manner::kEvents;
  EXPECT_FALSE(get(kLive + "&live_sse=true", ended));
  EXPECT_EQ(response().status, 401);
  EXPECT_EQ(code(), "token_expired");
}

const FieldList kNobody;

class HeldTest : public GatewayTest {
 protected:
  Call& hold(const std::string& token, const std::string& more = "") {
    return start(gateway, http::Method::kGet, kLive + more, {{"authorization", "Bearer " + token}});
  }
  static std::string grant_of(const std::string& subject, const std::string& id) {
    return api_grant(
        kItemsClaim, 600,
        R"(,"iss":"api","iat":)" + std::to_string(now_s() - 5) + R"(,"sub":")" + subject + R"(","jti":")" + id + "\"");
  }
  void revoke(gatekeeper::Revocation revocation) {
    revocation.forget_at_s = now_s() + 3600;
    ASSERT_TRUE(store->add(revocation).has_value());
    poll();
  }
};

TEST_F(HeldTest, J42_ARevokedTokensRequestsAreCutAndNoOthers) {
  origin.manner = RecordingOrigin::Manner::kNever;
  Call& alice = hold(grant_of("alice", "1"));
  Call& also = hold(grant_of("alice", "2"));
  Call& bob = hold(grant_of("bob", "3"));
  ASSERT_FALSE(alice.done || also.done || bob.done);
  revoke({.kind = gatekeeper::Revocation::Kind::kTokenId, .value = "1"});
  ASSERT_TRUE(alice.done);
  EXPECT_EQ(alice.response.status, 401);
  EXPECT_EQ(alice.code(), "token_revoked");
  EXPECT_EQ(alice.response.fields.get("www-authenticate"), R"(Bearer error="invalid_token")");
  EXPECT_FALSE(also.done || bob.done);
  revoke({.kind = gatekeeper::Revocation::Kind::kSubject, .value = "alice", .before_s = now_s() + 1});
  EXPECT_TRUE(also.done);
  EXPECT_FALSE(bob.done);
  revoke({.kind = gatekeeper::Revocation::Kind::kAll, .before_s = now_s() + 1});
  EXPECT_TRUE(bob.done);
  EXPECT_NE(metrics.text().find(R"(sluice_held_requests_ended_total{code="token_revoked"} 3)"), std::string::npos);
}

TEST_F(HeldTest, ARevokedTokenIsRefusedFromThenOn) {
  const std::string grant = grant_of("alice", "1");
  EXPECT_TRUE(get(kItems, grant));
  revoke({.kind = gatekeeper::Revocation::Kind::kSubject, .value = "alice", .before_s = now_s() + 1});
  EXPECT_FALSE(get(kItems, grant));
  EXPECT_EQ(code(), "token_revoked");
  EXPECT_FALSE(get("/v1/shapes/items?offset=-1", identity_token()));
  EXPECT_EQ(code(), "token_revoked");
  send(http::Method::kPost, "/gatekeeper/items", {{"authorization", "Bearer " + identity_token()}});
  EXPECT_EQ(code(), "token_revoked");
  EXPECT_NE(audited().find(R"("code":"token_revoked")"), std::string::npos);
}

TEST_F(HeldTest, AnEventStreamEndsWithItsTokensRevocation) {
  origin.manner = RecordingOrigin::Manner::kEvents;
  Call& call = hold(grant_of("alice", "1"), "&live_sse=true");
  ASSERT_TRUE(call.done);
  ASSERT_NE(call.response.stream, nullptr);
  read_stream(call);
  ASSERT_NE(call.response.stream, nullptr);
  revoke({.kind = gatekeeper::Revocation::Kind::kTokenId, .value = "1"});
  EXPECT_EQ(call.response.stream, nullptr);
}

TEST_F(HeldTest, H69_J42_AReloadCutsWhatTheOldPolicyLetIn) {
  origin.manner = RecordingOrigin::Manner::kNever;
  Call& poll_call = hold(grant_of("alice", "1"));
  Call& open_call = start(gateway, http::Method::kGet, "/v1/shapes/orgs?offset=0_0&handle=h&live=true", kNobody);
  origin.manner = RecordingOrigin::Manner::kEvents;
  Call& events = hold(grant_of("bob", "2"), "&live_sse=true");
  read_stream(events);
  GatewayOptions stricter = test_options();
  stricter.grant_issuers.clear();
  gateway.reload(std::move(stricter));
  poll();
  for (Call* call : {&poll_call, &open_call}) {
    ASSERT_TRUE(call->done);
    EXPECT_EQ(call->response.status, 503);
    EXPECT_EQ(call->code(), "policy_changed");
    EXPECT_EQ(call->response.fields.get("retry-after"), "1");
  }
  EXPECT_EQ(events.response.stream, nullptr);
  EXPECT_FALSE(get(kItems, grant_of("alice", "1")));
  EXPECT_EQ(response().status, 401);
}

// Answers when it is told to.
class SlowAuthorizer final : public policy::Authorizer {
 public:
  Task<policy::Decision> authorize(const policy::Principal&, const shape::Definition& asked) override {
    ++asked_;
    boost::asio::steady_timer never(co_await boost::asio::this_coro::executor, std::chrono::steady_clock::time_point::max());
    waiting_ = &never;
    boost::system::error_code error;
    co_await never.async_wait(boost::asio::redirect_error(use_task, error));
    co_return policy::Decision::allow({.definition = asked}, "at last");
  }
  void answer() { waiting_->cancel(); }
  int asked() const { return asked_; }

 private:
  boost::asio::steady_timer* waiting_ = nullptr;
  int asked_ = 0;
};

TEST_F(HeldTest, H70_ARequestKeepsThePolicyThatItBeganWith) {
  auto slow = std::make_shared<SlowAuthorizer>();
  GatewayOptions old = test_options();
  old.authorizer = slow;
  old.public_url = "https://old.example.com";
  gateway.reload(std::move(old));
  Call& call = start(gateway, http::Method::kPost, "/gatekeeper/items", {{"authorization", "Bearer " + identity_token()}});
  ASSERT_EQ(slow->asked(), 1);
  GatewayOptions next = test_options();
  next.minter.reset();
  next.authorizer.reset();
  const auto replaced = gateway.reload(std::move(next));
  EXPECT_FALSE(replaced.expired());
  slow->answer();
  poll();
  ASSERT_TRUE(call.done);
  EXPECT_EQ(call.response.status, 200);
  EXPECT_NE(call.text().find("https://old.example.com/v1/shape"), std::string::npos);
  EXPECT_TRUE(replaced.expired());
  send(http::Method::kPost, "/gatekeeper/items", {{"authorization", "Bearer " + identity_token()}});
  EXPECT_EQ(response().status, 404);
}

TEST_F(HeldTest, H69_WhatAnOldPolicyLetInIsNotHeldUnderANewOne) {
  auto slow = std::make_shared<SlowAuthorizer>();
  GatewayOptions old = test_options();
  old.shapes.at("items").authorizer = slow;
  gateway.reload(std::move(old));
  origin.manner = RecordingOrigin::Manner::kNever;
  Call& call = start(gateway, http::Method::kGet, "/v1/shapes/items?offset=0_0&handle=h&live=true",
                     {{"authorization", "Bearer " + identity_token()}});
  gateway.reload(test_options());
  slow->answer();
  poll();
  ASSERT_TRUE(call.done);
  EXPECT_EQ(call.code(), "policy_changed");
}

TEST_F(HeldTest, DrainingAnswersWhatIsHeld) {
  origin.manner = RecordingOrigin::Manner::kNever;
  Call& call = hold(grant_of("alice", "1"));
  gateway.drain();
  poll();
  ASSERT_TRUE(call.done);
  EXPECT_EQ(call.response.status, 503);
  EXPECT_EQ(call.code(), "restarting");
}

TEST_F(HeldTest, TwoThousandAreCutByOneRevocation) {
  origin.manner = RecordingOrigin::Manner::kNever;
  std::vector<Call*> held;
  for (int i = 0; i < 2'000; ++i) held.push_back(&hold(grant_of("alice", std::to_string(i))));
  revoke({.kind = gatekeeper::Revocation::Kind::kSubject, .value = "alice", .before_s = now_s() + 1});
  for (const Call* call : held) ASSERT_TRUE(call->done);
  EXPECT_NE(metrics.text().find("sluice_held_requests 0"), std::string::npos);
}

}  // namespace
}  // namespace sluice::gateway

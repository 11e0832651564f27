#include "gateway/admin.h"

#include <stdexcept>

#include "gateway/admin_request.h"
#include "gateway/test_gateway.h"

namespace sluice::gateway {
namespace {

const std::string kAdminToken = "the-operators-own-token-of-32-bytes";

// Knows whether it is told, and fails where it shall.
class ToldStore final : public gatekeeper::RevocationStore {
 public:
  explicit ToldStore(gatekeeper::Revocations& revocations) : revocations_(revocations) {}
  void start() override {}
  void stop() override {}
  std::expected<void, std::string> add(const gatekeeper::Revocation& revocation) override {
    if (!is_connected) return std::unexpected("no connection");
    kept.push_back(revocation);
    revocations_.add(revocation, now_s());
    return {};
  }
  bool connected() const override { return is_connected; }

  std::vector<gatekeeper::Revocation> kept;
  std::atomic<bool> is_connected{true};

 private:
  gatekeeper::Revocations& revocations_;
};

class AdminTest : public GatewayTest {
 protected:
  AdminTest() {
    auto own = std::make_unique<ToldStore>(revocations);
    told = own.get();
    told_store = std::move(own);
  }
  GatewayParts told_parts() { return {origin, metrics, revocations, *told, audit}; }

  void ask(http::Method method, std::string_view path, std::string_view body = {}, const std::string& token = kAdminToken) {
    last = &start(*admin, method, path, {{"authorization", "Bearer " + token}}, body);
    while (!last->done) {
      context.restart();
      context.run_one();
    }
  }

  ToldStore* told;
  std::unique_ptr<gatekeeper::RevocationStore> told_store;
  std::unique_ptr<Admin> admin = nullptr;
  void SetUp() override {
    admin = std::make_unique<Admin>(AdminOptions{kAdminToken, [] { return std::string(R"({"rules":[]})"); }}, gateway,
                                    told_parts());
  }
};

TEST_F(AdminTest, J43_CallsWantTheirOwnCredential) {
  for (const char* path : {"/admin/revoke", "/admin/explain", "/admin/policy"}) {
    last = &start(*admin, http::Method::kPost, path, {}, "{}");
    EXPECT_EQ(response().status, 401) << path;
    EXPECT_EQ(code(), "token_missing");
    for (const std::string& wrong : {kAdminToken + "x", kAdminToken.substr(1), std::string("x"), identity_token()}) {
      ask(http::Method::kPost, path, "{}", wrong);
      EXPECT_EQ(response().status, 401) << path;
      EXPECT_EQ(code(), "token_invalid");
    }
  }
  EXPECT_TRUE(told->kept.empty());
}

TEST_F(AdminTest, WithoutACredentialConfiguredTheCallsAreNotThere) {
  Admin closed({}, gateway, told_parts());
  for (const char* path : {"/admin/revoke", "/admin/explain", "/admin/policy"}) {
    last = &start(closed, http::Method::kPost, path, {{"authorization", "Bearer x"}}, R"({"all":true})");
    EXPECT_EQ(response().status, 404) << path;
  }
  EXPECT_THROW(Admin({.token = "short"}, gateway, told_parts()), std::invalid_argument);
}

TEST_F(AdminTest, E11_ThePublicListenerHasNoneOfThese) {
  for (const char* path : {"/admin/revoke", "/admin/explain", "/admin/policy", "/metrics"}) {
    send(http::Method::kPost, path, {{"authorization", "Bearer " + kAdminToken}}, R"({"all":true})");
    EXPECT_EQ(response().status, 404) << path;
  }
}

TEST_F(AdminTest, RevokesAndCutsWhatIsHeld) {
  origin.manner = RecordingOrigin::Manner::kNever;
  Call& held = start(gateway, http::Method::kGet, kLive,
                     {{"authorization", "Bearer " + api_grant(kItemsClaim, 600, R"(,"iss":"api","sub":"mallory")")}});
  ASSERT_FALSE(held.done);
  ask(http::Method::kPost, "/admin/revoke", R"({"subject":"mallory"})");
  ASSERT_EQ(response().status, 200) << text();
  EXPECT_EQ(text(), R"({"revoked":"subject","known":1})");
  ASSERT_EQ(told->kept.size(), 1u);
  EXPECT_EQ(told->kept[0].kind, gatekeeper::Revocation::Kind::kSubject);
  EXPECT_GE(told->kept[0].before_s, now_s());
  poll();
  ASSERT_TRUE(held.done);
  EXPECT_EQ(held.code(), "token_revoked");
  EXPECT_NE(audited().find(R"("event":"revoked")"), std::string::npos);
}

TEST_F(AdminTest, WhatCouldNotBeKeptIsNotSaidToBeRevoked) {
  told->is_connected = false;
  ask(http::Method::kPost, "/admin/revoke", R"({"all":true})");
  EXPECT_EQ(response().status, 503);
  EXPECT_EQ(code(), "not_revoked");
  EXPECT_EQ(revocations.size(), 0u);
}

TEST_F(AdminTest, SaysWhatIsLacking) {
  ask(http::Method::kGet, "/readyz");
  EXPECT_EQ(response().status, 200);
  told->is_connected = false;
  ask(http::Method::kGet, "/readyz");
  EXPECT_EQ(response().status, 200) << "the gateway's own store is connected";

  Gateway other(test_options(), told_parts());
  Admin of_other({}, other, told_parts());
  last = &start(of_other, http::Method::kGet, "/readyz");
  EXPECT_EQ(response().status, 503);
  EXPECT_EQ(text(), R"({"status":"unavailable","origin":"active","keys":"ready","revocations":"disconnected"})");
  last = &start(other, http::Method::kGet, "/readyz");
  EXPECT_EQ(response().status, 503);
  EXPECT_EQ(text(), R"({"status":"unavailable"})");
  last = &start(of_other, http::Method::kGet, "/healthz");
  EXPECT_EQ(response().status, 200);
}

TEST_F(AdminTest, MetricsHoldWhatTheGatewayCounts) {
  get(kItems, api_grant(kItemsClaim));
  ask(http::Method::kGet, "/metrics");
  for (const char* line : {"sluice_tokens_verified_total{tokens=\"grant\"} 1", "sluice_tokens_known{tokens=\"identity\"} 0",
                           "sluice_revocations 0", "sluice_revocations_connected 1", "sluice_policy_revision 0",
                           "sluice_audit_dropped_total 0", "# TYPE sluice_tokens_verified_total counter"})
    EXPECT_NE(text().find(line), std::string::npos) << line << "\n" << text();
}

TEST_F(AdminTest, ExplainsAndPrintsThePolicy) {
  ask(http::Method::kGet, "/admin/policy");
  EXPECT_EQ(text(), R"({"rules":[]})");
  ask(http::Method::kPost, "/admin/explain",
      R"({"claims":{"sub":"alice","org_id":7},"identity":"app","shape":"table=items"})");
  ASSERT_EQ(response().status, 200) << text();
  EXPECT_NE(text().find(R"("decision":"allow")"), std::string::npos) << text();
  ask(http::Method::kGet, "/admin/explain");
  EXPECT_EQ(response().status, 405);
}

struct BadBody {
  const char* body;
  const char* parameter;
};

TEST(AdminRequest, RevocationsAreReadStrictly) {
  for (const BadBody& bad :
       {BadBody{"", "body"}, BadBody{"[]", "body"}, BadBody{"{}", "body"}, BadBody{R"({"before":1})", "body"},
        BadBody{R"({"token_id":"a","subject":"b"})", "body"}, BadBody{R"({"all":true,"subject":"b"})", "body"},
        BadBody{R"({"all":false})", "all"}, BadBody{R"({"all":1})", "all"},
        BadBody{R"({"all":true,"issuer":"i"})", "issuer"}, BadBody{R"({"token_id":""})", "token_id"},
        BadBody{R"({"token_id":7})", "token_id"}, BadBody{R"({"token_id":"a","before":1})", "before"},
        BadBody{R"({"subject":"a","before":-1})", "before"}, BadBody{R"({"subject":"a","before":1.5})", "before"},
        BadBody{R"({"subject":"a","before":"1"})", "before"}, BadBody{R"({"subject":"a","before":2000})", "before"},
        BadBody{R"({"sub":"a"})", "sub"}, BadBody{R"({"subject":"a","subject":"b"})", "body"}}) {
    const auto read = read_revocation(bad.body, 1'000, 100);
    ASSERT_FALSE(read) << bad.body;
    EXPECT_EQ(read.error().status, 400);
    EXPECT_EQ(read.error().parameter, bad.parameter) << bad.body;
  }
}

TEST(AdminRequest, RevocationsSayWhatAndUntilWhen) {
  using gatekeeper::Revocation;
  const auto read = [](std::string_view body) { return *read_revocation(body, 1'000, 100); };
  EXPECT_EQ(read(R"({"token_id":"j","issuer":"i"})"), (Revocation{Revocation::Kind::kTokenId, "j", "i", 0, 1'160}));
  EXPECT_EQ(read(R"({"subject":"s"})"), (Revocation{Revocation::Kind::kSubject, "s", "", 1'001, 1'161}));
  EXPECT_EQ(read(R"({"issuer":"i","before":900})"), (Revocation{Revocation::Kind::kIssuer, "i", "", 900, 1'160}));
  EXPECT_EQ(read(R"({"all":true,"before":5})"), (Revocation{Revocation::Kind::kAll, "", "", 5, 1'160}));
}

TEST(AdminRequest, QuestionsAreReadStrictly) {
  for (const BadBody& bad :
       {BadBody{"{}", "shape"}, BadBody{R"({"shape":7})", "shape"},
        BadBody{R"({"shape":"a","token":"t","claims":{}})", "claims"}, BadBody{R"({"shape":"a","claims":"x"})", "claims"},
        BadBody{R"({"shape":"a","identity":"x"})", "identity"}, BadBody{R"({"shape":"a","x":1})", "x"}}) {
    const auto read = read_explain_request(bad.body);
    ASSERT_FALSE(read) << bad.body;
    EXPECT_EQ(read.error().parameter, bad.parameter) << bad.body;
  }
}

}  // namespace
}  // namespace sluice::gateway

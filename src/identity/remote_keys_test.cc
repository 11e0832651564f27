#include "identity/remote_keys.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "identity/authenticator.h"
#include "identity/test_issuer.h"

namespace sluice::identity {
namespace {

using namespace std::chrono_literals;
using http::testing::eventually;
using token::TokenError;

// Nothing is fetched unless a test asks for it.
RemoteKeysOptions patient() {
  RemoteKeysOptions options;
  options.name = "idp";
  options.algorithms = {token::Algorithm::kEdDsa, token::Algorithm::kRs256};
  options.unknown_key_interval = 1h;
  options.retry_min = options.retry_max = 1h;
  return options;
}

class FetchedKeys : public ::testing::Test {
 protected:
  FetchedKeys() {
    options_.jwks_url = issuer_.url("/keys");
    issuer_.set("/keys", {.body = key_set({kKey1.jwk("one")}), .fields = {}});
  }

  std::shared_ptr<RemoteKeys> started() {
    auto keys = RemoteKeys::make(options_).value();
    keys->start();
    return keys;
  }
  std::shared_ptr<RemoteKeys> ready() {
    auto keys = started();
    EXPECT_TRUE(eventually([&] { return keys->ready(); }));
    return keys;
  }
  std::shared_ptr<RemoteKeys> failed() {
    auto keys = started();
    EXPECT_TRUE(eventually([&] { return keys->failures() > 0; }));
    EXPECT_FALSE(keys->ready());
    EXPECT_TRUE(keys->keys()->keys.empty());
    return keys;
  }

  TestIssuer issuer_;
  RemoteKeysOptions options_ = patient();
};

std::vector<std::string> names(const KeySource& source) {
  std::vector<std::string> found;
  const auto set = source.keys();
  for (const token::Key& key : set->keys) found.push_back(key.key_id());
  return found;
}

// True where a fetch was made for this name.
bool asks_for(KeySource& source, std::string key_id) {
  auto task = source.look_again(std::move(key_id));
  if (!task.valid()) return false;
  run(std::move(task));
  return true;
}

using Names = std::vector<std::string>;

TEST_F(FetchedKeys, HasNoKeysBeforeTheFirstSuccess) {
  const auto keys = RemoteKeys::make(options_).value();
  EXPECT_FALSE(keys->ready());
  EXPECT_TRUE(keys->keys()->keys.empty());
  EXPECT_EQ(keys->age_s(), -1);
  EXPECT_FALSE(keys->look_again("one").valid());
  keys->start();
  ASSERT_TRUE(eventually([&] { return keys->ready(); }));
  EXPECT_EQ(names(*keys), Names{"one"});
  EXPECT_GE(keys->age_s(), 0);
  EXPECT_EQ(keys->revision(), keys->keys()->revision);
}

TEST_F(FetchedKeys, TakesAKeyThatATokenIsTheFirstToName) {
  const auto keys = ready();
  issuer_.set("/keys", {.body = key_set({kKey1.jwk("one"), kKey2.jwk("two")}), .fields = {}});
  const auto before = keys->revision();
  EXPECT_TRUE(asks_for(*keys, "two"));
  EXPECT_EQ(names(*keys), (Names{"one", "two"}));
  EXPECT_GT(keys->revision(), before);
  EXPECT_FALSE(keys->look_again("two").valid()) << "it is there";
}

TEST_F(FetchedKeys, KeepsItsRevisionWhereTheSetIsTheSame) {
  const auto keys = ready();
  EXPECT_TRUE(asks_for(*keys, "two"));
  EXPECT_EQ(issuer_.requests("/keys"), 2);
  EXPECT_EQ(keys->revision(), 1u);
}

TEST_F(FetchedKeys, AsksForAQueryWhereTheUrlHasOne) {
  options_.jwks_url = issuer_.url("/keys?p=b2c");
  issuer_.set("/keys?p=b2c", {.body = key_set({kKey2.jwk("two")}), .fields = {}});
  EXPECT_EQ(names(*ready()), Names{"two"});
}

TEST_F(FetchedKeys, FetchesAgainBeforeTheLifetimeEnds) {
  options_.refresh_min = options_.refresh_max = 1s;
  const auto keys = ready();
  issuer_.set("/keys", {.body = key_set({kKey2.jwk("two")}), .fields = {}});
  EXPECT_TRUE(eventually([&] { return names(*keys) == Names{"two"}; }));
}

TEST_F(FetchedKeys, VerifiesByFetchedKeysAndNoLongerByWithdrawnOnes) {
  const auto keys = ready();
  AuthenticatorOptions options;
  options.issuers.push_back({token::Verifier({.name = "idp", .issuer = "https://idp.example"}), keys});
  Authenticator authenticator(std::move(options));
  const std::string claims = R"({"iss":"https://idp.example","exp":1700000600})";
  const std::string one = token::sign(kKey1.signer("one"), claims);
  const std::string two = token::sign(kKey2.signer("two"), claims);
  constexpr std::int64_t kNow = 1'700'000'000;
  EXPECT_TRUE(authenticator.verify(one, kNow));
  EXPECT_TRUE(authenticator.verify(two, kNow).error().may_change);

  issuer_.set("/keys", {.body = key_set({kKey2.jwk("two")}), .fields = {}});
  auto again = authenticator.look_again(two);
  ASSERT_TRUE(again.valid());
  run(std::move(again));
  EXPECT_TRUE(authenticator.verify(two, kNow));
  EXPECT_EQ(authenticator.verify(one, kNow).error().error, TokenError::kUnknownKey);
}

TEST_F(FetchedKeys, J27_ManyUnknownKeysCauseOneFetch) {
  const auto keys = ready();
  issuer_.hold();
  std::atomic<int> asked{0};
  std::atomic<int> waited{0};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      boost::asio::io_context context(1);
      for (int i = 0; i < 25; ++i) {
        auto task = keys->look_again("unknown-" + std::to_string(t) + "-" + std::to_string(i));
        EXPECT_TRUE(task.valid());
        boost::asio::co_spawn(context, std::move(task), [&](std::exception_ptr error) {
          EXPECT_FALSE(error);
          ++waited;
        });
        ++asked;
      }
      context.run();
    });
  }
  EXPECT_TRUE(eventually([&] { return asked == 100; }));
  EXPECT_EQ(waited, 0);
  issuer_.release();
  threads.clear();
  EXPECT_EQ(waited, 100);
  EXPECT_EQ(issuer_.requests("/keys"), 2) << "the first, and one for all of them";
  EXPECT_FALSE(keys->look_again("another").valid());
  EXPECT_EQ(names(*keys), Names{"one"});
}

TEST_F(FetchedKeys, J27_TheIntervalHoldsWhileTheSetIsEmptyAndFetchesFail) {
  issuer_.set("/keys", {.status = 500, .body = "", .fields = {}});
  const auto keys = failed();
  EXPECT_TRUE(asks_for(*keys, "a"));
  EXPECT_EQ(keys->failures(), 2u);
  for (const char* name : {"a", "b", ""}) EXPECT_FALSE(asks_for(*keys, name));
  EXPECT_EQ(issuer_.requests("/keys"), 2);
}

// The clock's second is the interval: nothing here depends on how long anything takes.
TEST_F(FetchedKeys, J27_AfterTheIntervalAnotherNameIsAskedForButNotTheOneThatWasMissing) {
  options_.unknown_key_interval = 1s;
  const auto keys = ready();
  EXPECT_TRUE(asks_for(*keys, "missing"));
  std::this_thread::sleep_for(1s);
  EXPECT_FALSE(asks_for(*keys, "missing"));
  EXPECT_TRUE(asks_for(*keys, "other"));
  EXPECT_EQ(issuer_.requests("/keys"), 3);
}

TEST_F(FetchedKeys, J27_NoFailureTakesGoodKeysAway) {
  const TestAnswer kBad[] = {
      {.status = 500, .body = "", .fields = {}},
      {.body = "not json", .fields = {}},
      {.body = key_set({}), .fields = {}},
      {.body = key_set({R"({"kty":"oct","kid":"x","k":"c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldA"})"}), .fields = {}},
  };
  for (const TestAnswer& bad : kBad) {
    issuer_.set("/keys", {.body = key_set({kKey1.jwk("one")}), .fields = {}});
    const auto keys = ready();
    issuer_.set("/keys", bad);
    EXPECT_TRUE(asks_for(*keys, "two"));
    EXPECT_EQ(keys->failures(), 1u);
    EXPECT_EQ(names(*keys), Names{"one"});
    EXPECT_TRUE(keys->ready());
    EXPECT_EQ(keys->revision(), 1u);
  }
}

TEST_F(FetchedKeys, J27_KeysAreUsedNoLongerThanTheyMayBeStale) {
  options_.refresh_min = options_.refresh_max = options_.stale_max = 1s;
  options_.retry_min = options_.retry_max = 10ms;
  const auto keys = ready();
  issuer_.set("/keys", {.status = 503, .body = "", .fields = {}});
  EXPECT_TRUE(eventually([&] { return !keys->ready(); }));
  EXPECT_TRUE(keys->keys()->keys.empty());
  const auto empty = keys->revision();
  EXPECT_GT(empty, 1u);
  issuer_.set("/keys", {.body = key_set({kKey1.jwk("one")}), .fields = {}});
  EXPECT_TRUE(eventually([&] { return keys->ready(); }));
  EXPECT_GT(keys->revision(), empty);
}

TEST_F(FetchedKeys, J27_NotMoreWaitThanMayWait) {
  const auto keys = ready();
  issuer_.hold();
  std::vector<Task<void>> tasks;
  for (std::size_t i = 0; i < RemoteKeys::kWaitersMax; ++i) {
    tasks.push_back(keys->look_again("unknown"));
    ASSERT_TRUE(tasks.back().valid());
  }
  EXPECT_FALSE(keys->look_again("unknown").valid());
  tasks.clear();
  EXPECT_TRUE(keys->look_again("unknown").valid()) << "they have left";
}

TEST_F(FetchedKeys, StopLetsGoOfAllWhoWait) {
  const auto keys = ready();
  issuer_.hold();
  auto task = keys->look_again("unknown");
  ASSERT_TRUE(task.valid());
  std::jthread waiter([&] { run(std::move(task)); });
  keys->stop();
  waiter.join();
  EXPECT_FALSE(keys->look_again("another").valid());
  EXPECT_EQ(names(*keys), Names{"one"});
}

TEST_F(FetchedKeys, J28_RefusesUrlsThatMayNotBeAsked) {
  for (const char* url :
       {"http://idp.example/keys", "http://10.0.0.1/keys", "http://127.0.0.1.example/keys", "http://localhost.example/keys",
        "http://[::2]/keys", "http://2130706433/keys", "ftp://idp.example/keys", "https://user:pass@idp.example/keys",
        "https://idp.example/keys#x", "https://idp.example/k\r\ney", "https://idp.example/keys?a b", "file:///etc/passwd",
        "https://", ""}) {
    options_.jwks_url = url;
    EXPECT_FALSE(RemoteKeys::make(options_)) << url;
  }
  for (const char* url : {"https://idp.example/keys", "http://127.0.0.1/keys", "http://127.9.9.9:8080/", "http://[::1]:1/k",
                          "http://localhost/keys", "https://idp.example/keys?p=b2c"}) {
    options_.jwks_url = url;
    EXPECT_TRUE(RemoteKeys::make(options_)) << url;
  }
}

TEST_F(FetchedKeys, RefusesBoundsThatAreOutOfOrder) {
  const auto refused = [&](auto change) {
    RemoteKeysOptions options = options_;
    change(options);
    return !RemoteKeys::make(options);
  };
  EXPECT_TRUE(refused([](auto& o) { o.refresh_max = o.refresh_min - 1s; }));
  EXPECT_TRUE(refused([](auto& o) { o.refresh_min = 0s; }));
  EXPECT_TRUE(refused([](auto& o) { o.unknown_key_interval = 0s; }));
  EXPECT_TRUE(refused([](auto& o) { o.stale_max = o.refresh_max - 1s; }));
  EXPECT_TRUE(refused([](auto& o) { o.timeout = 0ms; }));
  EXPECT_FALSE(refused([](auto&) {}));
}

TEST_F(FetchedKeys, J28_FollowsNoRedirect) {
  issuer_.set("/elsewhere", {.body = key_set({kKey1.jwk("one")}), .fields = {}});
  for (const int status : {301, 302, 303, 307, 308}) {
    issuer_.set("/keys", {.status = status, .body = "", .fields = {{"location", issuer_.url("/elsewhere")}}});
    failed();
  }
  EXPECT_EQ(issuer_.requests("/elsewhere"), 0);
}

TEST_F(FetchedKeys, J28_RefusesAnswersThatAreTooLong) {
  options_.bytes_max = 1'000;
  const std::string body = key_set({kKey1.jwk("one")});
  for (const bool chunked : {false, true}) {
    issuer_.set("/keys", {.body = body + std::string(1'001 - body.size(), ' '), .fields = {}, .chunked = chunked});
    failed();
    issuer_.set("/keys", {.body = body + std::string(1'000 - body.size(), ' '), .fields = {}, .chunked = chunked});
    ready();
  }
}

TEST_F(FetchedKeys, J28_AnAnswerThatDoesNotEndIsGivenUp) {
  options_.timeout = 200ms;
  issuer_.set("/keys", {.body = "{\"keys\":[", .fields = {}, .never_ends = true});
  failed();
}

class DiscoveredKeys : public FetchedKeys {
 protected:
  DiscoveredKeys() {
    options_.jwks_url.reset();
    options_.issuer = issuer_.url("/tenant");
  }
  void configure(const std::string& issuer, const std::string& jwks_uri) {
    issuer_.set("/tenant/.well-known/openid-configuration",
                {.body = R"({"issuer":")" + issuer + R"(","jwks_uri":")" + jwks_uri + "\"}", .fields = {}});
  }
};

TEST_F(DiscoveredKeys, FindsKeys) {
  configure(issuer_.url("/tenant"), issuer_.url("/keys"));
  EXPECT_EQ(names(*ready()), Names{"one"});
}

TEST_F(DiscoveredKeys, AnIssuerMayEndInASlash) {
  options_.issuer = issuer_.url("/tenant/");
  configure(issuer_.url("/tenant/"), issuer_.url("/keys"));
  EXPECT_EQ(names(*ready()), Names{"one"});
}

TEST_F(DiscoveredKeys, J28_RefusesTheConfigurationOfAnotherIssuer) {
  for (const std::string& other : {issuer_.url("/tenant/"), issuer_.url("/tenan"), issuer_.url("/TENANT"), std::string()}) {
    configure(other, issuer_.url("/keys"));
    failed();
  }
  EXPECT_EQ(issuer_.requests("/keys"), 0);
}

TEST_F(DiscoveredKeys, J28_RefusesKeysOfAnotherHost) {
  configure(issuer_.url("/tenant"), issuer_.url("/keys", "localhost"));
  failed();
  EXPECT_EQ(issuer_.requests("/keys"), 0);
}

TEST_F(DiscoveredKeys, J28_FollowsNoRedirect) {
  issuer_.set("/tenant/.well-known/openid-configuration",
              {.status = 302, .body = "", .fields = {{"location", issuer_.url("/elsewhere")}}});
  failed();
  EXPECT_EQ(issuer_.requests("/elsewhere"), 0);
}

}  // namespace
}  // namespace sluice::identity

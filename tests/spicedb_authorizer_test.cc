// The SpiceDB authorizer against SpiceDB's real engine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <thread>
#include <vector>

#include "base/json_write.h"
#include "policy/spicedb/spicedb_authorizer.h"
#include "policy/test_principal.h"
#include "replication/test_cluster.h"
#include "spicedb_engine.h"

namespace sluice::policy::spicedb {
namespace {

using replication::TaskRunner;
using testing::HasSubstr;
using namespace std::chrono_literals;
using Kind = Decision::Kind;

constexpr const char* kToken = "a preshared key of the test";
constexpr const char* kSchema =
    "definition user {}\n"
    "caveat at_night(hour int) { hour > 20 }\n"
    "definition team { relation member: user\n }\n"
    "definition org {\n"
    "  relation member: user | user:* | user with at_night | team#member\n"
    "  relation banned: user\n"
    "  permission view = member - banned\n"
    "}";

std::string setup(const std::string& more = "") {
  return R"({"schema":)" + json_string(kSchema) + R"(,"token":)" + json_string(kToken) +
         R"(,"relationships":["org:1#member@user:alice","org:2#member@user:bob","org:3#member@user:alice[at_night]",)"
         R"("org:4#member@user:alice","org:4#banned@user:alice","org:5#member@team:red#member"])" +
         more + "}";
}

// One engine for the tests that do not end it.
SpiceDbEngine& engine() {
  static SpiceDbEngine engine(setup());
  return engine;
}

// Noise of other programs must not decide a test: only those about time-outs wait for one.
ClientOptions options_for(const SpiceDbEngine& to) {
  return {.endpoint = to.endpoint(), .token = kToken, .tls = false, .timeout = 30s};
}

struct Rule {
  std::vector<std::string> params = {"{params.1}"};
  std::string check = "org:{params.1}#view@user:{sub}";
  std::string consistency = "fully_consistent";
};

SpiceDbRule rule_of(const Rule& rule) {
  SpiceDbRule made;
  made.name = "projects";
  made.line = 7;
  made.shape = {.table = "projects", .where = "org_id = $1", .params = rule.params, .columns = {}, .replica = {}};
  made.check = rule.check;
  made.consistency = rule.consistency;
  return made;
}

// A started authorizer with one rule.
class Authorizing {
 public:
  explicit Authorizing(const Rule& rule = {}, std::optional<ClientOptions> options = {}) {
    auto made = SpiceDbAuthorizer::make(
        {.name = "spice", .client = options ? *options : options_for(engine()), .rules = {rule_of(rule)}});
    if (!made) throw std::runtime_error(made.error());
    authorizer_ = std::move(*made);
    authorizer_->start();
  }
  ~Authorizing() { authorizer_->stop(); }
  Authorizing(const Authorizing&) = delete;
  Authorizing& operator=(const Authorizing&) = delete;

  SpiceDbAuthorizer& operator*() { return *authorizer_; }
  SpiceDbAuthorizer* operator->() { return authorizer_.get(); }

  Decision ask(const shape::Definition& asked, const Principal& principal = test_principal("")) {
    return TaskRunner().run(authorizer_->authorize(principal, asked));
  }

 private:
  std::unique_ptr<SpiceDbAuthorizer> authorizer_;
};

shape::Definition of_org(const std::string& org) {
  return *shape::Definition::make({.table = "projects", .where = "org_id = $1", .params = {{1, org}}});
}

TEST(SpiceDbAuthorizer, AllowsWhoHasThePermission) {
  Authorizing spicedb;
  const Decision decision = spicedb.ask(of_org("1"));
  EXPECT_EQ(decision.kind, Kind::kAllow) << decision.reason;
  EXPECT_EQ(decision.granted->definition, of_org("1"));
  EXPECT_EQ(decision.authorizer, "spice");
  EXPECT_EQ(decision.line, 7);
  EXPECT_EQ(engine().last(),
            R"({"consistency":{"fullyConsistent":true},"resource":{"objectType":"org","objectId":"1"},"permission":"view",)"
            R"("subject":{"object":{"objectType":"user","objectId":"alice"}}})");
}

TEST(SpiceDbAuthorizer, DeniesWhoHasNot) {
  Authorizing spicedb;
  for (const char* org : {"2", "4", "nowhere"}) {
    const Decision decision = spicedb.ask(of_org(org));
    EXPECT_EQ(decision.kind, Kind::kDeny) << org;
    EXPECT_EQ(decision.reason, "rule 'projects': SpiceDB: no permission");
    EXPECT_EQ(decision.line, 7);
    EXPECT_EQ(decision.nearest->rule, "projects");
  }
}

TEST(SpiceDbAuthorizer, AsksOnEachRequest) {
  Authorizing spicedb;
  engine().write("org:asked#member@user:alice");
  EXPECT_EQ(spicedb.ask(of_org("asked")).kind, Kind::kAllow);
  engine().remove("org:asked#member@user:alice");
  EXPECT_EQ(spicedb.ask(of_org("asked")).kind, Kind::kDeny);
}

TEST(SpiceDbAuthorizer, DeniesWhatOnlyACaveatCouldAllow) {
  Authorizing spicedb;
  const Decision decision = spicedb.ask(of_org("3"));
  EXPECT_EQ(decision.kind, Kind::kDeny);
  EXPECT_THAT(decision.reason, HasSubstr("caveat"));
}

TEST(SpiceDbAuthorizer, AsksAboutTheMembersOfASet) {
  Authorizing spicedb({.check = "org:{params.1}#member@team:{claims.team}#member"});
  EXPECT_EQ(spicedb.ask(of_org("5"), test_principal(R"("team":"red")")).kind, Kind::kAllow);
  EXPECT_EQ(spicedb.ask(of_org("5"), test_principal(R"("team":"blue")")).kind, Kind::kDeny);
}

TEST(SpiceDbAuthorizer, AsksAboutTheParamsThatItWouldGrant) {
  Authorizing spicedb({.params = {"{claims.org}"}});
  const auto table_alone = *shape::Definition::make({.table = "projects"});
  const Decision decision = spicedb.ask(table_alone, test_principal(R"("org":1)"));
  ASSERT_EQ(decision.kind, Kind::kAllow) << decision.reason;
  EXPECT_EQ(decision.granted->definition, of_org("1"));
  EXPECT_EQ(spicedb.ask(table_alone, test_principal(R"("org":2)")).kind, Kind::kDeny);
}

TEST(SpiceDbAuthorizer, AbstainsWhereNoRuleFits) {
  Authorizing spicedb;
  const std::int64_t before = engine().seen("calls");
  EXPECT_EQ(spicedb.ask(*shape::Definition::make({.table = "other"})).kind, Kind::kAbstain);
  EXPECT_EQ(spicedb.ask(*shape::Definition::make({.table = "projects", .where = "true"})).kind, Kind::kAbstain);
  EXPECT_EQ(spicedb.ask(of_org("1"), Principal::anonymous()).kind, Kind::kAbstain);
  EXPECT_EQ(engine().seen("calls"), before);
}

TEST(SpiceDbAuthorizer, NeverAsksWithAValueThatIsNoObjectId) {
  Authorizing spicedb({.check = "org:{params.1}#view@user:{claims.user}"});
  engine().write("org:open#member@user:*");
  const std::int64_t before = engine().seen("calls");
  for (const char* user : {"*", "alice#member", "alice@x", "org:1", "a b", "", "\\u00e4"}) {
    const Decision decision = spicedb.ask(of_org("open"), test_principal("\"user\":\"" + std::string(user) + "\""));
    EXPECT_EQ(decision.kind, Kind::kDeny) << user;
  }
  EXPECT_EQ(spicedb.ask(of_org("1#view@user:alice"), test_principal(R"("user":"bob")")).kind, Kind::kDeny);
  EXPECT_EQ(spicedb.ask(of_org("*"), test_principal(R"("user":"alice")")).kind, Kind::kDeny);
  EXPECT_EQ(spicedb.ask(of_org("1"), test_principal("")).kind, Kind::kDeny);
  EXPECT_EQ(engine().seen("calls"), before);
  EXPECT_EQ(spicedb.ask(of_org("open"), test_principal(R"("user":"a|/_-=+Z9")")).kind, Kind::kAllow);
}

void until(const std::function<bool()>& condition) {
  while (!condition()) std::this_thread::sleep_for(5ms);
}

TEST(SpiceDbAuthorizer, H68_MinimizesLatencyUnlessTold) {
  Authorizing spicedb({.consistency = "minimize_latency"});
  // What was written a moment ago need not count yet.
  until([&] { return spicedb.ask(of_org("1")).kind == Kind::kAllow; });
  EXPECT_THAT(engine().last(), HasSubstr(R"("consistency":{"minimizeLatency":true})"));
}

TEST(SpiceDbAuthorizer, H68_IsAtLeastAsFreshAsTheCallersZedToken) {
  Authorizing spicedb({.consistency = "at_least_as_fresh:{claims.zed_token}"});
  const std::string written = engine().write("org:fresh#member@user:alice");
  const Principal alice = test_principal("\"zed_token\":\"" + written + "\"");
  EXPECT_EQ(spicedb.ask(of_org("fresh"), alice).kind, Kind::kAllow);
  EXPECT_THAT(engine().last(), HasSubstr(R"("consistency":{"atLeastAsFresh":{"token":")" + written + "\"}}"));

  const std::string removed = engine().remove("org:fresh#member@user:alice");
  EXPECT_EQ(spicedb.ask(of_org("fresh"), test_principal("\"zed_token\":\"" + removed + "\"")).kind, Kind::kDeny);
}

TEST(SpiceDbAuthorizer, H68_WithoutAZedTokenThatIsAskedForNothingIsAllowed) {
  Authorizing spicedb({.consistency = "at_least_as_fresh:{claims.zed_token}"});
  EXPECT_EQ(spicedb.ask(of_org("1"), test_principal("")).kind, Kind::kDeny);
  EXPECT_EQ(spicedb.ask(of_org("1"), test_principal(R"("zed_token":"a b")")).kind, Kind::kDeny);
  const Decision none = spicedb.ask(of_org("1"), test_principal(R"("zed_token":"nonsense")"));
  EXPECT_EQ(none.kind, Kind::kFailed) << none.reason;
}

TEST(SpiceDbAuthorizer, FailsWhereTheSchemaKnowsNoSuchType) {
  for (const char* check : {"nothing:{params.1}#view@user:{sub}", "org:{params.1}#edit@user:{sub}"}) {
    const Decision decision = Authorizing({.check = check}).ask(of_org("1"));
    EXPECT_EQ(decision.kind, Kind::kFailed);
    EXPECT_THAT(decision.reason, HasSubstr("FAILED_PRECONDITION"));
  }
}

TEST(SpiceDbAuthorizer, FailsWhereItsTokenIsRefused) {
  const std::int64_t before = engine().seen("refused");
  for (const char* token : {"", "another"}) {
    ClientOptions options = options_for(engine());
    options.token = token;
    const Decision decision = Authorizing({}, options).ask(of_org("1"));
    EXPECT_EQ(decision.kind, Kind::kFailed);
    EXPECT_THAT(decision.reason, HasSubstr("refuses the configured token"));
  }
  EXPECT_EQ(engine().seen("refused"), before + 2);
}

// Calls get no answer while it lives.
class Holding {
 public:
  Holding() { engine().hold(true); }
  ~Holding() { engine().hold(false); }
  Holding(const Holding&) = delete;
  Holding& operator=(const Holding&) = delete;
};

TEST(SpiceDbAuthorizer, FailsWithoutAnAnswerInTime) {
  ClientOptions options = options_for(engine());
  options.timeout = 500ms;
  Authorizing spicedb({}, options);
  until([&] { return spicedb.ask(of_org("1")).kind == Kind::kAllow; });  // connected
  const Holding holding;
  const auto began = std::chrono::steady_clock::now();
  const Decision decision = spicedb.ask(of_org("1"));
  EXPECT_EQ(decision.kind, Kind::kFailed);
  EXPECT_THAT(decision.reason, HasSubstr("no answer in time"));
  EXPECT_GE(std::chrono::steady_clock::now() - began, 500ms);
}

TEST(SpiceDbAuthorizer, CancelsTheCallOfATaskThatIsCancelled) {
  Authorizing spicedb;
  const Holding holding;
  const std::int64_t calls = engine().seen("calls"), cancelled = engine().seen("cancelled");
  const Principal alice = test_principal("");
  const shape::Definition asked = of_org("1");
  boost::asio::io_context io{1};
  boost::asio::cancellation_signal cancel;
  std::exception_ptr failure;
  boost::asio::co_spawn(
      io, spicedb->authorize(alice, asked),
      boost::asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr e, const Decision&) { failure = e; }));
  until([&] { return io.poll_one() == 0 && engine().seen("calls") > calls; });
  cancel.emit(boost::asio::cancellation_type::terminal);
  io.restart();
  io.run();
  EXPECT_TRUE(failure);
  until([&] { return engine().seen("cancelled") > cancelled; });
}

TEST(SpiceDbAuthorizer, CancelsTheCallOfATaskThatIsDestroyed) {
  Authorizing spicedb;
  const Holding holding;
  const std::int64_t calls = engine().seen("calls"), cancelled = engine().seen("cancelled");
  const Principal alice = test_principal("");
  const shape::Definition asked = of_org("1");
  {
    boost::asio::io_context io{1};
    boost::asio::co_spawn(io, spicedb->authorize(alice, asked), boost::asio::detached);
    until([&] { return io.poll_one() == 0 && engine().seen("calls") > calls; });
  }
  until([&] { return engine().seen("cancelled") > cancelled; });
}

TEST(SpiceDbAuthorizer, BoundsTheCallsUnderWayAndStopEndsThem) {
  ClientOptions options = options_for(engine());
  options.calls_max = 2;
  Authorizing spicedb({}, options);
  const Holding holding;
  const Principal alice = test_principal("");
  const shape::Definition asked = of_org("1");
  std::vector<Decision> decisions;
  boost::asio::io_context io{1};
  const auto ask = [&] {
    boost::asio::co_spawn(io, spicedb->authorize(alice, asked),
                          [&](std::exception_ptr, Decision decision) { decisions.push_back(std::move(decision)); });
  };
  ask();
  ask();
  io.poll();
  EXPECT_EQ(decisions.size(), 0u);
  ask();
  io.poll();
  ASSERT_EQ(decisions.size(), 1u);
  EXPECT_THAT(decisions[0].reason, HasSubstr("too many checks"));

  spicedb->stop();
  ask();
  io.run();
  ASSERT_EQ(decisions.size(), 4u);
  for (const Decision& decision : decisions) EXPECT_EQ(decision.kind, Kind::kFailed);
}

TEST(SpiceDbAuthorizer, AnswersManyThreads) {
  Authorizing spicedb;
  constexpr int kThreads = 4, kAsks = 50;
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const Principal alice = test_principal("");
      const bool member = t % 2 == 0;
      const shape::Definition asked = of_org(member ? "1" : "2");
      boost::asio::io_context io{1};
      for (int i = 0; i < kAsks; ++i) {
        boost::asio::co_spawn(io, spicedb->authorize(alice, asked), [&](std::exception_ptr, const Decision& decision) {
          right += decision.kind == (member ? Kind::kAllow : Kind::kDeny);
        });
      }
      io.run();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, kThreads * kAsks);
}

TEST(SpiceDbAuthorizer, FailsWhileTheEngineIsGoneAndAnswersWhenItIsBack) {
  auto own = std::make_unique<SpiceDbEngine>(setup());
  const int port = own->port();
  Authorizing spicedb({}, options_for(*own));
  EXPECT_EQ(spicedb.ask(of_org("1")).kind, Kind::kAllow);
  own->kill();
  const Decision gone = spicedb.ask(of_org("1"));
  EXPECT_EQ(gone.kind, Kind::kFailed);
  EXPECT_THAT(gone.reason, HasSubstr("cannot be reached"));
  own = std::make_unique<SpiceDbEngine>(setup(R"(,"port":)" + std::to_string(port)));
  until([&] { return spicedb.ask(of_org("1")).kind == Kind::kAllow; });
}

std::string read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// SSL_CERT_FILE as a test wants it.
class TrustedFile {
 public:
  explicit TrustedFile(const std::string& path) { ::setenv("SSL_CERT_FILE", path.c_str(), 1); }
  ~TrustedFile() { ::unsetenv("SSL_CERT_FILE"); }
  TrustedFile(const TrustedFile&) = delete;
  TrustedFile& operator=(const TrustedFile&) = delete;
};

TEST(SpiceDbAuthorizer, SpeaksTlsOnlyWithWhomTheMachineTrusts) {
  const TestFolder folder;
  const std::string key = folder.path() + "/key.pem", certificate = folder.path() + "/cert.pem";
  const std::string command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=test"
      " -addext subjectAltName=DNS:localhost -keyout " +
      key + " -out " + certificate + " 2>/dev/null";
  ASSERT_EQ(std::system(command.c_str()), 0);
  SpiceDbEngine own(
      setup(R"(,"tls":{"key":)" + json_string(read(key)) + R"(,"cert":)" + json_string(read(certificate)) + "}"));
  const std::string port = std::to_string(own.port());
  ClientOptions options{.endpoint = "localhost:" + port, .token = kToken, .timeout = 30s};
  {
    const TrustedFile trusted(certificate);
    const Decision decision = Authorizing({}, options).ask(of_org("1"));
    EXPECT_EQ(decision.kind, Kind::kAllow) << decision.reason;
    options.endpoint = "127.0.0.1:" + port;  // the certificate does not say so
    EXPECT_EQ(Authorizing({}, options).ask(of_org("1")).kind, Kind::kFailed);
  }
  options.endpoint = "localhost:" + port;
  EXPECT_EQ(Authorizing({}, options).ask(of_org("1")).kind, Kind::kFailed);
  options.tls = false;
  EXPECT_EQ(Authorizing({}, options).ask(of_org("1")).kind, Kind::kFailed);
  EXPECT_EQ(own.seen("calls"), 1);
}

}  // namespace
}  // namespace sluice::policy::spicedb

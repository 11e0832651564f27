#include "policy/sql_authorizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <optional>
#include <thread>

#include "policy/test_principal.h"
#include "replication/test_cluster.h"

namespace sluice::policy {
namespace {

using replication::TaskRunner;
using replication::TestCluster;
using testing::HasSubstr;
using namespace std::chrono_literals;
using Kind = Decision::Kind;

constexpr const char* kMembersOnly = "SELECT EXISTS (SELECT FROM members WHERE user_id = $1 AND org_id = $2::int8)";

struct Rule {
  std::string query = kMembersOnly;
  std::vector<std::string> query_params = {"{sub}", "{params.1}"};
};

SqlRule rule_of(const Rule& rule) {
  SqlRule made;
  made.name = "projects";
  made.line = 9;
  made.shape = {.table = "projects", .where = "org_id = $1", .params = {"{params.1}"}, .columns = {}, .replica = {}};
  made.query = rule.query;
  made.query_params = rule.query_params;
  return made;
}

// A started authorizer with one rule, on the test program's Postgres. Noise of other programs must not decide a test: only
// those about time-outs have a short one.
class Authorizing {
 public:
  explicit Authorizing(const Rule& rule = {}, BooleanQueriesOptions options = {}) {
    if (options.url.empty()) options = {.url = TestCluster::get().url(), .timeout = 30s};
    auto made = SqlAuthorizer::make({.name = "db", .database = options, .rules = {rule_of(rule)}});
    if (!made) throw std::runtime_error(made.error());
    authorizer_ = std::move(*made);
    authorizer_->start();
  }
  ~Authorizing() { authorizer_->stop(); }
  Authorizing(const Authorizing&) = delete;
  Authorizing& operator=(const Authorizing&) = delete;

  SqlAuthorizer* operator->() { return authorizer_.get(); }

  Decision ask(const std::string& org, const Principal& principal = test_principal("")) {
    const auto asked = shape::Definition::make({.table = "projects", .where = "org_id = $1", .params = {{1, org}}});
    return TaskRunner().run(authorizer_->authorize(principal, *asked));
  }

 private:
  std::unique_ptr<SqlAuthorizer> authorizer_;
};

class SqlAuthorizerTest : public testing::Test {
 protected:
  SqlAuthorizerTest() : admin_(runner_.connect({.url = TestCluster::get().url()})) {
    sql("DROP TABLE IF EXISTS members; CREATE TABLE members (user_id text, org_id int8);"
        "INSERT INTO members VALUES ('alice', 1), ('bob', 2), (E'o''hara; --', 3)");
  }
  std::string sql(const std::string& text) { return runner_.ask(*admin_, text); }

  // The decision of an authorizer with this query alone.
  static Decision decide(const std::string& query) { return Authorizing({query, {}}).ask("1"); }

  TaskRunner runner_;
  std::unique_ptr<replication::Connection> admin_;
};

TEST_F(SqlAuthorizerTest, AllowsWhereTheQuerySaysTrue) {
  const Decision decision = Authorizing().ask("1");
  EXPECT_EQ(decision.kind, Kind::kAllow) << decision.reason;
  EXPECT_EQ(decision.granted->definition.params(), std::vector<std::string>{"1"});
  EXPECT_EQ(decision.authorizer, "db");
  EXPECT_EQ(decision.line, 9);
}

TEST_F(SqlAuthorizerTest, DeniesWhereTheQuerySaysAnythingLess) {
  Authorizing members;
  EXPECT_EQ(members.ask("2").reason, "rule 'projects': database: the query gives false");
  EXPECT_EQ(members.ask("2").kind, Kind::kDeny);
  for (const char* query : {"SELECT false", "SELECT NULL::bool", "SELECT true WHERE false"}) {
    EXPECT_EQ(decide(query).kind, Kind::kDeny) << query;
  }
}

TEST_F(SqlAuthorizerTest, FailsWhereTheAnswerIsNotOneBoolean) {
  for (const char* query : {"SELECT 1", "SELECT 't'", "SELECT true, true", "SELECT", "SELECT true UNION ALL SELECT true",
                            "SELECT true FROM nowhere", "SELECT 1/0 = 1", "SELECT pg_sleep(0)"}) {
    EXPECT_EQ(decide(query).kind, Kind::kFailed) << query;
  }
}

TEST_F(SqlAuthorizerTest, E8_AValueStaysAValue) {
  Authorizing by_claim({.query_params = {"{claims.user}", "{params.1}"}});
  const auto as = [&](const std::string& user, const std::string& org) {
    return by_claim.ask(org, test_principal("\"user\":\"" + user + "\"")).kind;
  };
  for (const char* user :
       {"x' OR '1'='1", "x' OR true --", "alice'; DROP TABLE members; --", "$1", "$$", "\\\\' OR 1=1 --", "%"}) {
    EXPECT_EQ(as(user, "1"), Kind::kDeny) << user;
  }
  EXPECT_EQ(as("o'hara; --", "3"), Kind::kAllow);
  for (const char* org : {"1 OR 1=1", "1); --", "1::int8", "0 UNION SELECT 1"}) {
    EXPECT_EQ(as("alice", org), Kind::kDeny) << org;
  }
  EXPECT_EQ(sql("SELECT count(*) FROM members"), "3");
}

TEST_F(SqlAuthorizerTest, DeniesValuesThatTheParametersTypeDoesNotTake) {
  Authorizing members;
  for (const char* org : {"one", "", "99999999999999999999", "1.5"}) {
    const Decision decision = members.ask(org);
    EXPECT_EQ(decision.kind, Kind::kDeny) << org;
    EXPECT_EQ(decision.reason.find("99999"), std::string::npos);
  }
}

TEST_F(SqlAuthorizerTest, DeniesCallersWithoutTheClaim) {
  Authorizing by_claim({.query_params = {"{claims.user}", "{params.1}"}});
  EXPECT_EQ(by_claim.ask("1").kind, Kind::kDeny);
  EXPECT_EQ(by_claim.ask("1", test_principal(R"("user":["alice"])")).kind, Kind::kDeny);
  EXPECT_EQ(by_claim.ask("1", Principal::anonymous()).kind, Kind::kAbstain);
}

TEST_F(SqlAuthorizerTest, NeverWrites) {
  sql("CREATE OR REPLACE FUNCTION join_all(u text) RETURNS bool LANGUAGE sql AS "
      "$$ INSERT INTO members VALUES (u, 1) RETURNING true $$");
  const Decision by_function = Authorizing({"SELECT join_all($1)", {"{sub}"}}).ask("1");
  EXPECT_EQ(by_function.kind, Kind::kFailed);
  EXPECT_THAT(by_function.reason, HasSubstr("read-only transaction"));
  const Decision by_cte =
      Authorizing({"WITH w AS (INSERT INTO members VALUES ($1, 1) RETURNING true) SELECT EXISTS (SELECT FROM w)", {"{sub}"}})
          .ask("1");
  EXPECT_EQ(by_cte.kind, Kind::kFailed);
  const Decision by_setting = decide("SELECT set_config('transaction_read_only', 'off', true) = 'off' AND join_all('x')");
  EXPECT_EQ(by_setting.kind, Kind::kFailed);
  EXPECT_EQ(sql("SELECT count(*) FROM members"), "3");
}

TEST_F(SqlAuthorizerTest, FailsWithoutAnAnswerInTime) {
  Authorizing slow({"SELECT pg_sleep(60) IS NOT NULL", {}}, {.url = TestCluster::get().url(), .timeout = 300ms});
  const auto began = std::chrono::steady_clock::now();
  const Decision decision = slow.ask("1");
  EXPECT_EQ(decision.kind, Kind::kFailed);
  EXPECT_THAT(decision.reason, HasSubstr("no answer in time"));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 50s);
  // The statement does not outlive its own time-out on the server either.
  const auto asleep = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'";
  while (sql(asleep) != "0") std::this_thread::sleep_for(5ms);
}

TEST_F(SqlAuthorizerTest, WaitsForATurnNoLongerThanTheTimeout) {
  BooleanQueries database({.url = TestCluster::get().url(), .connections_max = 1, .timeout = 500ms, .questions_max = 3});
  database.start();
  boost::asio::io_context io{1};
  std::vector<std::string> errors;
  for (int i = 0; i < 4; ++i) {
    boost::asio::co_spawn(io, database.ask("SELECT pg_sleep(60) IS NULL", {}),
                          [&](std::exception_ptr, const auto& answer) { errors.push_back(answer.error()); });
  }
  io.run();
  EXPECT_THAT(errors, testing::UnorderedElementsAre("database: too many questions at a time", "database: no answer in time",
                                                    "database: no answer in time", "database: no answer in time"));
  // Each place in the queue was given back.
  for (bool answered = false; !answered;) answered = TaskRunner().run(database.ask("SELECT true", {})).has_value();
  database.stop();
}

TEST_F(SqlAuthorizerTest, AnswersTheNextWhenATaskIsCancelled) {
  BooleanQueries database({.url = TestCluster::get().url(), .connections_max = 1, .timeout = 30s});
  database.start();
  boost::asio::io_context io{1};
  boost::asio::cancellation_signal cancel;
  bool cancelled = false;
  boost::asio::co_spawn(io, database.ask("SELECT pg_sleep(0.2) IS NULL", {}),
                        boost::asio::bind_cancellation_slot(
                            cancel.slot(), [&](std::exception_ptr failure, const auto&) { cancelled = bool(failure); }));
  io.poll();
  cancel.emit(boost::asio::cancellation_type::terminal);
  io.run();
  EXPECT_TRUE(cancelled);
  EXPECT_TRUE(TaskRunner().run(database.ask("SELECT true", {}))->yes);
  database.stop();
}

TEST_F(SqlAuthorizerTest, AsksAgainOnANewConnectionWhenTheServerEndedTheOldOne) {
  Authorizing members;
  EXPECT_EQ(members.ask("1").kind, Kind::kAllow);
  const auto sessions = "FROM pg_stat_activity WHERE application_name = 'sluice authorizer'";
  EXPECT_EQ(sql(std::string("SELECT count(pg_terminate_backend(pid)) ") + sessions), "1");
  while (sql(std::string("SELECT count(*) ") + sessions) != "0") std::this_thread::sleep_for(5ms);
  EXPECT_EQ(members.ask("1").kind, Kind::kAllow);
}

TEST_F(SqlAuthorizerTest, FailsWhileTheServerIsGone) {
  const TestFolder folder(replication::kClusterParent);
  const replication::LocalClusterOptions options{.directory = folder.path() + "/pg", .durable = false};
  auto cluster = *replication::LocalCluster::start(options);
  Authorizing members({"SELECT true", {}}, {.url = cluster->url(), .timeout = 30s});
  EXPECT_EQ(members.ask("1").kind, Kind::kAllow);
  cluster->stop();
  const Decision gone = members.ask("1");
  EXPECT_EQ(gone.kind, Kind::kFailed);
  EXPECT_THAT(gone.reason, HasSubstr("database: "));
}

TEST_F(SqlAuthorizerTest, AnswersManyThreads) {
  Authorizing members;
  constexpr int kThreads = 4, kAsks = 50;
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const Principal alice = test_principal("");
      const bool member = t % 2 == 0;
      const auto asked =
          *shape::Definition::make({.table = "projects", .where = "org_id = $1", .params = {{1, member ? "1" : "2"}}});
      boost::asio::io_context io{1};
      for (int i = 0; i < kAsks; ++i) {
        boost::asio::co_spawn(io, members->authorize(alice, asked), [&](std::exception_ptr, const Decision& decision) {
          right += decision.kind == (member ? Kind::kAllow : Kind::kDeny);
        });
      }
      io.run();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, kThreads * kAsks);
  EXPECT_LE(sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sluice authorizer'"), "4");
}

std::string refused(const Rule& rule) {
  const auto made = SqlAuthorizer::make({.name = "db", .database = {}, .rules = {rule_of(rule)}});
  return made ? "" : made.error();
}

TEST(SqlAuthorizerConfig, NamesTheRuleAndTheKeyAtFault) {
  EXPECT_EQ(refused({}), "");
  EXPECT_EQ(refused({"DROP TABLE members", {}}), "rule 'projects': query: At location 0: not one SELECT");
  EXPECT_EQ(refused({"SELECT true; SELECT true", {}}), "rule 'projects': query: At location 0: not one SELECT");
  EXPECT_THAT(refused({"SELECT FROM WHERE", {}}), HasSubstr("syntax error"));
  EXPECT_EQ(refused({"SELECT $1 = $2", {"{sub}"}}),
            "rule 'projects': query_params: the query's parameters are 2, given are 1");
  EXPECT_EQ(refused({"SELECT $1 = ''", {"{params.2}"}}),
            "rule 'projects': query_params: {params.2} is not among the rule's params");
  EXPECT_THAT(refused({"SELECT $1 = ''", {"{sub"}}), HasSubstr("rule 'projects': query_params: "));
}

}  // namespace
}  // namespace sluice::policy

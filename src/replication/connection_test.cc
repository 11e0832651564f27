#include "replication/connection.h"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include "replication/test_cluster.h"

namespace sluice::replication {
namespace {

class ConnectionTest : public testing::Test {
 protected:
  std::string url() { return TestCluster::get().url(); }
  TaskRunner runner_;
};

TEST_F(ConnectionTest, AnswersQueriesWithParametersAndNulls) {
  auto connection = runner_.connect({.url = url()});
  auto result = runner_.run(connection->query("SELECT $1::int + 1, $2::text, 'x'", {"41", std::nullopt}));
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->rows(), 1);
  ASSERT_EQ(result->columns(), 3);
  EXPECT_EQ(result->value(0, 0), "42");
  EXPECT_EQ(result->value(0, 1), std::nullopt);
  EXPECT_EQ(result->text(0, 2), "x");
  EXPECT_GE(connection->server_version(), 130000);
}

TEST_F(ConnectionTest, ReportsErrorsWithSqlstateAndPositionAndGoesOn) {
  auto connection = runner_.connect({.url = url()});
  auto failed = runner_.run(connection->query("SELECT no_such_column"));
  ASSERT_FALSE(failed);
  EXPECT_TRUE(failed.error().undefined_column());
  EXPECT_EQ(failed.error().position, 8);
  EXPECT_EQ(failed.error().message, "column \"no_such_column\" does not exist");
  EXPECT_FALSE(failed.error().connection_lost());
  EXPECT_EQ(runner_.ask(*connection, "SELECT 1"), "1");
}

TEST_F(ConnectionTest, AnswersTheFirstErrorOrTheLastResultOfSeveralStatements) {
  auto connection = runner_.connect({.url = url()});
  EXPECT_EQ(runner_.ask(*connection, "SELECT 1; SELECT 2"), "2");
  auto failed = runner_.run(connection->query("SELECT 1; SELECT FROM nowhere; SELECT 2"));
  ASSERT_FALSE(failed);
  EXPECT_TRUE(failed.error().undefined_table());
}

TEST_F(ConnectionTest, PrintsValuesInOneFormWhateverTheDatabaseSays) {
  auto connection = runner_.connect({.url = url()});
  runner_.ask(*connection,
              "ALTER DATABASE app SET DateStyle = 'SQL, DMY'; ALTER DATABASE app SET TimeZone = 'Asia/Tokyo';"
              "ALTER DATABASE app SET bytea_output = 'escape'; ALTER DATABASE app SET extra_float_digits = -5;"
              "ALTER DATABASE app SET IntervalStyle = 'postgres'; ALTER DATABASE app SET statement_timeout = '1h'");
  for (const bool replication : {false, true}) {
    auto fresh = runner_.connect({.url = url(), .replication = replication});
    EXPECT_EQ(runner_.ask(*fresh, "SELECT timestamptz '2024-02-01 00:00:00+00'"), "2024-02-01 00:00:00+00");
    EXPECT_EQ(runner_.ask(*fresh, "SELECT interval '1 day 2 hours'"), "P1DT2H");
    EXPECT_EQ(runner_.ask(*fresh, "SELECT '\\x01ff'::bytea"), "\\x01ff");
    EXPECT_EQ(runner_.ask(*fresh, "SELECT 0.1::float8 + 0.2"), "0.30000000000000004");
    EXPECT_EQ(runner_.ask(*fresh, "SHOW client_encoding"), "UTF8");
    EXPECT_EQ(runner_.ask(*fresh, "SHOW statement_timeout"), "0");
  }
  runner_.ask(*connection, "ALTER DATABASE app RESET ALL");
}

TEST_F(ConnectionTest, KeepsTheUrlsOwnOptions) {
  auto connection =
      runner_.connect({.url = url() + "?options=-c%20work_mem%3D3MB", .statement_timeout = std::chrono::seconds(7)});
  EXPECT_EQ(runner_.ask(*connection, "SHOW work_mem"), "3MB");
  EXPECT_EQ(runner_.ask(*connection, "SHOW statement_timeout"), "7s");
}

TEST_F(ConnectionTest, SendsStatementsLargerThanTheSocketTakesAtOnce) {
  auto connection = runner_.connect({.url = url()});
  std::string big;
  big.resize(20'000'000, 'x');
  EXPECT_EQ(runner_.ask(*connection, "SELECT length($1)", {big}), "20000000");
}

TEST_F(ConnectionTest, SaysThatThereIsNoServer) {
  auto failed = runner_.run(Connection::connect({.url = "postgresql://postgres@127.0.0.1:1/app"}));
  ASSERT_FALSE(failed);
  EXPECT_TRUE(failed.error().connection_lost());
  EXPECT_NE(failed.error().message.find("refused"), std::string::npos) << failed.error().message;
}

TEST_F(ConnectionTest, GivesUpConnectingToAServerThatDoesNotAnswer) {
  boost::asio::ip::tcp::acceptor silent(runner_.io(), {boost::asio::ip::address_v4::loopback(), 0});
  const std::string url = "postgresql://postgres@127.0.0.1:" + std::to_string(silent.local_endpoint().port()) + "/app";
  auto failed = runner_.run(Connection::connect({.url = url, .timeout = std::chrono::milliseconds(50)}));
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find("timed out"), std::string::npos) << failed.error().message;
}

TEST_F(ConnectionTest, NeverQuotesAPasswordInAnError) {
  for (const char* url :
       {"postgresql://u:hunter2@127.0.0.1:bad/app", "postgresql://u:hunter2@[::1/app", "password='hunter2"}) {
    auto failed = runner_.run(Connection::connect({.url = url}));
    ASSERT_FALSE(failed) << url;
    EXPECT_EQ(failed.error().message.find("hunter2"), std::string::npos) << failed.error().message;
  }
}

TEST_F(ConnectionTest, NoticesThatTheServerEndedIt) {
  auto connection = runner_.connect({.url = url()});
  auto killer = runner_.connect({.url = url()});
  runner_.ask(*killer, "SELECT pg_terminate_backend($1::int, 10000)", {std::to_string(PQbackendPID(connection->raw()))});
  auto failed = runner_.run(connection->query("SELECT 1"));
  ASSERT_FALSE(failed);
  EXPECT_TRUE(failed.error().connection_lost());
  EXPECT_FALSE(connection->usable());
}

TEST_F(ConnectionTest, IsUnusableAfterACancelledQuery) {
  auto connection = runner_.connect({.url = url()});
  boost::asio::cancellation_signal cancel;
  bool done = false;
  boost::asio::co_spawn(
      runner_.io(), connection->query("SELECT pg_sleep(600)"),
      boost::asio::bind_cancellation_slot(
          cancel.slot(), [&](const std::exception_ptr&, const std::expected<Result, PgError>&) { done = true; }));
  boost::asio::post(runner_.io(), [&] { cancel.emit(boost::asio::cancellation_type::terminal); });
  runner_.run_until([&] { return done; });
  EXPECT_FALSE(connection->usable());
  EXPECT_FALSE(runner_.run(connection->query("SELECT 1")));
}

TEST_F(ConnectionTest, MayBeDestroyedWithAnAlarmDue) {
  auto connection = runner_.connect({.url = url()});
  connection->set_alarm(std::chrono::milliseconds(0));
  runner_.io().restart();
  runner_.io().poll();
  connection->set_alarm(std::chrono::milliseconds(0));
  connection.reset();
  runner_.io().restart();
  EXPECT_NO_FATAL_FAILURE(runner_.io().poll());
}

TEST_F(ConnectionTest, QuotedTextsComeBackAsTheyWere) {
  auto connection = runner_.connect({.url = url()});
  for (const std::string text : {"plain", "o'clock", "back\\slash", "\"quoted\"", "\\'; DROP TABLE x; --", ""}) {
    EXPECT_EQ(runner_.ask(*connection, "SELECT " + quote_literal(text)), text);
    if (text.empty()) continue;
    auto named = runner_.run(connection->query("SELECT 1 AS " + quote_identifier(text)));
    ASSERT_TRUE(named) << named.error().message;
    EXPECT_EQ(PQfname(named->raw(), 0), text);
  }
}

TEST(PgError, QuotesNoValuesForLogs) {
  EXPECT_EQ((PgError{"23505", "Key (email)=(alice@example.com) already exists.", 0}).without_values(), "error 23505");
  EXPECT_EQ((PgError{"22P02", "invalid input syntax for type integer: \"secret\"", 0}).without_values(), "error 22P02");
  EXPECT_EQ((PgError{"42P01", "relation \"items\" does not exist", 0}).without_values(),
            "relation \"items\" does not exist (42P01)");
  EXPECT_EQ((PgError{"", "connection refused", 0}).without_values(), "connection refused");
}

}  // namespace
}  // namespace sluice::replication

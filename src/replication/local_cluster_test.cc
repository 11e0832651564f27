#include "replication/local_cluster.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "replication/process.h"
#include "replication/test_cluster.h"

namespace sluice::replication {
namespace {

namespace fs = std::filesystem;

// The first column of the first row, or the error.
std::string ask(const std::string& url, const char* sql) {
  PGconn* conn = PQconnectdb(url.c_str());
  PGresult* result = PQexec(conn, sql);
  std::string answer =
      PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : PQerrorMessage(conn);
  PQclear(result);
  PQfinish(conn);
  return answer;
}

pid_t postmaster_pid(const std::string& directory) {
  std::ifstream file(directory + "/data/postmaster.pid");
  pid_t pid = 0;
  file >> pid;
  return pid;
}

TEST(LocalCluster, ServesLogicalReplicationInUtf8OnLoopback) {
  LocalCluster& cluster = TestCluster::get();
  EXPECT_EQ(ask(cluster.url(), "SHOW wal_level"), "logical");
  EXPECT_EQ(ask(cluster.url(), "SHOW server_encoding"), "UTF8");
  EXPECT_EQ(ask(cluster.url(), "SHOW listen_addresses"), "127.0.0.1");
  EXPECT_EQ(ask(cluster.url(), "SELECT current_database()"), "app");
  EXPECT_GE(std::atoi(ask(cluster.url(), "SHOW max_replication_slots").c_str()), 32);
}

TEST(LocalCluster, StartsAnExistingFolderAgainWithItsData) {
  const TestFolder folder(kClusterParent);
  const LocalClusterOptions options{
      .directory = folder.path() + "/pg", .durable = false, .settings = {"work_mem=5MB"}, .database = "odd \"name"};
  {
    auto cluster = LocalCluster::start(options);
    ASSERT_TRUE(cluster) << cluster.error();
    EXPECT_EQ(ask((*cluster)->url(), "SHOW work_mem"), "5MB");
    ask((*cluster)->url(), "CREATE TABLE kept AS SELECT 42 AS answer");
    ASSERT_EQ(::kill(postmaster_pid(options.directory), SIGKILL), 0);  // a stale postmaster.pid
  }
  auto cluster = LocalCluster::start(options);
  ASSERT_TRUE(cluster) << cluster.error();
  EXPECT_EQ(ask((*cluster)->url(), "SELECT answer FROM kept"), "42");
}

TEST(LocalCluster, PutsTheSocketElsewhereWhereItsPathWouldBeTooLong) {
  const TestFolder folder(kClusterParent);
  auto cluster = LocalCluster::start({.directory = folder.path() + "/" + std::string(100, 'x'), .durable = false});
  ASSERT_TRUE(cluster) << cluster.error();
  const std::string socket_directory = (*cluster)->socket_directory();
  EXPECT_LT(socket_directory.size(), 40U);
  EXPECT_EQ(
      ask("host=" + socket_directory + " user=postgres dbname=app port=" + std::to_string((*cluster)->port()), "SELECT 1"),
      "1");
  (*cluster)->stop();
  EXPECT_FALSE(fs::exists(socket_directory));
}

TEST(LocalCluster, SaysWhatPostgresSaidWhereItCannotStart) {
  const TestFolder folder(kClusterParent);
  auto cluster =
      LocalCluster::start({.directory = folder.path() + "/pg", .durable = false, .settings = {"no_such_setting=1"}});
  ASSERT_FALSE(cluster);
  EXPECT_NE(cluster.error().find("unrecognized configuration parameter"), std::string::npos) << cluster.error();
}

TEST(LocalCluster, RefusesAFolderThatItsServerCannotEnter) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root runs Postgres as somebody else";
  const TestFolder folder(kClusterParent);
  fs::permissions(folder.path(), fs::perms(0700));
  auto cluster = LocalCluster::start({.directory = folder.path() + "/pg", .durable = false});
  ASSERT_FALSE(cluster);
  EXPECT_NE(cluster.error().find("cannot enter " + folder.path()), std::string::npos) << cluster.error();
}

TEST(LocalCluster, DiesWithItsOwner) {
  const TestFolder folder(kClusterParent);
  const std::string directory = folder.path() + "/pg";
  int ready[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  const pid_t owner = ::fork();
  if (owner == 0) {
    auto cluster = LocalCluster::start({.directory = directory, .durable = false});
    const pid_t pid = cluster ? postmaster_pid(directory) : 0;
    if (::write(ready[1], &pid, sizeof pid) < 0) ::_exit(1);
    ::raise(SIGKILL);
  }
  ::close(ready[1]);
  pid_t server = 0;
  ASSERT_EQ(::read(ready[0], &server, sizeof server), static_cast<ssize_t>(sizeof server));
  ASSERT_GT(server, 0);
  ::waitpid(owner, nullptr, 0);
  // No time limit: the test fails by hanging until the runner's limit, never because the machine was slow.
  while (::kill(server, 0) == 0 && fs::exists(directory + "/data/postmaster.pid")) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ::close(ready[0]);
}

TEST(Process, ReportsExitStatusSignalAndOutput) {
  const auto exited = run({.argv = {"/bin/sh", "-c", "echo out; echo err >&2; exit 3"}});
  ASSERT_TRUE(exited);
  EXPECT_EQ(exited->status, 3);
  EXPECT_EQ(exited->output, "out\nerr\n");
  const auto killed = run({.argv = {"/bin/sh", "-c", "kill -9 $$"}});
  ASSERT_TRUE(killed);
  EXPECT_EQ(killed->status, 128 + SIGKILL);
}

TEST(Process, GivesChildrenACleanEnvironment) {
  ::setenv("PGOPTIONS", "-c search_path=nowhere", 1);
  const auto listed = run({.argv = {"/usr/bin/env"}});
  ::unsetenv("PGOPTIONS");
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->output.find("PGOPTIONS"), std::string::npos);
}

TEST(Process, NamesAProgramThatDoesNotExist) {
  const auto missing = run({.argv = {"/no/such/program"}});
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->status, 127);
  EXPECT_NE(missing->output.find("/no/such/program: No such file"), std::string::npos);
}

TEST(Process, TailKeepsWholeLines) {
  EXPECT_EQ(tail_of("a\nb\nc\n", 2), "b\nc");
  EXPECT_EQ(tail_of("a\nb", 5), "a\nb");
  EXPECT_EQ(tail_of("", 1), "");
}

}  // namespace
}  // namespace sluice::replication

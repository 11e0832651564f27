// The Postgres that tests share: one cluster a test program, started by the first test that asks, stopped at its end.
//
// Without fsync, in a fresh folder that the user `postgres` can enter, so it works for root too. Header only, for test
// programs: it needs GoogleTest, which the library does not.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/task.h"
#include "base/test_folder.h"
#include "replication/connection.h"
#include "replication/local_cluster.h"

namespace sluice::replication {

// Where a cluster's folder is made: every user can enter it, its name leaves room for a socket's, and a cluster is too large
// for the memory of a small machine.
inline constexpr const char* kClusterParent = "/tmp";

class TestCluster : public testing::Environment {
 public:
  // The program's cluster. Throws (so the test fails) with Postgres's own words where it cannot start. Main thread only.
  static LocalCluster& get() {
    static TestCluster* environment = [] {
      auto* made = new TestCluster;  // GoogleTest deletes it
      testing::AddGlobalTestEnvironment(made);
      return made;
    }();
    if (!environment->cluster_) environment->start();
    return *environment->cluster_;
  }

  void TearDown() override { cluster_.reset(); }

 private:
  void start() {
    auto started = LocalCluster::start({.directory = folder_.path() + "/pg", .durable = false});
    if (!started) throw std::runtime_error(started.error());
    cluster_ = std::move(*started);
  }

  TestFolder folder_{kClusterParent};
  std::unique_ptr<LocalCluster> cluster_;
};

// Runs Tasks on an io_context of its own, on the test's thread. Connections that a Task makes belong to this object.
class TaskRunner {
 public:
  // Until `task` has completed; what else runs on the io_context gets its turns meanwhile.
  template <typename T>
  T run(Task<T> task) {
    std::optional<T> value;
    std::exception_ptr failure;
    bool done = false;
    boost::asio::co_spawn(io_, store(std::move(task), value), [&](std::exception_ptr e) {
      failure = e;
      done = true;
    });
    run_until([&] { return done; });
    if (failure) std::rethrow_exception(failure);
    return std::move(*value);
  }

  template <typename Condition>
  void run_until(Condition condition) {
    io_.restart();
    while (!condition() && io_.run_one() > 0) {}
  }

  std::unique_ptr<Connection> connect(ConnectOptions options) {
    auto made = run(Connection::connect(std::move(options)));
    if (!made) throw std::runtime_error(made.error().message);
    return std::move(*made);
  }

  // The first value of the last row, "" where there is none; throws the server's words on an error.
  std::string ask(Connection& connection, std::string sql, Params params = {}) {
    auto result = run(connection.query(std::move(sql), std::move(params)));
    if (!result) throw std::runtime_error(result.error().sqlstate + ": " + result.error().message);
    return result->rows() == 0 || result->columns() == 0 ? "" : std::string(result->text(result->rows() - 1, 0));
  }

  boost::asio::io_context& io() { return io_; }

 private:
  template <typename T>
  static Task<void> store(Task<T> task, std::optional<T>& into) {
    into.emplace(co_await std::move(task));
  }

  boost::asio::io_context io_{1};
};

}  // namespace sluice::replication

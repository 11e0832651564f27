// The Postgres that tests share: one cluster a test program, started by the first test that asks, stopped at its end.
//
// Without fsync, in a fresh folder under /tmp (which the user `postgres` can enter, so it works for root too). Header
// only, for test programs: it needs GoogleTest, which the library does not.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include "replication/local_cluster.h"

namespace sluice::replication {

// A folder of its own, gone when the object is.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    std::filesystem::permissions(path_, std::filesystem::perms(0711));
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/sluice-test-XXXXXX";
};

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
    auto started = LocalCluster::start({.directory = folder_.path() + "/pg", .durable = false, .settings = {}});
    if (!started) throw std::runtime_error(started.error());
    cluster_ = std::move(*started);
  }

  TemporaryFolder folder_;
  std::unique_ptr<LocalCluster> cluster_;
};

}  // namespace sluice::replication

// A private Postgres cluster in a folder: what `sluice dev` starts, and what tests run against.
//
// initdb with wal_level=logical, trust authentication on a Unix socket in the folder and scram-less loopback TCP on a free
// port, durability as asked. As root, Postgres runs as the user `postgres` (it refuses root); otherwise as the caller.
// Synchronous and slow (a second or two): start-up and tests only. One owner; stops the server when destroyed.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

namespace sluice::replication {

struct LocalClusterOptions {
  std::string directory;            // made where missing; kept when the cluster stops
  bool durable = true;              // false: fsync off, for tests
  std::vector<std::string> settings;  // "wal_level=logical"-like, after the defaults
  std::string database = "app";     // created where missing
};

class LocalCluster {
 public:
  // The error says which command failed and the last lines of its output.
  static std::expected<std::unique_ptr<LocalCluster>, std::string> start(LocalClusterOptions options);
  ~LocalCluster();

  // postgresql://postgres@127.0.0.1:PORT/DATABASE
  std::string url() const;
  std::string url(std::string_view database) const;
  int port() const;
  void stop();

 private:
  struct Impl;
  explicit LocalCluster(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::replication

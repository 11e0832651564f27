// A private Postgres cluster in a folder: what `sluice dev` starts, and what tests run against.
//
// The folder holds data/ (initdb with UTF-8, C.UTF-8 where the machine has it), postgres.log and the Unix socket, which
// moves to a fresh folder under the temporary directory where its path would be longer than a socket's may be. The server
// listens on a free port of 127.0.0.1 with trust authentication: whoever can run programs on this machine can be its
// superuser, so it is for development and tests. An existing folder is started again with its data.
//
// As root, Postgres runs as the user `postgres` (it refuses root), who then owns the folder and must be able to walk
// there; otherwise as the caller. The programs come from `pg_config --bindir`, or the newest /usr/lib/postgresql/*/bin.
//
// Synchronous and slow (a second or two): start-up and tests only. One owner; stops the server when destroyed. The server
// also stops (as after a crash) when the thread that called start() ends without that, as when the program is killed.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::replication {

struct LocalClusterOptions {
  std::string directory;                   // made where missing; kept when the cluster stops
  bool durable = true;                     // false: fsync off, for tests
  std::vector<std::string> settings = {};  // "wal_level=logical"-like, after the defaults
  std::string database = "app";            // created where missing
};

class LocalCluster {
 public:
  // The error says which command failed and the last lines of its output.
  static std::expected<std::unique_ptr<LocalCluster>, std::string> start(LocalClusterOptions options);
  ~LocalCluster();
  LocalCluster(const LocalCluster&) = delete;
  LocalCluster& operator=(const LocalCluster&) = delete;

  // postgresql://postgres@127.0.0.1:PORT/DATABASE
  std::string url() const;
  std::string url(std::string_view database) const;
  int port() const;
  // The folder of the Unix socket: what psql -h takes.
  const std::string& socket_directory() const;

  // A fast shutdown (SIGINT), an immediate one where that takes too long. May be called twice.
  void stop();

 private:
  struct Impl;
  explicit LocalCluster(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::replication

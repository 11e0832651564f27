// A bounded number of connections to Postgres, kept for the next who needs one. All on one io_context.
#pragma once

#include <cstddef>
#include <deque>
#include <expected>
#include <memory>
#include <vector>

#include "base/task.h"
#include "base/wait_list.h"
#include "replication/connection.h"

namespace sluice::origin::embedded {

// Idle connections are closed after this: behind a pooler or a firewall they would be lost unnoticed.
inline constexpr std::chrono::seconds kConnectionIdleMax{30};

class Pool {
 public:
  Pool(replication::ConnectOptions options, std::size_t connections_max)
      : options_(std::move(options)), free_(connections_max) {}

  // A connection for one use; goes back to the pool, if it still can be used, when the lease ends.
  class Lease {
   public:
    Lease(Pool& pool, std::unique_ptr<replication::Connection> connection)
        : pool_(&pool), connection_(std::move(connection)) {}
    Lease(Lease&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)), connection_(std::move(other.connection_)) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (pool_ != nullptr) pool_->give_back(std::move(connection_));
    }
    replication::Connection& operator*() const { return *connection_; }

   private:
    Pool* pool_;
    std::unique_ptr<replication::Connection> connection_;
  };

  // In turn. The pool outlives the Task and the lease.
  Task<std::expected<Lease, replication::PgError>> acquire();

  // Closes what is idle, and from now on what is given back: before the io_context goes, on its thread or after its end.
  void close();

 private:
  // A turn that was waited for belongs to the waiter from the moment it is given.
  struct Turn {
    bool given = false;
    WaitList waiters;
  };
  struct Idle {
    std::unique_ptr<replication::Connection> connection;
    std::chrono::steady_clock::time_point since;
  };
  std::unique_ptr<replication::Connection> take_idle();
  void give_back(std::unique_ptr<replication::Connection> connection);

  const replication::ConnectOptions options_;
  std::size_t free_;
  bool closed_ = false;
  std::vector<Idle> idle_;
  std::deque<std::shared_ptr<Turn>> queue_;
};

}  // namespace sluice::origin::embedded

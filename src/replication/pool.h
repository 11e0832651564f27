// A bounded number of connections to Postgres, kept for the next who needs one. All on one io_context.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <expected>
#include <memory>
#include <utility>
#include <vector>

#include "base/task.h"
#include "base/wait_list.h"
#include "replication/connection.h"

namespace sluice::replication {

// Idle connections are closed after this: behind a pooler or a firewall they would be lost unnoticed.
inline constexpr std::chrono::seconds kConnectionIdleMax{30};

class Pool {
 public:
  Pool(ConnectOptions options, std::size_t connections_max) : options_(std::move(options)), free_(connections_max) {}

  // A connection for one use; goes back to the pool, if it still can be used, when the lease ends.
  class Lease {
   public:
    Lease(Pool& pool, std::unique_ptr<Connection> connection) : pool_(&pool), connection_(std::move(connection)) {}
    Lease(Lease&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)), connection_(std::move(other.connection_)) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (pool_ != nullptr) pool_->give_back(std::move(connection_));
    }
    Connection& operator*() const { return *connection_; }

   private:
    friend class Pool;
    Pool* pool_;
    std::unique_ptr<Connection> connection_;
  };

  // In turn. The pool outlives the Task and the lease. A Task that is cancelled takes no place.
  Task<std::expected<Lease, PgError>> acquire();

  // The next to acquire gets a new connection: what is idle was made before the server went away, as one of them showed.
  void close_idle() { idle_.clear(); }

  // Closes what is idle, and from now on what is given back: before the io_context goes, on its thread or after its end.
  void close();

 private:
  // A turn that was waited for belongs to the waiter from the moment it is given.
  struct Turn {
    bool given = false;
    WaitList waiters;
  };
  // A waiter's place in the queue; passed on where the waiter goes away without taking its turn.
  class Queued {
   public:
    explicit Queued(Pool& pool) : pool_(pool) { pool_.queue_.push_back(turn_); }
    ~Queued() { pool_.leave(turn_, taken_); }
    Queued(const Queued&) = delete;
    Queued& operator=(const Queued&) = delete;
    Task<void> take();

   private:
    Pool& pool_;
    std::shared_ptr<Turn> turn_ = std::make_shared<Turn>();
    bool taken_ = false;
  };
  struct Idle {
    std::unique_ptr<Connection> connection;
    std::chrono::steady_clock::time_point since;
  };
  Task<void> take_place();
  void leave(const std::shared_ptr<Turn>& turn, bool taken);
  std::unique_ptr<Connection> take_idle();
  void give_back(std::unique_ptr<Connection> connection);

  const ConnectOptions options_;
  std::size_t free_;
  bool closed_ = false;
  std::vector<Idle> idle_;
  std::deque<std::shared_ptr<Turn>> queue_;
};

}  // namespace sluice::replication

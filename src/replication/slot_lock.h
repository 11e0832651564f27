// The right to stream from a slot, held by one process at a time: a session-level advisory lock of the database.
//
// A slot itself is exclusive only while somebody streams from it; between two streams, and while it is dropped and made
// anew, this lock is what keeps a second process off. The server gives it up when the session ends, which it notices at once
// where the process died, and within some twenty seconds (TCP keepalives) where its machine did.
//
// One connection for as long as the lock is wanted; it must not go through a pooler that shares sessions. On one io_context.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "base/task.h"
#include "replication/connection.h"

namespace sluice::replication {

class SlotLock {
 public:
  static Task<std::expected<std::unique_ptr<SlotLock>, PgError>> connect(std::string url, std::string slot);

  // False where another session holds it: try again. Not again once it was true.
  Task<std::expected<bool, PgError>> try_acquire();
  // Acquired, and the connection still stands, as far as can be known without asking.
  bool held();

 private:
  SlotLock(std::unique_ptr<Connection> connection, std::string slot)
      : connection_(std::move(connection)), slot_(std::move(slot)) {}

  std::unique_ptr<Connection> connection_;
  std::string slot_;
  bool acquired_ = false;
};

}  // namespace sluice::replication

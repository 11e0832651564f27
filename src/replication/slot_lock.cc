#include "replication/slot_lock.h"

#include <utility>

namespace sluice::replication {
namespace {

// Has no effect on a Unix socket.
constexpr const char* kKeepalives =
    "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3";

}  // namespace

Task<std::expected<std::unique_ptr<SlotLock>, PgError>> SlotLock::connect(std::string url, std::string slot) {
  auto connection = co_await Connection::connect({.url = std::move(url), .application_name = "sluice lock"});
  if (!connection) co_return std::unexpected(connection.error());
  const auto set = co_await (*connection)->query(kKeepalives);
  if (!set) co_return std::unexpected(set.error());
  co_return std::unique_ptr<SlotLock>(new SlotLock(std::move(*connection), std::move(slot)));
}

Task<std::expected<bool, PgError>> SlotLock::try_acquire() {
  const auto locked = co_await connection_->query(
      "SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtext('sluice_slot_' || $1))", {slot_});
  if (!locked) co_return std::unexpected(locked.error());
  acquired_ = locked->text(0, 0) == "t";
  co_return acquired_;
}

// Reading what has arrived is how libpq learns that the connection has ended.
bool SlotLock::held() {
  return acquired_ && connection_->usable() && PQconsumeInput(connection_->raw()) == 1 && connection_->usable();
}

}  // namespace sluice::replication

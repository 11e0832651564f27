// One shape as it is served: what it is, its log, and who waits for it.
//
// Held by shared_ptr: by the registry while it can be found, by the replication thread while changes are routed to it, by
// requests while they read it. The spec is immutable. The phase moves forward only: kCreating, kReady, kDropped. While it is
// kCreating the closed chunks of the snapshot can be read already.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/wait_list.h"
#include "origin/embedded/event_pieces.h"
#include "origin/embedded/failure.h"
#include "origin/embedded/last_seen.h"
#include "origin/embedded/row_encoder.h"
#include "shape/definition.h"
#include "sql/where.h"
#include "store/shape_log.h"

namespace sluice::origin::embedded {

// A definition held against the table it names. Two definitions with equal identity are one shape.
struct ShapeSpec {
  std::string identity;
  std::shared_ptr<const sql::Table> table;
  std::optional<sql::WhereClause> where;
  RowEncoder encoder;
  bool full = false;  // replica=full
  shape::LogMode log = shape::LogMode::kFull;
};

enum class Phase : std::uint8_t { kCreating, kReady, kDropped };

class Shape {
 public:
  Shape(std::string handle, std::shared_ptr<const ShapeSpec> spec, std::shared_ptr<store::ShapeLog> log)
      : handle_(std::move(handle)), spec_(std::move(spec)), log_(std::move(log)) {}

  const std::string& handle() const { return handle_; }
  const ShapeSpec& spec() const { return *spec_; }
  const std::shared_ptr<const ShapeSpec>& shared_spec() const { return spec_; }
  store::ShapeLog& log() const { return *log_; }
  WaitList& waiters() { return waiters_; }
  const WaitList& waiters() const { return waiters_; }

  Phase phase() const { return phase_.load(std::memory_order_acquire); }
  // The snapshot is whole. Wakes whoever waits for it.
  void set_ready();
  // One more chunk of the snapshot can be read while the rest of it is written. Wakes whoever waits for it.
  void chunk_closed();
  std::uint64_t chunks_closed() const { return chunks_closed_.load(std::memory_order_acquire); }
  // No longer to be read; `why` is what those who wait for the snapshot are told, absent where they are to begin again.
  void set_dropped(std::optional<Failure> why = std::nullopt);
  // Valid once dropped.
  const std::optional<Failure>& failure() const { return failure_; }

  // What follows `place` in the log as events (event_pieces.h).
  EventPiece events_after(EventPlace place, const UpToDate& up_to_date) { return events_.next(*log_, place, up_to_date); }

  void touch(std::chrono::steady_clock::time_point now) {
    used_at_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
  std::int64_t used_at() const { return used_at_.load(std::memory_order_relaxed); }

 private:
  const std::string handle_;
  const std::shared_ptr<const ShapeSpec> spec_;
  const std::shared_ptr<store::ShapeLog> log_;
  std::atomic<Phase> phase_{Phase::kCreating};
  std::atomic<std::uint64_t> chunks_closed_{0};
  std::atomic<bool> dropping_{false};
  std::optional<Failure> failure_;  // written before phase_ becomes kDropped
  WaitList waiters_;
  std::atomic<std::int64_t> used_at_{0};
  EventPieces events_;
};

// Digits, a hyphen, digits: 128 random bits.
std::string make_handle();

}  // namespace sluice::origin::embedded

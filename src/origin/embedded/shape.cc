#include "origin/embedded/shape.h"

#include <fmt/format.h>

#include "base/bytes.h"

namespace sluice::origin::embedded {

void Shape::set_ready() {
  Phase expected = Phase::kCreating;
  if (phase_.compare_exchange_strong(expected, Phase::kReady)) waiters_.wake_all();
}

void Shape::chunk_closed() {
  chunks_closed_.fetch_add(1, std::memory_order_acq_rel);
  waiters_.wake_all();
}

void Shape::set_dropped(std::optional<Failure> why) {
  if (dropping_.exchange(true)) return;
  failure_ = std::move(why);
  phase_.store(Phase::kDropped, std::memory_order_release);
  waiters_.wake_all();
}

std::string make_handle() {
  return fmt::format("{}-{}", random_u64(), random_u64());
}

}  // namespace sluice::origin::embedded

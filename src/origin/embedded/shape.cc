#include "origin/embedded/shape.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "origin/embedded/events.h"

namespace sluice::origin::embedded {
namespace {

// A client of events goes on from the position that it is told here, so it may not be before what it was sent: the log may
// have grown since `up_to_date` was looked up. A byte behind the begin of a commit's record is within it.
std::string up_to_date_event(const UpToDate& up_to_date, shape::Offset end) {
  if (up_to_date.lsn > end.tx()) return std::string(up_to_date.event.bytes());
  return fmt::format("data: {{\"headers\":{{\"control\":\"up-to-date\",\"global_last_seen_lsn\":\"{}\"}}}}\n\n",
                     end.tx() + 1);
}

}  // namespace

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

Shape::Events Shape::events_after(shape::Offset after, const UpToDate& up_to_date) {
  std::lock_guard lock(events_mutex_);
  // An older spelling is still true: it ends where those behind it go on.
  if (events_.after == after && events_.end > after) return events_;
  auto page = log_->read(after);
  if (!page) return {after, after, Buffer()};
  std::string text = to_events(page->buffers);
  if (page->at_head) text += up_to_date_event(up_to_date, page->end);
  events_ = {after, page->end, Buffer::of(std::move(text))};
  return events_;
}

std::string make_handle() {
  return fmt::format("{}-{}", random_u64(), random_u64());
}

}  // namespace sluice::origin::embedded

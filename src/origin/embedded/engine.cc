#include "origin/embedded/engine.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <utility>

#include "base/log.h"
#include "origin/embedded/spec_codec.h"

namespace sluice::origin::embedded {
namespace {

constexpr std::chrono::seconds kEvictionInterval{1};
// How many shapes go at a time, so that finding them is paid for once for many.
constexpr std::size_t kEvictedMin = 16;

ServingOptions serving_options(const EmbeddedOptions& options) {
  auto sse_timeout_s = std::chrono::duration_cast<std::chrono::seconds>(options.sse_timeout).count();
  return {
      .cache = CacheFields(options.cache_max_age_s, options.cache_stale_age_s, static_cast<std::uint32_t>(sse_timeout_s)),
      .long_poll_timeout = options.long_poll_timeout,
      .events = {options.sse_timeout, options.sse_keepalive},
      .subset_timeout = options.subset_timeout,
      .allow_delete = options.allow_delete};
}

FollowerOptions follower_options(const EmbeddedOptions& options) {
  return {.database_url = options.database_url,
          .slot = options.slot,
          .publication = options.publication,
          .manual_publication = options.manual_publication,
          .stored = !options.storage.empty(),
          .drop_slot_on_stop = options.storage.empty() || options.drop_slot_on_stop};
}

MakerOptions maker_options(const EmbeddedOptions& options, std::size_t bytes_max) {
  return {.database_url = options.database_url,
          .publication = options.publication,
          .snapshots_max = options.snapshots_max,
          .queries_max = options.queries_max,
          .bytes_max = bytes_max,
          .chunk_bytes = options.chunk_bytes,
          .table_check_interval = options.table_check_interval,
          .slot = options.slot,
          .manual_publication = options.manual_publication};
}

}  // namespace

Engine::Engine(const EmbeddedOptions& options, std::unique_ptr<store::LogStore> store)
    : options_(options),
      bytes_max_(options.storage.empty() ? options.memory_max : options.storage_max),
      store_(std::move(store)),
      registry_(*store_),
      follower_(follower_options(options), registry_, *store_, last_seen_),
      maker_(maker_options(options, bytes_max_), registry_, *store_, follower_),
      serving_(serving_options(options), {registry_, *store_, maker_, follower_, last_seen_}) {
  take_over_shapes();
}

Engine::~Engine() {
  stop();
}

// What is not understood any more (another version wrote it) is dropped: its clients fetch again.
void Engine::take_over_shapes() {
  auto recovered = store_->take_recovered();
  if (recovered.state.empty()) {
    for (const auto& log : recovered.logs) store_->drop(log.handle);
    return;
  }
  follower_.resume(recovered.lsn, std::move(recovered.state), recovered.notes);
  SpecReader reader;
  std::size_t shapes = 0;
  for (auto& log : recovered.logs) {
    auto read = reader.read(log.meta);
    if (!read) {
      log::warn("shape_not_restored", {{"handle", log.handle}, {"why", read.error()}});
      store_->drop(log.handle);
      continue;
    }
    auto shape = registry_.restore(read->definition, std::move(read->spec), std::move(log.handle), std::move(log.log));
    if (!shape) continue;
    follower_.adopt(std::move(shape));
    ++shapes;
  }
  log::info("shapes_restored", {{"shapes", shapes}, {"log_bytes", store_->bytes()}});
}

// Keeps shapes and bytes within their bounds.
Task<void> Engine::evict() {
  WaitList nobody;
  while (true) {
    co_await nobody.wait(std::chrono::steady_clock::now() + kEvictionInterval, [] { return false; });
    while (registry_.size() > options_.shapes_max || store_->bytes() > bytes_max_) {
      auto shapes = registry_.least_used(std::max(kEvictedMin, registry_.size() / 32));
      if (shapes.empty()) break;
      log::info("shapes_evicted", {{"count", shapes.size()}, {"log_bytes", store_->bytes()}});
      evicted_.fetch_add(shapes.size(), std::memory_order_relaxed);
      for (const auto& shape : shapes) {
        registry_.drop(shape);
        follower_.forget(shape);
      }
    }
  }
}

void Engine::start() {
  follower_thread_ = std::thread([this] {
    follower_.run();
    follower_.leave();
  });
  boost::asio::co_spawn(maker_.executor(), evict(), [](std::exception_ptr) {});
  maker_thread_ = std::thread([this] { maker_.run(); });
}

void Engine::stop() {
  if (!follower_thread_.joinable()) return;
  serving_.drain();
  store_->stop_waiting();
  maker_.stop();
  maker_thread_.join();
  follower_.stop();
  follower_thread_.join();
}

EmbeddedOrigin::Stats Engine::stats() const {
  const auto& counts = maker_.counts();
  const std::uint64_t last_seen = last_seen_.get()->lsn;
  const std::uint64_t server_end = counts.server_end;
  EmbeddedOrigin::Stats stats;
  stats.shapes = registry_.size();
  stats.log_bytes = store_->bytes();
  stats.held_requests = serving_.held();
  stats.last_seen_lsn = last_seen;
  stats.stands_by = follower_.stands_by();
  stats.writable = store_->writable();
  stats.durable_lsn = store_->durable_lsn();
  stats.lag_bytes = server_end > last_seen + 1 ? server_end - last_seen - 1 : 0;
  stats.lag_s = static_cast<double>(follower_.lag_us()) / 1e6;
  stats.retained_bytes = counts.retained_bytes;
  stats.transactions = follower_.transactions();
  stats.snapshots_running = counts.snapshots_running;
  stats.snapshots_done = counts.snapshots_done;
  stats.snapshots_failed = counts.snapshots_failed;
  stats.snapshots_s = static_cast<double>(counts.snapshots_us) / 1e6;
  stats.evicted = evicted_;
  return stats;
}

}  // namespace sluice::origin::embedded

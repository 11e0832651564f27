#include "origin/embedded/embedded_origin.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <thread>

#include "base/log.h"
#include "origin/embedded/follower.h"
#include "origin/embedded/last_seen.h"
#include "origin/embedded/maker.h"
#include "origin/embedded/registry.h"
#include "origin/embedded/serving.h"
#include "store/memory_store.h"

namespace sluice::origin {

using namespace embedded;

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

}  // namespace

struct EmbeddedOrigin::Impl {
  explicit Impl(Options given)
      : options(std::move(given)),
        store(options.chunk_bytes),
        registry(store),
        follower({options.database_url, options.slot, options.publication}, registry, store, last_seen),
        maker({options.database_url, options.publication, options.snapshots_max, options.queries_max, options.memory_max,
               options.table_check_interval},
              registry, store, follower),
        serving(serving_options(options), registry, maker, follower, last_seen) {}

  // Keeps shapes and memory within their bounds.
  Task<void> evict() {
    WaitList nobody;
    while (true) {
      co_await nobody.wait(std::chrono::steady_clock::now() + kEvictionInterval, [] { return false; });
      while (registry.size() > options.shapes_max || store.bytes() > options.memory_max) {
        auto shapes = registry.least_used(std::max(kEvictedMin, registry.size() / 32));
        if (shapes.empty()) break;
        log::info("shapes_evicted", {{"count", shapes.size()}, {"log_bytes", store.bytes()}});
        for (const auto& shape : shapes) evict(shape);
      }
    }
  }

  void evict(const std::shared_ptr<Shape>& shape) {
    registry.drop(shape);
    follower.forget(shape);
  }

  const Options options;
  store::MemoryStore store;
  LastSeen last_seen;
  Registry registry;
  Follower follower;
  Maker maker;
  Serving serving;
  std::thread follower_thread;
  std::thread maker_thread;
};

EmbeddedOrigin::EmbeddedOrigin(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}

EmbeddedOrigin::~EmbeddedOrigin() {
  stop();
}

void EmbeddedOrigin::start() {
  impl_->follower_thread = std::thread([impl = impl_.get()] {
    impl->follower.run();
    impl->follower.leave();
  });
  boost::asio::co_spawn(impl_->maker.executor(), impl_->evict(), [](std::exception_ptr) {});
  impl_->maker_thread = std::thread([impl = impl_.get()] { impl->maker.run(); });
}

void EmbeddedOrigin::stop() {
  if (!impl_->follower_thread.joinable()) return;
  drain();
  impl_->maker.stop();
  impl_->maker_thread.join();
  impl_->follower.stop();
  impl_->follower_thread.join();
}

Task<void> EmbeddedOrigin::serve(std::shared_ptr<const AuthorizedRequest> request, http::Response& response) {
  return impl_->serving.serve(std::move(request), response);
}

Origin::Health EmbeddedOrigin::health() const {
  return impl_->follower.health();
}

void EmbeddedOrigin::drain() {
  impl_->serving.drain();
}

EmbeddedOrigin::Stats EmbeddedOrigin::stats() const {
  return {impl_->registry.size(), impl_->store.bytes(), impl_->serving.held(), impl_->last_seen.get()->lsn};
}

}  // namespace sluice::origin

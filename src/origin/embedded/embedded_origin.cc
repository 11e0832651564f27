#include "origin/embedded/embedded_origin.h"

#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

#include "base/log.h"
#include "origin/embedded/answer.h"
#include "origin/embedded/engine.h"
#include "origin/embedded/open_store.h"

namespace sluice::origin {

using namespace embedded;

namespace {

// Between two tries to open a folder that another process has.
constexpr std::chrono::milliseconds kFolderPause{250};
constexpr int kFolderRetry_s = 2;

}  // namespace

struct EmbeddedOrigin::Impl {
  explicit Impl(Options given) : options(std::move(given)) {}

  // False where the folder is another's.
  bool open() {
    auto store = open_store(options);
    if (!store && store.error().in_use) return false;
    if (!store) throw std::runtime_error(store.error().message);
    auto made = std::make_unique<Engine>(options, std::move(*store));
    std::lock_guard lock(mutex);
    if (stopping) return true;
    if (draining) made->serving().drain();
    made->start();
    owner = std::move(made);
    engine.store(owner.get(), std::memory_order_release);
    return true;
  }

  void wait_for_folder() {
    log::info("standing_by", {{"storage", options.storage}});
    while (true) {
      {
        std::unique_lock lock(mutex);
        if (stopped.wait_for(lock, kFolderPause, [this] { return stopping; })) return;
      }
      try {
        if (open()) return;
      } catch (const std::exception& error) {
        log::error("storage_not_opened", {{"storage", options.storage}, {"error", error.what()}});
      }
    }
  }

  const Options options;
  std::mutex mutex;
  std::condition_variable stopped;
  bool stopping = false;
  bool draining = false;
  std::unique_ptr<Engine> owner;
  std::atomic<Engine*> engine{nullptr};  // of `owner`: once it is there it stays
  std::atomic<bool> waits{false};        // for the folder
  std::thread waiting;
};

EmbeddedOrigin::EmbeddedOrigin(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}

EmbeddedOrigin::~EmbeddedOrigin() {
  stop();
}

void EmbeddedOrigin::start() {
  if (impl_->open()) return;
  impl_->waits = true;
  impl_->waiting = std::thread([impl = impl_.get()] { impl->wait_for_folder(); });
}

void EmbeddedOrigin::stop() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->stopped.notify_all();
  if (impl_->waiting.joinable()) impl_->waiting.join();
  if (Engine* engine = impl_->engine.load(std::memory_order_acquire)) engine->stop();
}

Task<void> EmbeddedOrigin::serve(std::shared_ptr<const AuthorizedRequest> request, http::Response& response) {
  if (Engine* engine = impl_->engine.load(std::memory_order_acquire)) {
    return engine->serving().serve(std::move(request), response);
  }
  answer_failure(*request, unavailable("standby", "Another origin serves this database", kFolderRetry_s), response);
  return {};
}

Origin::Health EmbeddedOrigin::health() const {
  Engine* engine = impl_->engine.load(std::memory_order_acquire);
  if (engine != nullptr) return engine->health();
  return impl_->waits ? Health::kUnavailable : Health::kStarting;
}

void EmbeddedOrigin::drain() {
  std::lock_guard lock(impl_->mutex);
  impl_->draining = true;
  if (Engine* engine = impl_->engine.load(std::memory_order_acquire)) engine->serving().drain();
}

EmbeddedOrigin::Stats EmbeddedOrigin::stats() const {
  Engine* engine = impl_->engine.load(std::memory_order_acquire);
  if (engine != nullptr) return engine->stats();
  Stats stats;
  stats.stands_by = impl_->waits;
  return stats;
}

}  // namespace sluice::origin

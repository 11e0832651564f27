// The embedded origin's parts, wired: made once its store is there.
//
// The threads are the follower's and the maker's; see embedded_origin.h for the order of ends.
#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "origin/embedded/embedded_origin.h"
#include "origin/embedded/follower.h"
#include "origin/embedded/last_seen.h"
#include "origin/embedded/maker.h"
#include "origin/embedded/registry.h"
#include "origin/embedded/serving.h"
#include "store/shape_log.h"

namespace sluice::origin::embedded {

class Engine {
 public:
  // Takes over the shapes that the store has from an earlier process.
  Engine(const EmbeddedOptions& options, std::unique_ptr<store::LogStore> store);
  ~Engine();  // stop()

  void start();
  void stop();
  Serving& serving() { return serving_; }
  Origin::Health health() const { return follower_.health(); }
  EmbeddedOrigin::Stats stats() const;

 private:
  void take_over_shapes();
  Task<void> evict();

  const EmbeddedOptions options_;
  const std::size_t bytes_max_;
  const std::unique_ptr<store::LogStore> store_;
  LastSeen last_seen_;
  Registry registry_;
  Follower follower_;
  Maker maker_;
  Serving serving_;
  std::atomic<std::uint64_t> evicted_{0};
  std::thread follower_thread_;
  std::thread maker_thread_;
};

}  // namespace sluice::origin::embedded

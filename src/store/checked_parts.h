// Which parts of log files had the right CRC a moment ago: they are sent from the file without being read.
//
// A part counts as checked for kCheckedFor: so that what everybody asks for is read through now and then, and not for each
// of them, and bytes that have gone bad on the disk are still noticed. What is remembered has a bounded place: two parts
// that fall on one slot displace each other, which costs another look and no more. Any thread; a lock for a look-up.
#pragma once

#include <array>
#include <chrono>
#include <mutex>

#include "store/page_cache.h"

namespace sluice::store {

class CheckedParts {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::minutes kCheckedFor{10};

  bool has(const PageCache::Key& part, Clock::time_point now = Clock::now());
  void add(const PageCache::Key& part, Clock::time_point now = Clock::now());

 private:
  static constexpr std::size_t kSlots = 1024;  // 10 GB in chunks of 10 MB, remembered in 48 kB
  struct Slot {
    PageCache::Key part{};
    Clock::time_point at;
  };
  Slot& slot_of(const PageCache::Key& part);

  std::mutex mutex_;
  std::array<Slot, kSlots> slots_;
};

}  // namespace sluice::store

// Tokens that were refused, with how often they came: a storm of one bad token costs a hash, and is told to come later.
//
// A refusal is remembered as long as it would be found again: for good, or until some issuer's keys change, or, where time
// alone may make the token good, not at all. A token that came storm_count times within storm_window_s is answered from
// memory for a window from then on, whatever it was refused for, unless keys change.
//
// Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "identity/authenticator.h"
#include "identity/recent_map.h"

namespace sluice::identity {

struct RefusalMemoryOptions {
  std::size_t entries_max;
  std::uint32_t storm_count;
  std::int64_t storm_window_s;
};

// What may make a refused token good.
struct Remedy {
  bool keys = false;  // another key set
  bool time = false;  // waiting
};

class RefusalMemory {
 public:
  explicit RefusalMemory(RefusalMemoryOptions options);

  // `revisions` is one number for the key sets of all issuers, which differs once any has changed. Counts one refusal more
  // where it answers.
  std::optional<Refused> find(const Sha256& digest, std::uint64_t revisions, std::int64_t now_s);

  // Remembers and counts; the same with retry_after_s where the token has come too often.
  Refused put(const Sha256& digest, Refused refused, Remedy remedy, std::uint64_t revisions, std::int64_t now_s);

  // The token was refused under other key sets than these.
  bool is_outdated(const Sha256& digest, std::uint64_t revisions);

  std::size_t size() const { return entries_.size(); }
  std::uint64_t storms() const { return storms_.load(std::memory_order_relaxed); }

 private:
  struct Entry {
    token::TokenError error;
    bool may_change;
    Remedy remedy;
    std::uint32_t count = 0;
    std::uint64_t revisions;
    std::int64_t refused_at_s;
    std::int64_t window_from_s;
    std::int64_t storm_until_s = 0;
    std::string reason;
  };

  bool is_storming(const Entry& entry, std::int64_t now_s) const;
  bool holds(const Entry& entry, std::uint64_t revisions, std::int64_t now_s) const;
  std::int64_t count_one(Entry& entry, std::int64_t now_s);
  Refused answer(Entry& entry, std::int64_t now_s);

  const RefusalMemoryOptions options_;
  ShardedRecentMap<Entry> entries_;
  std::atomic<std::uint64_t> storms_{0};
};

}  // namespace sluice::identity

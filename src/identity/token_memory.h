// Tokens that were found good, until their end, until cache_ttl_s, or until the keys of their issuer change, whichever is
// first (SECURITY J41). An entry is never given out when verifying the token anew would refuse it.
//
// Any thread. Finding allocates nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "identity/authenticator.h"
#include "identity/recent_map.h"

namespace sluice::identity {

class TokenMemory {
 public:
  // `issuers` outlive it.
  TokenMemory(const std::vector<Issuer>& issuers, std::size_t entries_max, std::size_t bytes_max, std::int64_t ttl_s)
      : issuers_(issuers), ttl_s_(ttl_s), entries_(entries_max, bytes_max) {}

  std::optional<Authenticated> find(const Sha256& digest, std::int64_t now_s);

  // Found good at now_s by the issuer of that index, whose key set was of that revision.
  void put(const Sha256& digest, std::size_t token_bytes, Authenticated good, std::size_t issuer, std::uint64_t revision,
           std::int64_t now_s);

  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Authenticated good;
    std::size_t issuer;
    std::uint64_t revision;
    std::int64_t from_s, until_s;
  };
  bool holds(const Entry& entry, std::int64_t now_s) const;

  const std::vector<Issuer>& issuers_;
  const std::int64_t ttl_s_;
  ShardedRecentMap<Entry> entries_;
};

}  // namespace sluice::identity

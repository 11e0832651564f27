// What one caller may cost: subsets, which ask Postgres each time (SECURITY E15), and requests that no cache can answer
// because their key is new (E13).
//
//   Limits limits({.subset_concurrency = 8});
//   auto lease = limits.admit_subset(principal_key, subset, rights);   // keep it until the answer has been sent
//   if (!lease) return refuse(lease.error());
//
// Of a subset, in this order: 403 where the grant gives no right to it; 400 where it asks for more than anybody may (limit,
// length of its condition, a pattern that no index can help with); 429 while its caller has as many running as it may.
//
// A subset without a limit is let through unless the grant sets a maximum: clients ask so by default, its rows are a part of
// a shape that the caller may read in whole anyway, and the statement timeout and the size of an answer bound its cost.
// What a limit over the maximum asks for is answered with 400 and not 429: asking again later would not help.
//
// Memory is bounded whoever calls: only callers with subsets running are counted, at most kSubsetsRunningMax of them; of
// cache-busters at most kCacheBustersKept are remembered, and of callers beyond those the one that was idle longest is
// forgotten. Callers are kept as keyed 128-bit digests: nobody can pick a name that shares another's allowance.
//
// Any thread; short locks, sixteen of them. A request without subset and cache-buster costs two comparisons.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/refusal.h"
#include "shape/granted_shape.h"
#include "shape/request.h"

namespace sluice::gateway {

// Of a subset's condition. A client that has hundreds of values passes them as one array parameter.
inline constexpr std::size_t kSubsetWhereBytesMax = 8 * 1024;
inline constexpr std::size_t kSubsetWhereTokensMax = 2'000;
// Callers with a subset running at one time, in this process.
inline constexpr std::size_t kSubsetsRunningMax = 64 * 1024;
// In all, 8 bytes each; they give the number of callers that are remembered, below.
inline constexpr std::size_t kCacheBustersKept = 2 * 1024 * 1024;
inline constexpr std::size_t kCacheBustersMaxMax = 1024;  // of cache_busters_max

struct LimitsOptions {
  std::uint64_t subset_limit_max = 10'000;
  bool subset_like_leading_wildcard = false;
  std::size_t subset_concurrency = 8;  // per principal
  std::size_t cache_busters_max = 64;  // new ones per principal and minute
};

class Limits {
  struct Shards;

 public:
  // A subset that runs. Ends with the value; may outlive the Limits.
  class Lease {
   public:
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();

   private:
    friend class Limits;
    Lease(std::shared_ptr<Shards> shards, std::string caller) : shards_(std::move(shards)), caller_(std::move(caller)) {}
    std::shared_ptr<Shards> shards_;  // null once moved from
    std::string caller_;
  };

  // cache_busters_max is cut to kCacheBustersMaxMax.
  explicit Limits(LimitsOptions options);

  // `principal_key` is whatever tells callers apart (issuer and subject, an anonymous caller's address).
  std::expected<Lease, Refusal> admit_subset(std::string_view principal_key, const shape::Subset& subset,
                                             const shape::SubsetRights& rights);

  // Counts what makes the cache key of a request new without any meaning to an origin: `cache-buster`, `expired_handle`,
  // and a handle with offset -1 or now. One that was used in this minute or the last is not new. `now_s` is any clock that
  // does not jump back.
  std::expected<void, Refusal> admit_cache_buster(std::string_view principal_key, const shape::Position& position,
                                                  std::int64_t now_s);

  // Callers that are remembered now, for metrics and tests.
  std::size_t callers() const;

 private:
  std::expected<void, Refusal> check_limit(const shape::Subset& subset, const shape::SubsetRights& rights) const;

  LimitsOptions options_;
  std::shared_ptr<Shards> shards_;
};

}  // namespace sluice::gateway

// Decisions, remembered for a while: for authorizers that ask somebody over the network.
//
// A decision is remembered by everything that it may depend on: SHA-256 over the caller's whole claims, the identity that
// verified them and the complete definition asked for. So one caller's answer is never another's (SECURITY J41), and a
// changed claim asks anew (J42). Only kAllow and kDeny are remembered: no answer and no opinion are asked for again each
// time. None is remembered beyond the end of the caller's token. What the authorizer would say now may differ for up to
// `ttl`: that is the price, and the owner's choice.
//
// Bounded by entries_max; the least recently used goes first. A decision about a definition of more than
// kRememberedBytesMax is not remembered, so an entry has at most some 10 kB and usually 1 kB. Any thread; 16 shards, each
// under a mutex that is held for a look-up and never across a suspension. A hit costs about 1 us.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "policy/authorizer.h"

namespace sluice::policy {

inline constexpr std::size_t kRememberedBytesMax = 4 * 1024;

struct RememberedOptions {
  std::chrono::milliseconds ttl{0};
  std::size_t entries_max = 10'000;
  // Unix time; for tests.
  std::function<std::chrono::milliseconds()> now = {};
};

class Remembered : public Authorizer {
 public:
  Remembered(std::unique_ptr<Authorizer> authorizer, RememberedOptions options);
  ~Remembered() override;

  Task<Decision> authorize(const Principal& principal, const shape::Definition& asked) override;
  void start() override { authorizer_->start(); }
  void stop() override { authorizer_->stop(); }

  // Since the start, and entries now.
  struct Counts {
    std::uint64_t hits = 0, misses = 0, entries = 0;
  };
  Counts counts() const;

 private:
  class Shard;

  std::unique_ptr<Authorizer> authorizer_;
  const RememberedOptions options_;
  std::unique_ptr<Shard[]> shards_;
  std::atomic<std::uint64_t> hits_ = 0, misses_ = 0;
};

}  // namespace sluice::policy

// When the keys of an issuer are asked for: before their lifetime ends, sooner after a failure, and at once for a key that
// is not among them, but at most once an interval for all such keys together (SECURITY J27). Says when; fetches nothing.
//
// One thread's, or under its owner's lock. Every call is told the time.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>

namespace sluice::identity {

struct RefreshOptions {
  std::chrono::seconds unknown_key_interval;
  std::chrono::seconds missing_for;  // a name that was not there is not asked for again for so long
  std::chrono::seconds stale_max;
  std::chrono::milliseconds retry_min{1'000};  // after the first failure; doubled with each, to retry_max
  std::chrono::milliseconds retry_max{60'000};
};

class RefreshSchedule {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit RefreshSchedule(RefreshOptions options) : options_(options) {}

  // A token names this key, which is not in the set. True: fetch now; the interval is claimed from this moment, however the
  // fetch ends. False: not now.
  bool claim(std::string_view key_id, Time now);

  void succeeded(Time now, std::chrono::seconds lifetime);
  // These were not in the set that was just fetched.
  void missing(std::span<const std::string> key_ids, Time now);
  // Another set: what was missing may be found.
  void changed() { missing_.clear(); }
  void failed(Time now);

  // When to fetch next, unless somebody claims before.
  Time due() const { return due_; }
  // When the keys are too old to be used, should no fetch succeed; Time::max() before the first success.
  Time stale_at() const { return stale_at_; }
  void dropped() { stale_at_ = Time::max(); }

  std::uint64_t failures() const { return failures_; }  // since the last success

 private:
  // A flood of names pushes out the oldest: the interval bounds the fetches all the same.
  static constexpr std::size_t kMissingMax = 256;

  struct Missing {
    std::string key_id;
    Time until;
  };
  bool is_missing(std::string_view key_id, Time now) const;

  const RefreshOptions options_;
  Time due_ = Time::min();
  Time stale_at_ = Time::max();
  Time claimed_until_ = Time::min();
  std::uint64_t failures_ = 0;
  std::deque<Missing> missing_;
};

}  // namespace sluice::identity

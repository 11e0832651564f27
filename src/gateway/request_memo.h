// Requests that were read a moment ago, found again by the text of their query.
//
// Thousands who wait for the same thing ask for it in the same words: they are read once, and share what was read.
//
// A query may hold a secret, and is not compared in constant time. But it is compared only with one of the same hash, and
// who does not know the secret does not know that: what the time tells is whether a guess was right as a whole.
//
// Any thread; a lock for a look-up. Bounded: kSlots requests, each of a short query.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "origin/authorized_request.h"

namespace sluice::gateway {

class RequestMemo {
 public:
  using RequestPtr = std::shared_ptr<const origin::AuthorizedRequest>;

  // Empty where it is not known.
  RequestPtr find(std::string_view query) const;
  void add(std::string_view query, const RequestPtr& request);

 private:
  static constexpr std::size_t kSlots = 64;
  static constexpr std::size_t kQueryBytesMax = 1024;  // of a longer one the reading is not what costs
  struct Slot {
    std::size_t hash = 0;
    std::string query;
    RequestPtr request;
  };

  mutable std::mutex mutex_;
  std::array<Slot, kSlots> slots_;
};

}  // namespace sluice::gateway

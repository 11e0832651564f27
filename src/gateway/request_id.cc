#include "gateway/request_id.h"

#include <atomic>

#include "base/bytes.h"

namespace sluice::gateway {

RequestId RequestId::next() {
  static const std::uint64_t start = random_u64();
  static std::atomic<std::uint64_t> count{0};
  // An odd step: every number comes once before one comes again.
  std::uint64_t number = start + count.fetch_add(1, std::memory_order_relaxed) * 0x9e3779b97f4a7c15ull;
  RequestId id;
  for (char& digit : id.digits_) {
    digit = "0123456789abcdef"[number >> 60];
    number <<= 4;
  }
  return id;
}

}  // namespace sluice::gateway

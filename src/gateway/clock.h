// The time by which tokens live: seconds since the epoch.
#pragma once

#include <chrono>
#include <cstdint>

namespace sluice::gateway {

inline std::int64_t now_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace sluice::gateway

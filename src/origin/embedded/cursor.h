// electric-cursor: a number that a live request repeats, so that two polls at one offset in different intervals have
// different URLs and a cache collapses those of one interval only (PROTOCOL section 8).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace sluice::origin::embedded {

// The end of the current interval of `interval_s` seconds, counted from 2024-10-09T00:00:00Z; where that is not beyond
// `previous` (as the client sent it), a random step (1 to 3600, from `random`) beyond it. A previous cursor that is no
// number counts as 0, and an interval of 0 gives 0.
std::uint64_t next_cursor(std::chrono::system_clock::time_point now, std::uint64_t interval_s,
                          const std::optional<std::string>& previous, std::uint64_t random);

}  // namespace sluice::origin::embedded

// Where chunks close.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace sluice::store {

// How many of the bytes of `entries` go into a chunk that has `room` bytes left: up to the end of the entry that fills it,
// or all where none does.
inline std::size_t bytes_to_fill(std::size_t room, std::string_view entries) {
  if (entries.size() < room) return entries.size();
  const std::size_t end = entries.find('\n', room == 0 ? 0 : room - 1);
  return end == std::string_view::npos ? entries.size() : end + 1;
}

}  // namespace sluice::store

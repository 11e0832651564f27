// The notes of the last commits, bounded. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "store/shape_log.h"

namespace sluice::store {

class Notes {
 public:
  // Whole notes only: a note that does not fit beside later ones is forgotten.
  void add(std::string_view note) {
    if (note.empty()) return;
    bytes_ += note;
    sizes_.push_back(static_cast<std::uint32_t>(note.size()));
    while (bytes_.size() - forgotten_ > kNotesBytesMax) {
      forgotten_ += sizes_.front();
      sizes_.pop_front();
    }
    if (forgotten_ < kNotesBytesMax) return;
    bytes_.erase(0, forgotten_);
    forgotten_ = 0;
  }

  std::string_view all() const { return std::string_view(bytes_).substr(forgotten_); }
  std::vector<std::string_view> each() const {
    std::vector<std::string_view> out;
    std::string_view rest = all();
    for (std::uint32_t size : sizes_) {
      out.push_back(rest.substr(0, size));
      rest.remove_prefix(size);
    }
    return out;
  }

 private:
  std::string bytes_;
  std::size_t forgotten_ = 0;  // of bytes_, from the front
  std::deque<std::uint32_t> sizes_;
};

}  // namespace sluice::store

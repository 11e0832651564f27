// Parts of log files that were read a moment ago, so that what many ask for at once is one buffer.
//
// A page that somebody still holds is found again (kSlots of them, by what they are; two that fall on one slot displace each
// other). The pages of small shapes are asked for again and again: those of up to kKeptPageBytesMax are kept, the last
// kept_bytes_max of them, though nobody holds them.
//
// Any thread; a lock for as long as a look-up takes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

#include "base/buffer.h"
#include "store/log_files.h"

namespace sluice::store {

inline constexpr std::size_t kKeptPageBytesMax = 1024 * 1024;

class PageCache {
 public:
  explicit PageCache(std::size_t kept_bytes_max) : kept_bytes_max_(kept_bytes_max) {}

  struct Key {
    std::uint64_t id;
    Area area;
    std::uint64_t from;
    std::uint64_t to;
    bool operator==(const Key&) const = default;
    std::uint64_t hash() const;  // 32 bits
  };
  // The page, or an empty pointer.
  std::shared_ptr<const char[]> find(const Key& key);
  void add(const Key& key, const std::shared_ptr<const char[]>& page);

 private:
  static constexpr std::size_t kSlots = 512;
  struct Slot {
    Key key{};
    std::weak_ptr<const char[]> page;
  };

  const std::size_t kept_bytes_max_;
  std::mutex mutex_;
  std::array<Slot, kSlots> slots_;
  struct Kept {
    std::shared_ptr<const char[]> page;
    std::size_t size;
  };
  std::deque<Kept> kept_;
  std::size_t kept_bytes_ = 0;
};

}  // namespace sluice::store

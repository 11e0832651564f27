// A value that many threads read at every request and that is replaced as a whole, seldom.
//
// A reader gets what was published last and keeps it as long as it likes: a later value does not change under it. Readers
// do not meet: each thread has its own slot with its own reference count. The old value ends with its last reader.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>

namespace sluice::gateway {

template <typename T>
class Published {
 public:
  explicit Published(std::shared_ptr<const T> value) { set(std::move(value)); }

  std::shared_ptr<const T> get() const {
    const Slot& slot = slots_[slot_of_this_thread()];
    const std::lock_guard lock(slot.mutex);
    return slot.value;
  }

  void set(const std::shared_ptr<const T>& value) {
    for (Slot& slot : slots_) {
      // Owned through a control block of its own, which owns a share of the one value.
      auto share = std::make_shared<std::shared_ptr<const T>>(value);
      std::shared_ptr<const T> next(share, share->get());
      const std::lock_guard lock(slot.mutex);
      slot.value.swap(next);
    }
  }

 private:
  // As many as a machine has cores, within reason: two threads in one slot only wait for each other a little.
  static constexpr std::size_t kSlots = 32;

  struct alignas(64) Slot {
    mutable std::mutex mutex;
    std::shared_ptr<const T> value;
  };

  static std::size_t slot_of_this_thread() {
    static std::atomic<std::size_t> threads{0};
    thread_local const std::size_t mine = threads.fetch_add(1, std::memory_order_relaxed) % kSlots;
    return mine;
  }

  std::array<Slot, kSlots> slots_;
};

}  // namespace sluice::gateway

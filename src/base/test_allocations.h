// For tests: counts what the whole process takes from the heap, by malloc() and its kin, while something runs.
//
//   EXPECT_EQ(allocations_while([&] { (void)parse(text); }), 0u);
//
// It defines malloc(), so one file of a test program includes it. One count at a time.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace sluice::counted {

inline std::atomic<bool> counting{false};
inline std::atomic<std::uint64_t> allocations{0};

inline void count() {
  if (counting.load(std::memory_order_relaxed)) allocations.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace sluice::counted

namespace sluice {

template <typename Work>
std::uint64_t allocations_while(Work&& work) {
  counted::allocations = 0;
  counted::counting = true;
  work();
  counted::counting = false;
  return counted::allocations;
}

}  // namespace sluice

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)

extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void*, std::size_t),
                                                         void (*free_hook)(const volatile void*));

namespace sluice::counted {
const int installed = __sanitizer_install_malloc_and_free_hooks([](const volatile void*, std::size_t) { count(); },
                                                                [](const volatile void*) {});
}  // namespace sluice::counted

#else

extern "C" {

void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t bytes) {
  sluice::counted::count();
  return __libc_malloc(bytes);
}
void* calloc(std::size_t n, std::size_t bytes) {
  sluice::counted::count();
  return __libc_calloc(n, bytes);
}
void* realloc(void* memory, std::size_t bytes) {
  sluice::counted::count();
  return __libc_realloc(memory, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  sluice::counted::count();
  return __libc_memalign(alignment, bytes);
}
}

#endif

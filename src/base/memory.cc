#include "base/memory.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

namespace sluice {
namespace {

// Free memory that an arena keeps at its end: what some thousand held requests take.
constexpr int kTrimBytes = 8 * 1024 * 1024;
// By how much an arena grows.
constexpr int kGrowBytes = 256 * 1024;
// Blocks from here on have mappings of their own, which are given back when freed. (Setting any of these ends glibc's own
// adaptation of it, from 128 kB.)
constexpr int kMappedBytes = 1024 * 1024;

// Segments that are not writable are as they are in the file: relocations, also those of RELRO, are in writable ones.
int release_segments(dl_phdr_info* info, std::size_t, void*) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const std::uintptr_t begin = info->dlpi_addr + segment.p_vaddr;
    const std::uintptr_t from = (begin + page - 1) / page * page;
    const std::uintptr_t to = (begin + segment.p_memsz) / page * page;
    if (from < to) ::madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
  }
  return 0;
}

}  // namespace

void tune_allocator() {
  ::mallopt(M_TRIM_THRESHOLD, kTrimBytes);
  ::mallopt(M_TOP_PAD, kGrowBytes);
  ::mallopt(M_MMAP_THRESHOLD, kMappedBytes);
}

void release_start_up_pages() {
  ::dl_iterate_phdr(release_segments, nullptr);
}

}  // namespace sluice

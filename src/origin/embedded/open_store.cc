#include "origin/embedded/open_store.h"

#include "origin/embedded/entry_offset.h"
#include "store/memory_store.h"

namespace sluice::origin::embedded {

std::expected<std::unique_ptr<store::LogStore>, OpenError> open_store(const EmbeddedOptions& options) {
  if (options.storage.empty()) return std::make_unique<store::MemoryStore>(options.chunk_bytes);
  return std::unexpected(OpenError{"no store in a folder"});
}

}  // namespace sluice::origin::embedded

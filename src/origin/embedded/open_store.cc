#include "origin/embedded/open_store.h"

#include <utility>

#include "base/log.h"
#include "origin/embedded/entry_offset.h"
#include "store/disk_store.h"
#include "store/memory_store.h"

namespace sluice::origin::embedded {

std::expected<std::unique_ptr<store::LogStore>, OpenError> open_store(const EmbeddedOptions& options) {
  if (options.storage.empty()) return std::make_unique<store::MemoryStore>(options.chunk_bytes);
  store::DiskStoreOptions disk;
  disk.folder = options.storage;
  disk.chunk_bytes = options.chunk_bytes;
  disk.offset_of = entry_offset;
  auto opened = store::DiskStore::open(std::move(disk));
  if (!opened) {
    return std::unexpected(OpenError{"storage " + options.storage + ": " + opened.error().message,
                                     opened.error().kind == store::StoreError::Kind::kInUse});
  }
  for (const std::string& what : (*opened)->damage()) log::error("storage_damaged", {{"what", what}});
  return std::move(*opened);
}

}  // namespace sluice::origin::embedded

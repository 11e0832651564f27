// For tests: entries that say their own offset, and a store of them in a folder.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/test_folder.h"
#include "store/disk_store.h"

namespace sluice::store {

// Entries of tests end in @<tx>_<op>,\n where they have to be found in a file.
inline std::optional<shape::Offset> test_offset_of(std::string_view entry) {
  const std::size_t at = entry.rfind('@');
  if (at == std::string_view::npos || !entry.ends_with(",\n")) return std::nullopt;
  return shape::Offset::parse(entry.substr(at + 1, entry.size() - at - 3));
}

inline std::string test_entry(shape::Offset offset, std::string_view text) {
  return std::string(text) + "@" + offset.print() + ",\n";
}

inline std::string text(const Page& page) {
  std::string out;
  for (const Buffer& buffer : page.buffers) out += buffer.bytes();
  return out;
}

// Chunks of 10 bytes.
inline DiskStoreOptions test_options(const std::string& folder) {
  DiskStoreOptions options;
  options.folder = folder;
  options.chunk_bytes = 10;
  options.offset_of = test_offset_of;
  return options;
}

inline std::unique_ptr<DiskStore> open_test_store(
    const std::string& folder, const std::function<void(DiskStoreOptions&)>& change = [](DiskStoreOptions&) {},
    FileLayer& files = posix_files()) {
  DiskStoreOptions options = test_options(folder);
  change(options);
  auto store = DiskStore::open(std::move(options), files);
  if (!store) throw std::runtime_error(store.error().message);
  return std::move(*store);
}

}  // namespace sluice::store

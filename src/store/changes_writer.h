// Moves a run of changes from memory to a log's file, cut into blocks that can be found and checked.
#pragma once

#include <cstdint>
#include <vector>

#include "base/buffer.h"
#include "store/files.h"
#include "store/format.h"

namespace sluice::store {

// A block of changes is closed once it is so long: what is read and searched to find one entry.
inline constexpr std::size_t kIndexBlockBytes = 64 * 1024;

struct ChangesRun {
  std::uint64_t start = 0;
  std::vector<Mark> entries = {};
  std::vector<Buffer> bytes = {};        // of the entries
  std::vector<std::uint64_t> cuts = {};  // where a block has to end, in any order
};

// Writes the run at its position; answers its blocks.
FileResult<std::vector<Block>> write_changes(File& file, const ChangesRun& run);
// The same blocks, of a run that is in the file already.
std::vector<Block> cut_changes(const ChangesRun& run);

}  // namespace sluice::store

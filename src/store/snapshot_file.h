// Writes a log's snapshot to its file, in large pieces. The snapshot's writer's only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "store/format.h"
#include "store/log_files.h"

namespace sluice::store {

// Pieces of this size: large enough that the call costs nothing beside the copying.
inline constexpr std::size_t kSnapshotWriteBytes = 256 * 1024;

class SnapshotFile {
 public:
  SnapshotFile(LogFiles& files, std::uint64_t id) : files_(files), id_(id) {}

  FileResult<> append(std::string_view bytes);
  // Everything that was appended is in the file; answers where it ends, and the CRC of what came since the last close.
  FileResult<SnapshotChunk> close_chunk();
  // What was appended since the last close.
  std::uint64_t chunk_size() const { return written_ + buffer_.size() - chunk_start_; }

 private:
  FileResult<> write(std::string_view bytes);

  LogFiles& files_;
  const std::uint64_t id_;
  std::shared_ptr<File> file_;  // made with the first bytes
  std::string buffer_;
  std::uint64_t written_ = 0;
  std::uint64_t chunk_start_ = 0;
  std::uint32_t crc_ = 0;
};

}  // namespace sluice::store

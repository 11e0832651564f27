#include "store/snapshot_file.h"

#include <utility>

#include "store/crc32c.h"

namespace sluice::store {

FileResult<> SnapshotFile::write(std::string_view bytes) {
  if (bytes.empty()) return {};
  if (file_ == nullptr) {
    auto file = files_.open(id_, Area::kSnapshot, OpenMode::kWrite);
    if (!file) return std::unexpected(std::move(file.error()));
    file_ = std::move(*file);
  }
  if (auto written = file_->write_at(written_, bytes); !written) return written;
  crc_ = crc32c_extend(crc_, bytes);
  written_ += bytes.size();
  return {};
}

FileResult<> SnapshotFile::append(std::string_view bytes) {
  if (buffer_.size() + bytes.size() < kSnapshotWriteBytes) {
    buffer_ += bytes;
    return {};
  }
  auto written = write(buffer_);
  buffer_.clear();
  if (!written || bytes.size() >= kSnapshotWriteBytes) return written ? write(bytes) : written;
  buffer_.reserve(kSnapshotWriteBytes);
  buffer_ += bytes;
  return {};
}

FileResult<SnapshotChunk> SnapshotFile::close_chunk() {
  if (auto written = write(buffer_); !written) return std::unexpected(std::move(written.error()));
  buffer_.clear();
  chunk_start_ = written_;
  return SnapshotChunk{written_, std::exchange(crc_, 0)};
}

}  // namespace sluice::store

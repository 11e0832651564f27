#include "store/checkpoint.h"

#include <utility>

#include "store/format.h"
#include "store/recovery.h"
#include "store/wal.h"

namespace sluice::store {
namespace {

constexpr std::size_t kWriteBytes = 256 * 1024;

}  // namespace

CheckpointWriter::CheckpointWriter(FileLayer& files, std::string folder, std::uint64_t segment)
    : files_(files),
      folder_(std::move(folder)),
      segment_(segment),
      path_(folder_ + "/" + checkpoint_name(segment) + ".new"),
      buffer_(encode_file_header(FileKind::kCheckpoint, segment)) {}

CheckpointWriter::~CheckpointWriter() {
  if (file_ != nullptr && !finished_) (void)files_.remove(path_);
}

FileResult<> CheckpointWriter::open() {
  if (auto removed = files_.remove(path_); !removed) return removed;
  auto file = files_.open(path_, OpenMode::kWrite);
  if (!file) return std::unexpected(std::move(file.error()));
  file_ = std::move(*file);
  return {};
}

FileResult<> CheckpointWriter::write(bool all) {
  if (buffer_.size() < kWriteBytes && !all) return {};
  if (auto written = file_->write_at(written_, buffer_); !written) return written;
  written_ += buffer_.size();
  buffer_.clear();
  return {};
}

FileResult<> CheckpointWriter::finish(std::uint64_t logs) {
  encode(buffer_, EndRecord{logs});
  if (auto written = write(true); !written) return written;
  if (auto synced = file_->sync(); !synced) return synced;
  if (auto renamed = files_.rename(path_, folder_ + "/" + checkpoint_name(segment_)); !renamed) return renamed;
  finished_ = true;
  return files_.sync_folder(folder_);
}

void remove_older(FileLayer& files, const std::string& folder, std::uint64_t segment) {
  const auto found = list_folder(files, folder);
  if (!found) return;
  for (std::uint64_t checkpoint : found->checkpoints) {
    if (checkpoint < segment) (void)files.remove(folder + "/" + checkpoint_name(checkpoint));
  }
  for (std::uint64_t older : found->segments) {
    if (older < segment) (void)files.remove(folder + "/" + wal_name(older));
  }
}

}  // namespace sluice::store

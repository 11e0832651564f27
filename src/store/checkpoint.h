// Writes a checkpoint: everything that the write-ahead log says up to some segment, so that older segments can go.
//
// It is fuzzy: it is written while commits go on, and may hold some of them for some logs. Their records are in the segments
// that follow, and replaying what a log has already does nothing; finish() must only be called once they are durable. One
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "store/files.h"

namespace sluice::store {

class CheckpointWriter {
 public:
  // To `<folder>/checkpoint-<segment>`, by way of a file of another name.
  CheckpointWriter(FileLayer& files, std::string folder, std::uint64_t segment);
  // Without finish() nothing is left.
  ~CheckpointWriter();
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;

  FileResult<> open();
  // Frames go to this, then write() is called.
  std::string& out() { return buffer_; }
  // Writes what has gathered where that is much.
  FileResult<> write(bool all = false);
  FileResult<> finish(std::uint64_t logs);
  std::uint64_t size() const { return written_; }

 private:
  FileLayer& files_;
  const std::string folder_;
  const std::uint64_t segment_;
  const std::string path_;
  std::unique_ptr<File> file_;
  std::string buffer_;
  std::uint64_t written_ = 0;
  bool finished_ = false;
};

// Removes the segments and checkpoints that the checkpoint of `segment` stands for. Best effort: the next one tries again.
void remove_older(FileLayer& files, const std::string& folder, std::uint64_t segment);

}  // namespace sluice::store

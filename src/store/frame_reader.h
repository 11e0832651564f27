// Reads a file of records frame by frame, through a buffer as large as the longest of them. Recovery's only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "store/files.h"
#include "store/format.h"

namespace sluice::store {

class FrameReader {
 public:
  // `file` must outlive the reader. Begins behind the file's header.
  FrameReader(const File& file, std::uint64_t size) : file_(file), size_(size) {}

  // The file's first bytes: its header, or less.
  FileResult<std::string> header();
  // The next frame; its views hold until the next call. kEnd at the file's end; a damaged frame is not passed by.
  FileResult<FrameRead> next();
  // Where the last good frame ends.
  std::uint64_t position() const { return position_; }
  // Passes by a damaged frame whose length is known; false where it is not.
  bool skip(const FrameRead& damaged);

 private:
  FileResult<> fill(std::size_t bytes);

  const File& file_;
  const std::uint64_t size_;
  std::string buffer_;
  std::size_t used_ = 0;  // of the buffer
  std::uint64_t position_ = kFileHeaderBytes;
};

}  // namespace sluice::store

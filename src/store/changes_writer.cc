#include "store/changes_writer.h"

#include <algorithm>
#include <utility>

#include "store/crc32c.h"

namespace sluice::store {
namespace {

constexpr std::size_t kWriteBytes = 256 * 1024;

// Where each block of the run ends, as indexes behind its last entry.
std::vector<std::size_t> block_ends(const ChangesRun& run) {
  std::vector<std::uint64_t> cuts = run.cuts;
  std::sort(cuts.begin(), cuts.end());
  std::vector<std::size_t> ends;
  std::uint64_t start = run.start;
  for (std::size_t i = 0; i < run.entries.size(); ++i) {
    const std::uint64_t end = run.entries[i].end;
    const bool last = i + 1 == run.entries.size();
    if (!last && end - start < kIndexBlockBytes && !std::binary_search(cuts.begin(), cuts.end(), end)) continue;
    ends.push_back(i + 1);
    start = end;
  }
  return ends;
}

// Takes bytes off the front of the run's buffers.
class Cursor {
 public:
  explicit Cursor(const std::vector<Buffer>& buffers) : next_(buffers.begin()) {}

  template <typename Use>
  void take(std::size_t size, Use use) {
    while (size > 0) {
      if (rest_.empty()) rest_ = (next_++)->bytes();
      const std::string_view part = rest_.substr(0, size);
      use(part);
      rest_.remove_prefix(part.size());
      size -= part.size();
    }
  }

 private:
  std::vector<Buffer>::const_iterator next_;
  std::string_view rest_;
};

// Calls use(bytes) with all bytes of the run in order, and answers its blocks.
template <typename Use>
std::vector<Block> cut(const ChangesRun& run, Use use) {
  std::vector<Block> blocks;
  Cursor cursor(run.bytes);
  std::size_t first = 0;
  std::uint64_t start = run.start;
  for (std::size_t end : block_ends(run)) {
    Block block{start, run.entries[first].tx, run.entries[first].op, 0};
    cursor.take(run.entries[end - 1].end - start, [&](std::string_view part) {
      block.crc = crc32c_extend(block.crc, part);
      use(part);
    });
    blocks.push_back(block);
    first = end;
    start = run.entries[end - 1].end;
  }
  return blocks;
}

}  // namespace

FileResult<std::vector<Block>> write_changes(File& file, const ChangesRun& run) {
  std::string buffer;
  std::uint64_t at = run.start;
  FileResult<> written;
  const auto write = [&](std::string_view bytes) {
    if (!written || bytes.empty()) return;
    written = file.write_at(at, bytes);
    at += bytes.size();
  };
  std::vector<Block> blocks = cut(run, [&](std::string_view part) {
    if (part.size() < kWriteBytes) buffer += part;
    if (buffer.size() >= kWriteBytes || part.size() >= kWriteBytes) {
      write(buffer);
      buffer.clear();
    }
    if (part.size() >= kWriteBytes) write(part);
  });
  write(buffer);
  if (!written) return std::unexpected(std::move(written.error()));
  return blocks;
}

std::vector<Block> cut_changes(const ChangesRun& run) {
  return cut(run, [](std::string_view) {});
}

}  // namespace sluice::store

// What a disk store and its logs share. Logs may outlive their store: they can still be read then, and no more.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "store/checked_parts.h"
#include "store/log_files.h"
#include "store/page_cache.h"

namespace sluice::store {

class DiskLog;

// What logs tell their store.
class LogOwner {
 public:
  virtual ~LogOwner() = default;
  // Its snapshot is finished.
  virtual void finished(std::shared_ptr<DiskLog> log) = 0;
  // A dropped log that nobody holds any more: its files can go.
  virtual void released(std::uint64_t id) = 0;
  // Something could not be written.
  virtual void write_failed(const FileError& error) = 0;
  // The changes' writer waits a little for room on the disk; false where there is no use in waiting.
  virtual bool wait_for_disk() = 0;
};

struct LogContext {
  LogContext(FileLayer& layer, std::string folder, std::size_t open_files_max, std::size_t kept_page_bytes_max)
      : files(layer, std::move(folder), open_files_max), pages(kept_page_bytes_max) {}

  LogFiles files;
  PageCache pages;
  CheckedParts checked;
  std::function<std::optional<shape::Offset>(std::string_view entry)> offset_of;
  std::atomic<std::size_t> bytes{0};       // of all logs
  std::atomic<std::size_t> tail_bytes{0};  // of changes that lie in memory

  // Uncommitted changes in memory, of one log and of all together: beyond, they go to the logs' files.
  std::size_t uncommitted_bytes_max = 4 * 1024 * 1024;
  std::size_t all_uncommitted_bytes_max = 32 * 1024 * 1024;

  // Of the changes' writer: logs that have something that is not committed, and how many bytes of that lie in memory.
  std::vector<std::shared_ptr<DiskLog>> touched;
  std::size_t uncommitted_bytes = 0;

  // Calls its owner, if it is still there.
  template <typename Call>
  void tell(Call call) {
    std::lock_guard lock(owner_mutex);
    if (owner != nullptr) call(*owner);
  }
  std::mutex owner_mutex;
  LogOwner* owner = nullptr;
};

}  // namespace sluice::store

// Files and folders as the store uses them: an interface, so that tests can put a layer below it that forgets what was not
// synced, tears writes or runs full. posix_files() is the one that a process uses.
//
// Threads: any thread may call; two threads do not write to one file at once. Errors are values; nothing is retried but
// EINTR and short transfers.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::store {

// What went wrong: errno and what was being done, e.g. "write /data/wal-1: No space left on device".
struct FileError {
  int code = 0;
  std::string message = {};
  // A sync failed: what had been written since the last one may be gone, and no later sync would say so again.
  bool lost = false;

  // The disk is full, or memory or descriptors have run out: it may work again later.
  bool may_pass() const;
};

template <typename T = void>
using FileResult = std::expected<T, FileError>;

class File {
 public:
  virtual ~File() = default;

  // Fills `to` from position `at`; fewer bytes only where the file ends.
  virtual FileResult<std::size_t> read_at(std::uint64_t at, std::span<char> to) const = 0;
  virtual FileResult<> write_at(std::uint64_t at, std::string_view bytes) = 0;
  // What was written is there after a crash of the machine (fdatasync). The file's name is the folder's: sync_folder().
  virtual FileResult<> sync() = 0;
  virtual FileResult<> truncate(std::uint64_t size) = 0;
  virtual FileResult<std::uint64_t> size() const = 0;
  // The system's, to send from; -1 where it has none.
  virtual int descriptor() const { return -1; }
};

enum class OpenMode {
  kRead,
  kWrite,  // and read; made where it is missing
};

class FileLayer {
 public:
  virtual ~FileLayer() = default;

  virtual FileResult<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  // No error where it is missing.
  virtual FileResult<> remove(const std::string& path) = 0;
  virtual FileResult<> rename(const std::string& from, const std::string& to) = 0;

  struct Listed {
    std::string name;
    std::uint64_t size;
  };
  // The files of a folder, in no order; no folders.
  virtual FileResult<std::vector<Listed>> list(const std::string& folder) = 0;
  // False where it is there already.
  virtual FileResult<bool> make_folder(const std::string& path) = 0;
  // Names that were added, taken away or changed in the folder are so after a crash.
  virtual FileResult<> sync_folder(const std::string& path) = 0;
  // Every file and folder below `folder` is durable (syncfs): cheaper than many of them one by one.
  virtual FileResult<> sync_everything(const std::string& folder) = 0;

  // Held until the process ends or the value is destroyed. EWOULDBLOCK where somebody else holds it.
  class Lock {
   public:
    virtual ~Lock() = default;
  };
  virtual FileResult<std::unique_ptr<Lock>> lock(const std::string& path) = 0;
};

// Outlives everything.
FileLayer& posix_files();

}  // namespace sluice::store

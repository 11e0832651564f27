// What a store's folder holds, read back: the last checkpoint, then the write-ahead log behind it.
//
// The result is what some commit left, with every log whose snapshot was finished by then (docs/format-store.md,
// "Recovery"). The torn end that a crash leaves is cut off without a word. Anything else that does not read is damage: it is
// reported, the logs that it concerns are left out, and the rest is as it was.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "store/disk_log.h"
#include "store/notes.h"

namespace sluice::store {

struct StoreError {
  enum class Kind {
    kIo,            // a file or folder could not be read or written
    kInUse,         // another process has the folder
    kNewerVersion,  // a later version of Sluice wrote it
  } kind = Kind::kIo;
  std::string message = {};
};

struct RecoveredStore {
  std::uint64_t next_id = 1;
  std::uint64_t next_segment = 1;
  std::uint64_t commit_number = 0;
  Lsn lsn = 0;
  std::string state = {};
  Notes notes = {};
  std::map<std::uint64_t, std::shared_ptr<DiskLog>> logs = {};  // by id
  std::vector<std::uint64_t> orphans = {};                      // ids of files that no log has
  std::vector<std::string> damage = {};
};

std::expected<RecoveredStore, StoreError> recover(const std::shared_ptr<LogContext>& context);

// The files of a store's folder, by their numbers, in rising order.
struct FolderFiles {
  std::vector<std::uint64_t> segments = {};
  std::vector<std::uint64_t> checkpoints = {};
  std::vector<std::string> unfinished = {};  // checkpoints that were being written
};
FileResult<FolderFiles> list_folder(FileLayer& files, const std::string& folder);

}  // namespace sluice::store

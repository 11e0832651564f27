// The two files of each log: where they are, and which of them are open.
//
//   <folder>/logs/<2 hex digits>/<16 hex digits of the id>.snapshot, .changes
//
// Open files are kept, the one used longest ago is closed first; who holds a file keeps it open. Any thread; a lock for as
// long as a look-up takes, and an open where the file was not there.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "store/files.h"

namespace sluice::store {

enum class Area : std::uint8_t { kSnapshot, kChanges };

// Names are spread over so many folders, so that none has more than a few thousand with a million logs.
inline constexpr unsigned kLogFolders = 256;

class LogFiles {
 public:
  LogFiles(FileLayer& files, std::string folder, std::size_t open_max);

  // Makes the folders.
  FileResult<> prepare();

  FileResult<std::shared_ptr<File>> open(std::uint64_t id, Area area, OpenMode mode);
  // The file is durable, its name too.
  FileResult<> sync(std::uint64_t id, Area area);
  // All of them are. Once that has failed it always does: it does not say which file was concerned, and would not say it
  // again; syncing that file does.
  FileResult<> sync_all();
  // Removes both files of a log.
  FileResult<> remove(std::uint64_t id);

  std::string folder(unsigned number) const;
  std::string path(std::uint64_t id, Area area) const;
  // What a file in one of the folders is; nothing where it is none of ours.
  struct Name {
    std::uint64_t id;
    Area area;
  };
  static std::optional<Name> parse_name(std::string_view name);

  FileLayer& layer() const { return files_; }
  const std::string& root() const { return folder_; }

 private:
  struct Key {
    std::uint64_t id;
    Area area;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const {
      return (key.id * 2 + static_cast<std::size_t>(key.area)) * 0x9e3779b97f4a7c15;
    }
  };
  struct Open {
    Key key;
    OpenMode mode;
    std::shared_ptr<File> file;
  };
  void forget(const Key& key);

  FileLayer& files_;
  const std::string folder_;
  const std::size_t open_max_;
  std::atomic<bool> one_by_one_{false};

  std::mutex mutex_;
  std::list<Open> open_;  // most recently used first
  std::unordered_map<Key, std::list<Open>::iterator, KeyHash> by_key_;
};

}  // namespace sluice::store

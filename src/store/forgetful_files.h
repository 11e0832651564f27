// For tests: files in memory that forget, at a crash, what was not synced; that tear writes; that run full or fail.
//
// A crash keeps of what was written to a file since its last sync any of the writes, each perhaps only up to some sector,
// and of the names that were added, removed or changed in a folder since its last sync any, in their order. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "store/files.h"

namespace sluice::store {

class ForgetfulFiles final : public FileLayer {
 public:
  explicit ForgetfulFiles(std::uint64_t seed) : random_(seed) {}

  // The machine stops and starts again. Nobody has anything open.
  void crash();
  // So many bytes can be added to files from now on; then the disk is full. Removing and truncating give back.
  void set_room(std::int64_t bytes) { room_ = bytes; }
  void set_unlimited() { room_ = kUnlimited; }
  // The next so many syncs work, then `count` fail, and a write that they should have made durable is forgotten for good,
  // though it can still be read, as a kernel does.
  void fail_syncs(std::int64_t after, std::int64_t count) {
    syncs_left_ = after;
    syncs_to_fail_ = count;
  }
  // A file's bytes as they are, to damage them. Empty where there is none.
  std::string* bytes_of(const std::string& path);
  // Paths of all files.
  std::vector<std::string> paths() const;

  FileResult<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  FileResult<> remove(const std::string& path) override;
  FileResult<> rename(const std::string& from, const std::string& to) override;
  FileResult<std::vector<Listed>> list(const std::string& folder) override;
  FileResult<bool> make_folder(const std::string& path) override;
  FileResult<> sync_folder(const std::string& path) override;
  FileResult<> sync_everything(const std::string& folder) override;
  FileResult<std::unique_ptr<Lock>> lock(const std::string& path) override;

 private:
  static constexpr std::int64_t kUnlimited = std::int64_t{1} << 60;
  static constexpr std::size_t kSector = 512;

  struct Write {
    std::uint64_t at;
    std::string bytes;
    bool truncate;
  };
  struct Inode {
    std::string now;
    std::string durable;
    std::vector<Write> unsynced;
    bool error = false;  // something was forgotten that the next sync tells
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  // `from` goes away, `to` becomes the inode; either may be empty.
  struct NameChange {
    std::string from;
    std::string to;
    std::shared_ptr<Inode> inode;
  };
  struct Folder {
    Names now;
    Names durable;
    std::vector<NameChange> unsynced;
  };
  class OpenFile;

  static void apply(const Write& write, std::string& bytes);
  static void apply(const NameChange& change, Names& names);
  static void make_durable(Inode& inode);
  FileResult<> may_sync(Inode* inode);
  void crash(Inode& inode);
  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }
  static std::pair<std::string, std::string> split(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return {path.substr(0, slash), path.substr(slash + 1)};
  }
  static std::unexpected<FileError> error(int code, const std::string& what) {
    return std::unexpected(FileError{code, what + ": injected"});
  }

  std::mt19937_64 random_;
  std::map<std::string, Folder> folders_;  // folders themselves are not forgotten
  std::int64_t room_ = kUnlimited;
  std::int64_t syncs_left_ = kUnlimited;
  std::int64_t syncs_to_fail_ = 0;
};

}  // namespace sluice::store

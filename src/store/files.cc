#include "store/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/owned_descriptor.h"

namespace sluice::store {
namespace {

std::unexpected<FileError> failed(std::string_view doing, const std::string& path) {
  const int code = errno;
  return std::unexpected(FileError{code, std::string(doing) + " " + path + ": " + std::generic_category().message(code)});
}

class PosixFile final : public File {
 public:
  PosixFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  FileResult<std::size_t> read_at(std::uint64_t at, std::span<char> to) const override {
    std::size_t done = 0;
    while (done < to.size()) {
      const ssize_t n = ::pread(fd_.descriptor(), to.data() + done, to.size() - done, static_cast<off_t>(at + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return failed("read", path_);
      if (n == 0) break;
      done += static_cast<std::size_t>(n);
    }
    return done;
  }

  FileResult<> write_at(std::uint64_t at, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t n = ::pwrite(fd_.descriptor(), bytes.data(), bytes.size(), static_cast<off_t>(at));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return failed("write", path_);
      bytes.remove_prefix(static_cast<std::size_t>(n));
      at += static_cast<std::uint64_t>(n);
    }
    return {};
  }

  FileResult<> sync() override {
    if (::fdatasync(fd_.descriptor()) == 0) return {};
    FileError error = failed("sync", path_).error();
    error.lost = true;
    return std::unexpected(std::move(error));
  }

  FileResult<> truncate(std::uint64_t size) override {
    if (::ftruncate(fd_.descriptor(), static_cast<off_t>(size)) != 0) return failed("truncate", path_);
    return {};
  }

  FileResult<std::uint64_t> size() const override {
    struct stat status;
    if (::fstat(fd_.descriptor(), &status) != 0) return failed("stat", path_);
    return static_cast<std::uint64_t>(status.st_size);
  }

  int descriptor() const override { return fd_.descriptor(); }

 private:
  const std::string path_;
  const OwnedDescriptor fd_;
};

class PosixLock final : public FileLayer::Lock {
 public:
  explicit PosixLock(int fd) : fd_(fd) {}

 private:
  const OwnedDescriptor fd_;
};

class PosixFiles final : public FileLayer {
 public:
  FileResult<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    const int fd = ::open(path.c_str(), (mode == OpenMode::kRead ? O_RDONLY : O_RDWR | O_CREAT) | O_CLOEXEC, 0600);
    if (fd < 0) return failed("open", path);
    return std::make_unique<PosixFile>(path, fd);
  }

  FileResult<> remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failed("remove", path);
    return {};
  }

  FileResult<> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return failed("rename", from);
    return {};
  }

  FileResult<std::vector<Listed>> list(const std::string& folder) override {
    DIR* opened = ::opendir(folder.c_str());
    if (opened == nullptr) return failed("list", folder);
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(opened, ::closedir);
    std::vector<Listed> files;
    errno = 0;
    while (const dirent* entry = ::readdir(directory.get())) {
      struct stat status;
      const bool found = ::fstatat(::dirfd(directory.get()), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0;
      if (found && S_ISREG(status.st_mode)) files.push_back({entry->d_name, static_cast<std::uint64_t>(status.st_size)});
      errno = 0;
    }
    if (errno != 0) return failed("list", folder);
    return files;
  }

  FileResult<bool> make_folder(const std::string& path) override {
    if (::mkdir(path.c_str(), 0700) == 0) return true;
    if (errno != EEXIST) return failed("make folder", path);
    return false;
  }

  FileResult<> sync_folder(const std::string& path) override {
    const OwnedDescriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.descriptor() < 0) return failed("open", path);
    if (::fsync(folder.descriptor()) != 0) return failed("sync", path);
    return {};
  }

  FileResult<> sync_everything(const std::string& path) override {
    const OwnedDescriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.descriptor() < 0) return failed("open", path);
    if (::syncfs(folder.descriptor()) != 0) return failed("sync", path);
    return {};
  }

  FileResult<std::unique_ptr<Lock>> lock(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return failed("open", path);
    auto held = std::make_unique<PosixLock>(fd);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) return failed("lock", path);
    return held;
  }
};

}  // namespace

bool FileError::may_pass() const {
  if (lost) return false;
  return code == ENOSPC || code == EDQUOT || code == EMFILE || code == ENFILE || code == ENOMEM;
}

FileLayer& posix_files() {
  static PosixFiles files;
  return files;
}

}  // namespace sluice::store

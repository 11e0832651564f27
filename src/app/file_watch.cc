#include "app/file_watch.h"

#include <sys/stat.h>

#include <algorithm>

namespace sluice::app {

FileWatch::FileWatch(std::vector<std::string> files) : files_(std::move(files)) {
  std::ranges::sort(files_);
  const auto [from, to] = std::ranges::unique(files_);
  files_.erase(from, to);
  known_ = last_ = look();
}

bool FileWatch::settled_change() {
  std::vector<Stamp> now = look();
  const bool settled = now == last_;
  last_ = std::move(now);
  if (!settled || last_ == known_) return false;
  known_ = last_;
  return true;
}

std::vector<FileWatch::Stamp> FileWatch::look() const {
  std::vector<Stamp> stamps;
  for (const std::string& file : files_) {
    struct stat status{};
    // A file that is gone for a moment is a change like any other.
    if (::stat(file.c_str(), &status) != 0) {
      stamps.emplace_back();
      continue;
    }
    stamps.push_back({status.st_mtim.tv_sec, status.st_mtim.tv_nsec, static_cast<std::uint64_t>(status.st_size),
                      static_cast<std::uint64_t>(status.st_ino)});
  }
  return stamps;
}

}  // namespace sluice::app

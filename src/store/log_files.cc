#include "store/log_files.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

namespace sluice::store {
namespace {

constexpr std::string_view kSnapshotSuffix = ".snapshot";
constexpr std::string_view kChangesSuffix = ".changes";
constexpr std::size_t kIdDigits = 16;

std::string hex(std::uint64_t number, std::size_t digits) {
  std::string out(digits, '0');
  for (std::size_t i = digits; i-- > 0; number >>= 4) out[i] = "0123456789abcdef"[number & 15];
  return out;
}

}  // namespace

LogFiles::LogFiles(FileLayer& files, std::string folder, std::size_t open_max)
    : files_(files), folder_(std::move(folder)), open_max_(std::max<std::size_t>(open_max, 1)) {}

std::string LogFiles::folder(unsigned number) const {
  return folder_ + "/logs/" + hex(number, 2);
}

std::string LogFiles::path(std::uint64_t id, Area area) const {
  std::string out = folder(static_cast<unsigned>(id % kLogFolders)) + "/" + hex(id, kIdDigits);
  return out += area == Area::kSnapshot ? kSnapshotSuffix : kChangesSuffix;
}

std::optional<LogFiles::Name> LogFiles::parse_name(std::string_view name) {
  if (name.size() < kIdDigits) return std::nullopt;
  Name out{};
  const auto [stop, error] = std::from_chars(name.data(), name.data() + kIdDigits, out.id, 16);
  if (error != std::errc() || stop != name.data() + kIdDigits || name.substr(0, kIdDigits) != hex(out.id, kIdDigits)) {
    return std::nullopt;
  }
  const std::string_view suffix = name.substr(kIdDigits);
  if (suffix != kSnapshotSuffix && suffix != kChangesSuffix) return std::nullopt;
  out.area = suffix == kSnapshotSuffix ? Area::kSnapshot : Area::kChanges;
  return out;
}

FileResult<> LogFiles::prepare() {
  bool any = false;
  std::vector<std::string> paths{folder_ + "/logs"};
  for (unsigned i = 0; i < kLogFolders; ++i) paths.push_back(folder(i));
  for (const std::string& path : paths) {
    auto made = files_.make_folder(path);
    if (!made) return std::unexpected(std::move(made.error()));
    any = any || *made;
  }
  if (!any) return {};
  if (auto synced = files_.sync_folder(paths.front()); !synced) return synced;
  return files_.sync_folder(folder_);
}

FileResult<std::shared_ptr<File>> LogFiles::open(std::uint64_t id, Area area, OpenMode mode) {
  const Key key{id, area};
  std::lock_guard lock(mutex_);
  if (auto found = by_key_.find(key); found != by_key_.end()) {
    if (mode == OpenMode::kRead || found->second->mode == OpenMode::kWrite) {
      open_.splice(open_.begin(), open_, found->second);
      return found->second->file;
    }
    forget(key);
  }
  auto opened = files_.open(path(id, area), mode);
  if (!opened) return std::unexpected(std::move(opened.error()));
  open_.push_front({key, mode, std::move(*opened)});
  by_key_[key] = open_.begin();
  std::shared_ptr<File> file = open_.front().file;
  if (open_.size() > open_max_) forget(Key(open_.back().key));
  return file;
}

FileResult<> LogFiles::sync(std::uint64_t id, Area area) {
  auto file = open(id, area, OpenMode::kRead);
  if (!file) return std::unexpected(std::move(file.error()));
  if (auto synced = (*file)->sync(); !synced) return synced;
  return files_.sync_folder(folder(static_cast<unsigned>(id % kLogFolders)));
}

FileResult<> LogFiles::sync_all() {
  if (one_by_one_) return std::unexpected(FileError{EIO, "sync " + folder_ + ": failed before"});
  auto synced = files_.sync_everything(folder_);
  if (!synced) one_by_one_ = true;
  return synced;
}

FileResult<> LogFiles::remove(std::uint64_t id) {
  for (Area area : {Area::kSnapshot, Area::kChanges}) {
    {
      std::lock_guard lock(mutex_);
      forget({id, area});
    }
    if (auto removed = files_.remove(path(id, area)); !removed) return removed;
  }
  return {};
}

void LogFiles::forget(const Key& key) {
  auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  open_.erase(found->second);
  by_key_.erase(found);
}

}  // namespace sluice::store

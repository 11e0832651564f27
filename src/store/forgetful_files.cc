#include "store/forgetful_files.h"

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

namespace sluice::store {

class ForgetfulFiles::OpenFile final : public File {
 public:
  OpenFile(ForgetfulFiles& files, std::shared_ptr<Inode> inode) : files_(files), inode_(std::move(inode)) {}

  FileResult<std::size_t> read_at(std::uint64_t at, std::span<char> to) const override {
    const std::string& bytes = inode_->now;
    if (at >= bytes.size()) return std::size_t{0};
    const std::size_t size = std::min<std::size_t>(to.size(), bytes.size() - at);
    std::copy_n(bytes.data() + at, size, to.data());
    return size;
  }

  FileResult<> write_at(std::uint64_t at, std::string_view bytes) override {
    const std::uint64_t end = at + bytes.size();
    const auto more = static_cast<std::int64_t>(end - std::min<std::uint64_t>(end, inode_->now.size()));
    const std::int64_t fits = std::min(more, files_.room_);
    const bool full = fits < more;
    // A full disk takes what fits.
    if (full)
      bytes = bytes.substr(0, bytes.size() - std::min<std::size_t>(bytes.size(), static_cast<std::size_t>(more - fits)));
    files_.room_ -= fits;
    record({at, std::string(bytes), false});
    if (full) return error(ENOSPC, "write");
    return {};
  }

  FileResult<> sync() override {
    auto may = files_.may_sync(inode_.get());
    if (may && !std::exchange(inode_->error, false)) {
      make_durable(*inode_);
      return {};
    }
    FileError failed{EIO, "sync: injected", true};
    return std::unexpected(std::move(failed));
  }

  FileResult<> truncate(std::uint64_t size) override {
    if (inode_->now.size() > size) files_.room_ += static_cast<std::int64_t>(inode_->now.size() - size);
    record({size, {}, true});
    return {};
  }

  FileResult<std::uint64_t> size() const override { return inode_->now.size(); }

 private:
  void record(Write write) {
    apply(write, inode_->now);
    inode_->unsynced.push_back(std::move(write));
  }

  ForgetfulFiles& files_;
  const std::shared_ptr<Inode> inode_;
};

void ForgetfulFiles::apply(const Write& write, std::string& bytes) {
  if (write.truncate) {
    bytes.resize(write.at, '\0');
    return;
  }
  if (write.bytes.empty()) return;
  if (bytes.size() < write.at + write.bytes.size()) bytes.resize(write.at + write.bytes.size(), '\0');
  bytes.replace(write.at, write.bytes.size(), write.bytes);
}

void ForgetfulFiles::apply(const NameChange& change, Names& names) {
  if (!change.from.empty()) names.erase(change.from);
  if (!change.to.empty()) names[change.to] = change.inode;
}

void ForgetfulFiles::make_durable(Inode& inode) {
  for (const Write& write : inode.unsynced) apply(write, inode.durable);
  inode.unsynced.clear();
}

FileResult<> ForgetfulFiles::may_sync(Inode* inode) {
  if (--syncs_left_ >= 0 || syncs_to_fail_ <= 0) return {};
  --syncs_to_fail_;
  // As a kernel does: what could not be written is not tried again.
  if (inode != nullptr && !inode->unsynced.empty()) inode->unsynced.erase(inode->unsynced.begin());
  return error(EIO, "sync");
}

void ForgetfulFiles::crash(Inode& inode) {
  std::string bytes = inode.durable;
  const bool in_order = below(2) == 0;
  std::size_t count = below(inode.unsynced.size() + 1);
  for (Write& write : inode.unsynced) {
    if (in_order ? count-- == 0 : below(3) == 0) {
      // This one is torn, or not there at all.
      if (!write.truncate && below(2) == 0) {
        write.bytes.resize(std::min(write.bytes.size(), below(write.bytes.size() / kSector + 1) * kSector));
        apply(write, bytes);
      }
      if (in_order) break;
      continue;
    }
    apply(write, bytes);
  }
  inode.now = inode.durable = std::move(bytes);
  inode.error = false;
  inode.unsynced.clear();
}

void ForgetfulFiles::crash() {
  std::set<std::shared_ptr<Inode>> inodes;
  for (auto& [path, folder] : folders_) {
    Names names = folder.durable;
    for (const NameChange& change : folder.unsynced) {
      if (below(2) == 0) apply(change, names);
    }
    folder.now = folder.durable = names;
    folder.unsynced.clear();
    for (const auto& [name, inode] : names) inodes.insert(inode);
  }
  for (const auto& inode : inodes) crash(*inode);
}

std::string* ForgetfulFiles::bytes_of(const std::string& path) {
  const auto [folder, name] = split(path);
  const auto found = folders_[folder].now.find(name);
  if (found == folders_[folder].now.end()) return nullptr;
  return &found->second->now;
}

std::vector<std::string> ForgetfulFiles::paths() const {
  std::vector<std::string> out;
  for (const auto& [path, folder] : folders_) {
    for (const auto& [name, inode] : folder.now) out.push_back(path + "/" + name);
  }
  return out;
}

FileResult<std::unique_ptr<File>> ForgetfulFiles::open(const std::string& path, OpenMode mode) {
  const auto [folder, name] = split(path);
  if (!folders_.contains(folder)) return error(ENOENT, "open " + path);
  Folder& in = folders_[folder];
  auto found = in.now.find(name);
  if (found == in.now.end()) {
    if (mode == OpenMode::kRead) return error(ENOENT, "open " + path);
    in.unsynced.push_back({"", name, std::make_shared<Inode>()});
    apply(in.unsynced.back(), in.now);
    found = in.now.find(name);
  }
  return std::make_unique<OpenFile>(*this, found->second);
}

FileResult<> ForgetfulFiles::remove(const std::string& path) {
  const auto [folder, name] = split(path);
  Folder& in = folders_[folder];
  const auto found = in.now.find(name);
  if (found == in.now.end()) return {};
  room_ += static_cast<std::int64_t>(found->second->now.size());
  in.unsynced.push_back({name, "", nullptr});
  apply(in.unsynced.back(), in.now);
  return {};
}

FileResult<> ForgetfulFiles::rename(const std::string& from, const std::string& to) {
  const auto [folder, name] = split(from);
  Folder& in = folders_[folder];
  const auto found = in.now.find(name);
  if (found == in.now.end()) return error(ENOENT, "rename " + from);
  in.unsynced.push_back({name, split(to).second, found->second});
  apply(NameChange(in.unsynced.back()), in.now);
  return {};
}

FileResult<std::vector<FileLayer::Listed>> ForgetfulFiles::list(const std::string& folder) {
  if (!folders_.contains(folder)) return error(ENOENT, "list " + folder);
  std::vector<Listed> out;
  for (const auto& [name, inode] : folders_[folder].now) out.push_back({name, inode->now.size()});
  return out;
}

FileResult<bool> ForgetfulFiles::make_folder(const std::string& path) {
  return folders_.try_emplace(path).second;
}

FileResult<> ForgetfulFiles::sync_folder(const std::string& path) {
  if (auto may = may_sync(nullptr); !may) return may;
  Folder& folder = folders_[path];
  folder.durable = folder.now;
  folder.unsynced.clear();
  return {};
}

FileResult<> ForgetfulFiles::sync_everything(const std::string& path) {
  for (auto& [name, folder] : folders_) {
    if (!name.starts_with(path)) continue;
    for (auto& [file, inode] : folder.now) {
      if (auto may = may_sync(inode.get()); !may) {
        inode->error = true;
        return may;
      }
      // A file that has lost something is as durable as the others, but for that.
      make_durable(*inode);
    }
    if (auto synced = sync_folder(name); !synced) return synced;
  }
  return {};
}

FileResult<std::unique_ptr<FileLayer::Lock>> ForgetfulFiles::lock(const std::string&) {
  return std::make_unique<Lock>();
}

}  // namespace sluice::store

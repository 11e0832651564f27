// Revocations in an append-only file; docs/format-revocations.md is its grammar.
//
// A record is acknowledged once fdatasync has returned. What a crash leaves is therefore all that was acknowledged, and
// perhaps the beginning of one record more, which goes at the next start. Anything else that does not read is damage: then
// start() refuses, because what is missing may be what keeps somebody out.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/crc.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "base/owned_descriptor.h"
#include "gatekeeper/revocation_text.h"
#include "gatekeeper/revocations.h"

namespace sluice::gatekeeper {
namespace {

constexpr std::string_view kHeader = "sluice-revocations 1\n";
constexpr std::size_t kChecksumBytes = 9;  // eight hexadecimal digits and a space
constexpr std::size_t kLineBytesMax = kChecksumBytes + kRevocationTextBytesMax + 1;
constexpr std::size_t kReadBytes = 256 * 1024;
// A file with fewer records is not worth being written again.
constexpr std::size_t kCompactRecordsMin = 1024;

std::string error_text(std::string_view what, const std::string& path, int error) {
  return fmt::format("cannot {} {}: {}", what, path, std::strerror(error));
}

[[noreturn]] void fail(std::string_view what, const std::string& path) {
  throw std::runtime_error(error_text(what, path, errno));
}

// All of it, or false with errno.
bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::string checksum(std::string_view json) {
  boost::crc_32_type crc;
  crc.process_bytes(json.data(), json.size());
  return fmt::format("{:08x}", crc.checksum());
}

std::string record_line(const Revocation& revocation) {
  const std::string json = print_revocation(revocation);
  return checksum(json) + ' ' + json + '\n';
}

// `line` without its line feed.
std::expected<Revocation, std::string> read_record(std::string_view line) {
  if (line.size() < kChecksumBytes || line[kChecksumBytes - 1] != ' ') return std::unexpected("no checksum");
  const std::string_view json = line.substr(kChecksumBytes);
  if (checksum(json) != line.substr(0, kChecksumBytes - 1)) return std::unexpected("wrong checksum");
  return parse_revocation(json);
}

// The lines of a file from its beginning, each with where it begins.
class Lines {
 public:
  Lines(int fd, const std::string& path) : fd_(fd), path_(path) {}

  // Without its line feed; nullopt where no whole line is left.
  std::optional<std::string_view> next() {
    for (;;) {
      const std::size_t end = buffer_.find('\n', searched_);
      if (end != std::string::npos) return take(end);
      searched_ = buffer_.size();
      if (buffer_.size() - begin_ > kLineBytesMax && !only_nuls()) return std::nullopt;
      if (!fill()) return std::nullopt;
    }
  }

  std::size_t line_offset() const { return line_offset_; }
  // Where the next line would begin: with nullopt from next(), what follows is no whole line.
  std::size_t offset() const { return read_ - (buffer_.size() - begin_); }
  // Of what follows, once next() has answered nullopt.
  std::size_t rest_bytes() const { return buffer_.size() - begin_; }
  bool only_nuls() const { return buffer_.find_first_not_of('\0', begin_) == std::string::npos; }

 private:
  std::string_view take(std::size_t end) {
    line_offset_ = offset();
    const std::string_view line(buffer_.data() + begin_, end - begin_);
    begin_ = searched_ = end + 1;
    return line;
  }

  bool fill() {
    buffer_.erase(0, begin_);
    searched_ -= begin_;
    begin_ = 0;
    const std::size_t before = buffer_.size();
    buffer_.resize(before + kReadBytes);
    ssize_t got = 0;
    do got = ::pread(fd_, buffer_.data() + before, kReadBytes, static_cast<off_t>(read_));
    while (got < 0 && errno == EINTR);
    if (got < 0) fail("read", path_);
    buffer_.resize(before + static_cast<std::size_t>(got));
    read_ += static_cast<std::size_t>(got);
    return got > 0;
  }

  const int fd_;
  const std::string& path_;
  std::string buffer_;
  std::size_t begin_ = 0;     // of the next line, in the buffer
  std::size_t searched_ = 0;  // up to here the buffer has no line feed after begin_
  std::size_t read_ = 0;      // bytes of the file that are or were in the buffer
  std::size_t line_offset_ = 0;
};

class FileRevocations final : public RevocationStore {
 public:
  FileRevocations(std::string path, Revocations& revocations) : path_(std::move(path)), revocations_(revocations) {}

  void start() override {
    const std::lock_guard lock(mutex_);
    file_ = open_locked();
    const Loaded loaded = load();
    size_ = loaded.bytes;
    if (loaded.records >= kCompactRecordsMin && loaded.alive < loaded.records / 2) compact();
  }

  void stop() override {
    const std::lock_guard lock(mutex_);
    file_.close();
  }

  std::expected<void, std::string> add(const Revocation& revocation) override {
    if (auto added = put_in_force(revocation, revocations_); !added) return added;
    const std::lock_guard lock(mutex_);
    if (!file_) return std::unexpected("the file of revocations is not open");
    return append(record_line(revocation));
  }

  bool connected() const override { return true; }

 private:
  struct Loaded {
    std::size_t bytes = 0;
    std::size_t records = 0;
    std::size_t alive = 0;  // not to be forgotten yet
  };

  [[noreturn]] void damaged(std::size_t offset, std::string_view why) const {
    throw std::runtime_error(fmt::format("{} is damaged at byte {}: {}", path_, offset, why));
  }

  // Locked against other processes. The lock is the file's, not the name's: where the name has come to stand for another
  // file meanwhile (compact()), that one is locked.
  OwnedDescriptor open_locked() const {
    for (;;) {
      OwnedDescriptor file(::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600));
      if (!file) fail("open", path_);
      if (::flock(file.descriptor(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) fail("lock", path_);
        throw std::runtime_error(fmt::format("{} is in use by another process", path_));
      }
      struct stat opened{}, named{};
      if (::fstat(file.descriptor(), &opened) != 0) fail("look at", path_);
      if (!S_ISREG(opened.st_mode)) throw std::runtime_error(path_ + " is no regular file");
      if (::stat(path_.c_str(), &named) == 0 && opened.st_ino == named.st_ino && opened.st_dev == named.st_dev) return file;
    }
  }

  Loaded load() {
    Lines lines(file_.descriptor(), path_);
    const auto header = lines.next();
    if (!header) return begin_file(lines);
    if (*header != kHeader.substr(0, kHeader.size() - 1)) damaged(0, "its first line is not that of revocations");
    Loaded loaded;
    const std::int64_t now = system_now_s();
    while (const auto line = lines.next()) {
      const auto revocation = read_record(*line);
      if (!revocation) damaged(lines.line_offset(), revocation.error());
      if (revocations_.add(*revocation, now) == Revocations::Added::kFull)
        throw std::runtime_error(fmt::format("{} holds more than {} revocations", path_, revocations_.size()));
      ++loaded.records;
      loaded.alive += revocation->forget_at_s > now ? 1 : 0;
    }
    loaded.bytes = lines.offset();
    if (lines.rest_bytes() > 0) cut_torn_end(lines);
    return loaded;
  }

  // A new file, or one whose first line was being written.
  Loaded begin_file(const Lines& lines) {
    std::string begun(lines.rest_bytes(), '\0');
    if (begun.size() >= kHeader.size() || ::pread(file_.descriptor(), begun.data(), begun.size(), 0) < 0 ||
        !(kHeader.starts_with(begun) || lines.only_nuls()))
      damaged(0, "its first line is not that of revocations");
    if (::ftruncate(file_.descriptor(), 0) != 0 || !write_all(file_.descriptor(), kHeader) ||
        ::fsync(file_.descriptor()) != 0)
      fail("write", path_);
    sync_folder();
    return {.bytes = kHeader.size()};
  }

  // What is left of a record that was being written when the machine or the process ended: nobody was told that it was kept.
  void cut_torn_end(const Lines& lines) {
    if (lines.rest_bytes() > kLineBytesMax && !lines.only_nuls()) damaged(lines.offset(), "the record is too long");
    log::warn("revocations_cut", {{"file", path_}, {"offset", lines.offset()}, {"bytes", lines.rest_bytes()}});
    if (::ftruncate(file_.descriptor(), static_cast<off_t>(lines.offset())) != 0 || ::fsync(file_.descriptor()) != 0)
      fail("truncate", path_);
  }

  // Writes the file again without what is forgotten.
  void compact() {
    const std::string path = path_ + ".new";
    ::unlink(path.c_str());
    OwnedDescriptor file(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file || ::flock(file.descriptor(), LOCK_EX | LOCK_NB) != 0) fail("open", path);
    const std::size_t bytes = copy_alive(file.descriptor(), path);
    if (::fsync(file.descriptor()) != 0) fail("write", path);
    if (::rename(path.c_str(), path_.c_str()) != 0) fail("rename", path);
    sync_folder();
    log::info("revocations_compacted", {{"file", path_}, {"bytes_before", size_}, {"bytes", bytes}});
    file_ = std::move(file);
    size_ = bytes;
  }

  std::size_t copy_alive(int to, const std::string& path) const {
    Lines lines(file_.descriptor(), path_);
    lines.next();
    std::size_t bytes = 0;
    std::string out(kHeader);
    const auto write = [&] {
      if (!write_all(to, out)) fail("write", path);
      bytes += out.size();
      out.clear();
    };
    const std::int64_t now = system_now_s();
    while (const auto line = lines.next()) {
      const auto revocation = read_record(*line);
      if (!revocation) damaged(lines.line_offset(), revocation.error());
      if (revocation->forget_at_s <= now) continue;
      out.append(*line).push_back('\n');
      if (out.size() >= kReadBytes) write();
    }
    write();
    return bytes;
  }

  // So that a new name is there after a crash.
  void sync_folder() const {
    const std::filesystem::path parent = std::filesystem::path(path_).parent_path();
    const std::string folder = parent.empty() ? "." : parent.string();
    const OwnedDescriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened || ::fsync(opened.descriptor()) != 0) fail("sync", folder);
  }

  // With mutex_. A record written in part is taken away again, lest the next one stand behind it.
  std::expected<void, std::string> append(const std::string& line) {
    if (broken_) return std::unexpected("in force until the next start only: an earlier write to " + path_ + " failed");
    if (!write_all(file_.descriptor(), line)) {
      const int error = errno;
      broken_ = ::ftruncate(file_.descriptor(), static_cast<off_t>(size_)) != 0;
      return std::unexpected("in force until the next start only: " + error_text("write", path_, error));
    }
    // After a failure the kernel may have dropped what it could not write, and would report success to a second try.
    if (::fdatasync(file_.descriptor()) != 0) {
      broken_ = true;
      return std::unexpected("in force until the next start only: " + error_text("sync", path_, errno));
    }
    size_ += line.size();
    return {};
  }

  const std::string path_;
  Revocations& revocations_;
  std::mutex mutex_;
  OwnedDescriptor file_;  // with mutex_, as the next
  std::size_t size_ = 0;  // of the file, up to the end of the last whole record
  bool broken_ = false;
};

}  // namespace

std::unique_ptr<RevocationStore> file_revocations(std::string path, Revocations& revocations) {
  return std::make_unique<FileRevocations>(std::move(path), revocations);
}

}  // namespace sluice::gatekeeper

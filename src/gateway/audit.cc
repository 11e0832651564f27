#include "gateway/audit.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <simdjson.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/json_write.h"
#include "base/log.h"
#include "base/sha256.h"

namespace sluice::gateway {
namespace {

using Digest = Sha256;

Digest sha256_of(const shape::Definition& definition) {
  return sha256(definition.canonical_text());
}

std::string printed(const Digest& digest) {
  return hex_encode({reinterpret_cast<const char*>(digest.data()), 8});
}

std::string_view name_of(AuditEvent::Kind kind) {
  switch (kind) {
    case AuditEvent::Kind::kMinted: return "minted";
    case AuditEvent::Kind::kAllowed: return "allowed";
    case AuditEvent::Kind::kDenied: return "denied";
    case AuditEvent::Kind::kRevoked: return "revoked";
  }
  return "unknown";
}

// Cut between characters, and harmless where it is not UTF-8.
std::string bounded(std::string_view value) {
  std::size_t end = std::min(value.size(), kAuditValueBytesMax);
  if (end < value.size())
    while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xc0) == 0x80) --end;
  std::string kept(value.substr(0, end));
  if (!simdjson::validate_utf8(kept))
    for (char& c : kept)
      if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  return kept;
}

// The members of an event that say something, in their order.
std::vector<std::pair<std::string_view, std::string>> members_of(const AuditEvent& event, const std::string& digest) {
  std::vector<std::pair<std::string_view, std::string>> members;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) members.emplace_back(name, bounded(value));
  };
  add("request_id", event.request_id);
  add("issuer", event.issuer);
  add("subject", event.subject);
  add("identity", event.identity);
  add("route", event.route);
  add("shape", event.shape);
  add("definition", digest);
  add("code", event.code);
  add("reason", event.reason);
  add("authorizer", event.authorizer);
  return members;
}

std::string time_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const time_t seconds = ms / 1000;
  tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec, ms % 1000);
}

std::string line_of(const AuditEvent& event, const std::string& digest) {
  std::string line = fmt::format(R"({{"time":"{}","event":"{}")", time_now(), name_of(event.kind));
  for (const auto& [name, value] : members_of(event, digest)) {
    line += fmt::format(",\"{}\":", name);
    append_json_string(line, value);
  }
  if (event.line != 0) line += fmt::format(",\"line\":{}", event.line);
  return line += "}\n";
}

void write_to_log(const AuditEvent& event, const std::string& digest) {
  const auto members = members_of(event, digest);
  std::vector<log::Field> fields = {{"action", name_of(event.kind)}};
  for (const auto& [name, value] : members) fields.emplace_back(name, value);
  if (event.line != 0) fields.emplace_back("line", event.line);
  log::write(log::Level::kInfo, "audit", fields);
}

int open_file(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
}

}  // namespace

std::string definition_digest(const shape::Definition& definition) {
  return printed(sha256_of(definition));
}

// Which pairs were recorded: two generations, of which the older goes when the newer is full.
class Audit::Memory {
 public:
  // True the first time.
  bool remember(const AuditToken& token, const Digest& digest) {
    Pair pair{};
    std::ranges::copy(token, pair.begin());
    std::copy_n(digest.begin(), token.size(), pair.begin() + token.size());
    Shard& shard = shards_[(digest[31] ^ token[0]) % kShards];
    const std::lock_guard lock(shard.mutex);
    if (shard.newer.contains(pair)) return false;
    const bool is_new = !shard.older.contains(pair);
    if (shard.newer.size() >= kAuditPairsMax / kShards) shard.older = std::exchange(shard.newer, {});
    shard.newer.insert(pair);
    return is_new;
  }

 private:
  static constexpr std::size_t kShards = 16;
  using Pair = std::array<unsigned char, 32>;

  struct PairHash {
    std::size_t operator()(const Pair& pair) const {
      return std::hash<std::string_view>{}({reinterpret_cast<const char*>(pair.data()), pair.size()});
    }
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_set<Pair, PairHash> newer, older;
  };

  std::array<Shard, kShards> shards_;
};

// The thread that writes.
class Audit::Writer {
 public:
  explicit Writer(std::string path) : path_(std::move(path)), fd_(open_file(path_)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "cannot open the audit log " + path_);
    thread_ = std::thread([this] { run(); });
  }

  ~Writer() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
    ::close(fd_);
  }

  void put(std::string line, bool is_denial) {
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.size() >= (is_denial ? kAuditLinesMax / 2 : kAuditLinesMax)) {
        ++dropped_;
        return;
      }
      waiting_.push_back(std::move(line));
    }
    changed_.notify_all();
  }

  void reopen() {
    {
      const std::lock_guard lock(mutex_);
      reopen_ = true;
    }
    changed_.notify_all();
  }

  void flush() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_.empty() && !reopen_ && !writing_; });
  }

  std::uint64_t dropped() {
    const std::lock_guard lock(mutex_);
    return dropped_;
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return stopping_ || reopen_ || !waiting_.empty(); });
      if (stopping_ && waiting_.empty()) return;
      const bool reopen = std::exchange(reopen_, false);
      const std::vector<std::string> lines = std::exchange(waiting_, {});
      const std::uint64_t unsaid = dropped_ - said_dropped_;
      writing_ = true;
      lock.unlock();
      if (reopen) open_again();
      const bool said = unsaid > 0 && write_line(dropped_line(unsaid));
      std::uint64_t failed = 0;
      for (const std::string& line : lines) failed += write_line(line) ? 0 : 1;
      lock.lock();
      if (said) said_dropped_ += unsaid;
      dropped_ += failed;
      writing_ = false;
      changed_.notify_all();
    }
  }

  static std::string dropped_line(std::uint64_t count) {
    return fmt::format("{{\"time\":\"{}\",\"event\":\"dropped\",\"count\":{}}}\n", time_now(), count);
  }

  // Only the writing thread uses the file from here on.
  bool write_line(const std::string& line) {
    const std::string text = torn_ ? "\n" + line : line;
    ssize_t written = 0;
    do written = ::write(fd_, text.data(), text.size());
    while (written < 0 && errno == EINTR);
    const bool whole = written == static_cast<ssize_t>(text.size());
    if (written > 0) torn_ = !whole;
    if (whole == failing_) {
      failing_ = !whole;
      if (failing_)
        log::warn("audit_not_written", {{"file", path_}, {"error", written < 0 ? std::strerror(errno) : "disk full"}});
      else
        log::info("audit_written_again", {{"file", path_}});
    }
    return whole;
  }

  void open_again() {
    const int fd = open_file(path_);
    if (fd < 0) {
      log::warn("audit_not_reopened", {{"file", path_}, {"error", std::strerror(errno)}});
      return;
    }
    ::close(std::exchange(fd_, fd));
    torn_ = false;
  }

  const std::string path_;
  int fd_;
  bool torn_ = false;     // the last line was written in part
  bool failing_ = false;  // warned about already

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> waiting_;  // with mutex_, as the next
  bool stopping_ = false;
  bool reopen_ = false;
  bool writing_ = false;
  std::uint64_t dropped_ = 0;
  std::uint64_t said_dropped_ = 0;  // of these the file says so
  std::thread thread_;
};

Audit::Audit(AuditOptions options) : enabled_(options.enabled) {
  if (!enabled_) return;
  memory_ = std::make_unique<Memory>();
  if (!options.file.empty()) writer_ = std::make_unique<Writer>(std::move(options.file));
}

Audit::~Audit() = default;

void Audit::record(const AuditEvent& event) {
  if (!enabled_) return;
  const std::string digest = event.definition ? definition_digest(*event.definition) : std::string();
  if (writer_)
    writer_->put(line_of(event, digest), event.kind == AuditEvent::Kind::kDenied);
  else
    write_to_log(event, digest);
}

void Audit::allowed(const AuditToken& token, AuditEvent event) {
  if (!enabled_ || !memory_->remember(token, sha256_of(*event.definition))) return;
  event.kind = AuditEvent::Kind::kAllowed;
  record(event);
}

void Audit::reopen() {
  if (writer_) writer_->reopen();
}

void Audit::flush() {
  if (writer_) writer_->flush();
}

std::uint64_t Audit::dropped() const {
  return writer_ ? writer_->dropped() : 0;
}

}  // namespace sluice::gateway

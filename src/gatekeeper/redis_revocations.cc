// Revocations shared through a Redis stream.
//
// Every gateway reads the stream from its beginning when it starts, and then follows it on a thread of its own, from the
// last id it has seen. Whoever revokes adds an entry, on another connection: the one that follows is always waiting. Reading
// an entry twice is harmless (the set knows it), missing one is not, so each doubt is answered by reading again.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <compare>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

#include "base/bytes.h"
#include "base/log.h"
#include "gatekeeper/redis_connection.h"
#include "gatekeeper/revocation_text.h"

namespace sluice::gatekeeper {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kPage = "1000";      // entries asked for at once
constexpr std::string_view kBlock_ms = "1000";  // how long Redis holds a question for news
constexpr int kFollowTimeout_ms = 3000;         // more than that: a server that says nothing is gone
constexpr int kCommandTimeout_ms = 2000;
constexpr milliseconds kBackoffMin{100}, kBackoffMax{5000};
constexpr std::int64_t kClockSkew_ms = 60'000;  // between Redis and the gateways

// An entry's: milliseconds of Redis's clock, and a count within them.
struct EntryId {
  std::uint64_t ms = 0;
  std::uint64_t count = 0;

  auto operator<=>(const EntryId&) const = default;
  std::string print() const { return fmt::format("{}-{}", ms, count); }

  static std::optional<EntryId> parse(std::string_view text) {
    EntryId id;
    const char* const end = text.data() + text.size();
    const auto ms = std::from_chars(text.data(), end, id.ms);
    if (ms.ec != std::errc{} || ms.ptr == end || *ms.ptr != '-') return std::nullopt;
    const auto count = std::from_chars(ms.ptr + 1, end, id.count);
    return count.ec == std::errc{} && count.ptr == end ? std::optional(id) : std::nullopt;
  }
};

// The text of an entry's field `r`; "" where it has none.
std::string_view revocation_in(const redisReply& fields) {
  const auto items = items_of(fields);
  for (std::size_t i = 0; i + 1 < items.size(); i += 2)
    if (text_of(*items[i]) == "r") return text_of(*items[i + 1]);
  return {};
}

class RedisRevocations final : public RevocationStore {
 public:
  RedisRevocations(RedisOptions options, Revocations& revocations)
      : options_(std::move(options)), revocations_(revocations) {}
  ~RedisRevocations() override { stop(); }

  void start() override {
    auto connection = RedisConnection::open(options_, kFollowTimeout_ms);
    if (!connection) throw std::runtime_error(connection.error());
    if (auto read = read_all(*connection); !read) throw std::runtime_error("cannot read revocations: " + read.error());
    if (full_) throw std::runtime_error(fmt::format("Redis holds more than {} revocations", revocations_.size()));
    following_.emplace(*std::move(connection));
    connected_ = true;
    thread_ = std::thread([this] { follow(); });
  }

  void stop() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      if (following_) following_->interrupt();
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
    connected_ = false;
  }

  std::expected<void, std::string> add(const Revocation& revocation) override {
    if (auto added = put_in_force(revocation, revocations_); !added) return added;
    const std::string text = print_revocation(revocation);
    remember_for(revocation.forget_at_s - system_now_s());
    const std::lock_guard lock(adding_mutex_);
    // The connection may have been idle for days, and be gone without anybody having noticed: so twice.
    auto added = add_entry(text);
    if (!added && !adding_) added = add_entry(text);
    if (!added) return std::unexpected("in force in this gateway only, until it ends: " + added.error());
    return {};
  }

  bool connected() const override { return connected_; }

 private:
  using Result = std::expected<void, std::string>;

  // Each entry of a page: its id, then its fields.
  Result take_entries(const std::vector<const redisReply*>& entries) {
    std::size_t skipped = 0;
    for (const redisReply* entry : entries) {
      const auto parts = items_of(*entry);
      const auto id = parts.size() == 2 ? EntryId::parse(text_of(*parts[0])) : std::nullopt;
      if (!id) return std::unexpected("Redis answers something that is no stream");
      skipped += take(*id, revocation_in(*parts[1])) ? 0 : 1;
      last_ = *id;
      last_ms_ = static_cast<std::int64_t>(id->ms);
    }
    skipped_ += skipped;
    if (skipped > 0) log::warn("revocation_skipped", {{"count", skipped}, {"total", skipped_}, {"up_to", last_.print()}});
    return {};
  }

  // False where it does not read.
  bool take(const EntryId& id, std::string_view text) {
    const auto revocation = parse_revocation(text);
    if (!revocation) return false;
    remember_for(revocation->forget_at_s - static_cast<std::int64_t>(id.ms / 1000));
    if (revocations_.add(*revocation, system_now_s()) == Revocations::Added::kFull && !std::exchange(full_, true))
      log::error("revocations_full", {{"known", revocations_.size()}});
    return true;
  }

  void remember_for(std::int64_t time_s) {
    std::int64_t known = remember_s_.load();
    while (known < time_s && !remember_s_.compare_exchange_weak(known, time_s)) {}
  }

  // What is in the stream after last_.
  Result read_all(RedisConnection& connection) {
    for (;;) {
      const auto page = connection.ask({"XRANGE", options_.stream, "(" + last_.print(), "+", "COUNT", kPage});
      if (!page) return std::unexpected(page.error());
      const auto entries = items_of(**page);
      if (entries.empty()) return {};
      if (auto taken = take_entries(entries); !taken) return taken;
    }
  }

  // On the thread.
  void follow() {
    milliseconds backoff = kBackoffMin;
    while (!stopping()) {
      const Result followed = following_ ? read_news(*following_) : connect_again();
      if (followed) {
        backoff = kBackoffMin;
        continue;
      }
      if (stopping()) return;
      lose(followed.error());
      wait(backoff);
      backoff = std::min(2 * backoff, kBackoffMax);
    }
  }

  Result read_news(RedisConnection& connection) {
    const std::string last = last_.print();
    const auto news = connection.ask({"XREAD", "COUNT", kPage, "BLOCK", kBlock_ms, "STREAMS", options_.stream, last});
    if (!news) return std::unexpected(news.error());
    for (const redisReply* stream : items_of(**news)) {
      const auto parts = items_of(*stream);
      if (parts.size() != 2) return std::unexpected("Redis answers something that is no stream");
      if (auto taken = take_entries(items_of(*parts[1])); !taken) return taken;
    }
    return {};
  }

  Result connect_again() {
    auto connection = RedisConnection::open(options_, kFollowTimeout_ms);
    if (!connection) return std::unexpected(connection.error());
    if (auto checked = check_continuity(*connection); !checked) return checked;
    if (auto read = read_all(*connection); !read) return read;
    {
      const std::lock_guard lock(mutex_);
      following_.emplace(*std::move(connection));
      if (stopping_) following_->interrupt();
    }
    connected_ = true;
    log::info("revocations_connected");
    return {};
  }

  // A Redis that has lost entries (a replica promoted too early, a restart without a file) may give ids that were given
  // before to new ones: then everything is read again.
  Result check_continuity(RedisConnection& connection) {
    const auto info = connection.ask({"XINFO", "STREAM", options_.stream});
    if (!info && connection.broken()) return std::unexpected(info.error());
    EntryId newest;  // where there is no such stream: none
    const auto items = info ? items_of(**info) : std::vector<const redisReply*>();
    for (std::size_t i = 0; i + 1 < items.size(); i += 2)
      if (text_of(*items[i]) == "last-generated-id") newest = EntryId::parse(text_of(*items[i + 1])).value_or(EntryId{});
    if (newest < last_) {
      log::warn("revocations_lost_by_redis", {{"last_seen", last_.print()}, {"newest", newest.print()}});
      last_ = {};
    }
    return {};
  }

  void lose(const std::string& why) {
    if (connected_.exchange(false)) log::warn("revocations_disconnected", {{"error", why}});
    const std::lock_guard lock(mutex_);
    following_.reset();
  }

  bool stopping() {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }

  // Half of it to one and a half, so that gateways do not come back all at once.
  void wait(milliseconds time) {
    time = time / 2 + milliseconds(random_u64() % static_cast<std::uint64_t>(time.count()));
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, time, [&] { return stopping_; });
  }

  // With adding_mutex_. Where the connection broke, adding_ is gone afterwards.
  Result add_entry(const std::string& text) {
    if (!adding_) {
      auto connection = RedisConnection::open(options_, kCommandTimeout_ms);
      if (!connection) return std::unexpected(connection.error());
      adding_.emplace(*std::move(connection));
    }
    std::vector<std::string_view> command = {"XADD", options_.stream};
    const std::string oldest = std::to_string(oldest_needed_ms());
    if (oldest != "0") command.insert(command.end(), {"MINID", "~", oldest});
    command.insert(command.end(), {"*", "r", text});
    const auto added = adding_->ask(command);
    if (adding_->broken()) adding_.reset();
    if (!added) return std::unexpected(added.error());
    return {};
  }

  // Entries before this time of Redis's clock are forgotten: none known has to be remembered for longer than remember_s_
  // after it was added, and one that is not known yet was added after the last that is.
  std::int64_t oldest_needed_ms() const { return std::max<std::int64_t>(0, last_ms_ - remember_s_ * 1000 - kClockSkew_ms); }

  const RedisOptions options_;
  Revocations& revocations_;
  std::thread thread_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;                     // with mutex_
  std::optional<RedisConnection> following_;  // changed by the thread, with mutex_
  EntryId last_;                              // the thread's (before it starts, start()'s), as the next two
  std::size_t skipped_ = 0;
  bool full_ = false;

  std::atomic<bool> connected_ = false;
  std::atomic<std::int64_t> last_ms_ = 0;     // of last_
  std::atomic<std::int64_t> remember_s_ = 0;  // the longest that one has to be remembered, from when it was added

  std::mutex adding_mutex_;
  std::optional<RedisConnection> adding_;  // with adding_mutex_
};

}  // namespace

std::unique_ptr<RevocationStore> redis_revocations(RedisOptions options, Revocations& revocations) {
  return std::make_unique<RedisRevocations>(std::move(options), revocations);
}

}  // namespace sluice::gatekeeper

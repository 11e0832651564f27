#include "identity/remote_keys.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/promise.h"
#include "identity/cache_lifetime.h"
#include "identity/key_fetcher.h"
#include "identity/refresh_schedule.h"

namespace sluice::identity {
namespace {

using Clock = std::chrono::steady_clock;
using Ended = Promise<bool>;  // a fetch has, well or not

// Of one set: an issuer's mistakes do not fill the log.
constexpr std::size_t kSkippedLoggedMax = 16;
// Of those who wait for one fetch; the others' are asked for again sooner than they need to be.
constexpr std::size_t kNamesMax = 64;
// How long a waiter waits beyond a fetch's own bound, for the fetch to say so.
constexpr std::chrono::seconds kGrace{1};

struct Published {
  token::JwkSet set;
  std::string text;
  std::chrono::seconds lifetime;
};

bool has_key(const KeySet& set, std::string_view key_id) {
  return std::ranges::any_of(set.keys, [&](const token::Key& key) { return key.key_id() == key_id; });
}

std::string fault_of(const RemoteKeysOptions& options) {
  if (options.refresh_min.count() <= 0 || options.refresh_max < options.refresh_min)
    return "the refresh times are out of order";
  if (options.unknown_key_interval.count() <= 0) return "the interval for unknown keys is not above 0";
  if (options.stale_max < options.refresh_max) return "keys would be too old before they are asked for again";
  if (options.timeout.count() <= 0 || options.bytes_max == 0) return "a fetch has no time, or no bytes";
  if (options.retry_min.count() <= 0 || options.retry_max < options.retry_min) return "the retry times are out of order";
  return {};
}

RefreshOptions refresh_options(const RemoteKeysOptions& options) {
  return {options.unknown_key_interval, options.refresh_min, options.stale_max, options.retry_min, options.retry_max};
}

FetchOptions fetch_options(const RemoteKeysOptions& options, KeysUrl url) {
  return {std::move(url), options.jwks_url ? "" : options.issuer, options.timeout, options.bytes_max};
}

}  // namespace

struct RemoteKeys::Impl : std::enable_shared_from_this<RemoteKeys::Impl> {
  Impl(RemoteKeysOptions o, KeysUrl url)
      : options(std::move(o)), fetcher(fetch_options(options, std::move(url))), schedule(refresh_options(options)) {}

  void run();
  Task<void> look_again(std::string key_id);
  void stop();

  std::expected<Published, std::string> fetch();
  void conclude(std::expected<Published, std::string> fetched);
  void log_failure(const std::string& error);
  void log_success(const token::JwkSet& read);
  // Under the lock:
  void succeeded(Clock::time_point now, std::chrono::seconds lifetime);
  void publish(std::vector<token::Key> keys);
  void drop_stale();

  const RemoteKeysOptions options;
  KeyFetcher fetcher;
  std::atomic<std::uint64_t> revision{0};  // of `set`
  std::atomic<std::size_t> waiters{0};

  // The thread's own.
  std::string last_text;   // of which `set` was made
  std::string last_error;  // of the last fetch, "" where it went well

  mutable std::mutex mutex;
  std::condition_variable wake;
  RefreshSchedule schedule;
  std::shared_ptr<const KeySet> set = std::make_shared<const KeySet>();
  std::shared_ptr<Ended> under_way;  // null: no fetch is
  std::vector<std::string> names;    // that the fetch under way is waited for
  std::optional<Clock::time_point> succeeded_at;
  bool wanted = false;  // now, whatever the schedule says
  bool running = false;
  std::thread thread;
};

namespace {

// One of the places for those who wait, for as long as its coroutine lives.
class Seat {
 public:
  Seat(std::shared_ptr<void> owner, std::atomic<std::size_t>& taken) : owner_(std::move(owner)), taken_(&taken) {
    ++*taken_;
  }
  Seat(Seat&& other) noexcept : owner_(std::move(other.owner_)), taken_(std::exchange(other.taken_, nullptr)) {}
  Seat& operator=(Seat&&) = delete;
  ~Seat() {
    if (taken_) --*taken_;
  }

 private:
  std::shared_ptr<void> owner_;
  std::atomic<std::size_t>* taken_;
};

Task<void> wait_for(std::shared_ptr<Ended> fetch, Clock::time_point deadline, [[maybe_unused]] Seat seat) {
  co_await fetch->get(deadline);
}

}  // namespace

void RemoteKeys::Impl::run() {
  std::unique_lock lock(mutex);
  while (running) {
    const auto now = Clock::now();
    if (now >= schedule.stale_at()) drop_stale();
    if (!wanted && now < schedule.due()) {
      wake.wait_until(lock, std::min(schedule.due(), schedule.stale_at()));
      continue;
    }
    wanted = false;
    if (!under_way) under_way = std::make_shared<Ended>();
    lock.unlock();
    conclude(fetch());
    lock.lock();
  }
}

std::expected<Published, std::string> RemoteKeys::Impl::fetch() {
  auto answer = fetcher.fetch();
  if (!answer) return std::unexpected(std::move(answer.error()));
  auto read = token::parse_jwk_set(answer->text, {.algorithms = options.algorithms});
  if (!read) return std::unexpected("the key set is not read: " + read.error());
  if (read->keys.empty()) {
    const std::string why = read->skipped.empty() ? "it is empty" : "of the first: " + read->skipped.front().reason;
    return std::unexpected("the key set has no usable key; " + why);
  }
  const auto lifetime = cache_lifetime(answer->fields, options.refresh_min, options.refresh_max);
  return Published{*std::move(read), std::move(answer->text), lifetime};
}

void RemoteKeys::Impl::conclude(std::expected<Published, std::string> fetched) {
  const bool is_new = fetched && fetched->text != last_text;
  if (!fetched) log_failure(fetched.error());
  if (is_new || (fetched && !last_error.empty())) log_success(fetched->set);

  std::unique_lock lock(mutex);
  const auto now = Clock::now();
  if (!fetched) schedule.failed(now);
  if (is_new) publish(std::move(fetched->set.keys));
  if (fetched) succeeded(now, fetched->lifetime);
  names.clear();
  const auto ended = std::exchange(under_way, nullptr);
  if (is_new) last_text = std::move(fetched->text);
  lock.unlock();
  ended->set(true);
}

void RemoteKeys::Impl::succeeded(Clock::time_point now, std::chrono::seconds lifetime) {
  succeeded_at = now;
  schedule.succeeded(now, lifetime);
  std::erase_if(names, [&](const std::string& name) { return has_key(*set, name); });
  schedule.missing(names, now);
}

void RemoteKeys::Impl::publish(std::vector<token::Key> keys) {
  const std::uint64_t next = set->revision + 1;
  set = std::make_shared<const KeySet>(KeySet{std::move(keys), next});
  revision.store(next, std::memory_order_release);
  schedule.changed();
}

void RemoteKeys::Impl::drop_stale() {
  schedule.dropped();
  publish({});
  last_text.clear();
  log::error("identity_keys_too_old", {{"identity", options.name}, {"stale_max_s", options.stale_max.count()}});
}

// Once for as long as the reason is the same.
void RemoteKeys::Impl::log_failure(const std::string& error) {
  if (error == last_error) return;
  last_error = error;
  log::warn("identity_keys_not_fetched", {{"identity", options.name}, {"reason", error}});
}

void RemoteKeys::Impl::log_success(const token::JwkSet& read) {
  last_error.clear();
  log::info("identity_keys_fetched",
            {{"identity", options.name}, {"usable", read.keys.size()}, {"skipped", read.skipped.size()}});
  for (std::size_t i = 0; i < std::min(read.skipped.size(), kSkippedLoggedMax); ++i) {
    const token::SkippedKey& skipped = read.skipped[i];
    log::warn("key_skipped", {{"identity", options.name}, {"kid", skipped.key_id}, {"reason", skipped.reason}});
  }
}

Task<void> RemoteKeys::Impl::look_again(std::string key_id) {
  if (key_id.size() > token::kKeyIdBytesMax) return {};
  const auto now = Clock::now();
  std::lock_guard lock(mutex);
  if (!running || has_key(*set, key_id) || waiters >= kWaitersMax) return {};
  if (!under_way) {
    if (!schedule.claim(key_id, now)) return {};
    under_way = std::make_shared<Ended>();
    wanted = true;
    wake.notify_one();
  }
  if (names.size() < kNamesMax) names.push_back(std::move(key_id));
  return wait_for(under_way, now + options.timeout + kGrace, Seat(shared_from_this(), waiters));
}

void RemoteKeys::Impl::stop() {
  {
    std::lock_guard lock(mutex);
    if (!std::exchange(running, false)) return;
    wake.notify_one();
  }
  fetcher.stop();
  thread.join();
  std::lock_guard lock(mutex);
  if (const auto ended = std::exchange(under_way, nullptr)) ended->set(true);
}

std::expected<std::shared_ptr<RemoteKeys>, std::string> RemoteKeys::make(RemoteKeysOptions options) {
  if (auto fault = fault_of(options); !fault.empty()) return std::unexpected(std::move(fault));
  auto url = options.jwks_url ? KeysUrl::parse(*options.jwks_url) : configuration_url(options.issuer);
  if (!url) return std::unexpected(std::move(url.error()));
  return std::shared_ptr<RemoteKeys>(new RemoteKeys(std::make_shared<Impl>(std::move(options), *std::move(url))));
}

RemoteKeys::RemoteKeys(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

RemoteKeys::~RemoteKeys() {
  stop();
}

void RemoteKeys::start() {
  std::lock_guard lock(impl_->mutex);
  impl_->running = true;
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

void RemoteKeys::stop() {
  impl_->stop();
}

std::shared_ptr<const KeySet> RemoteKeys::keys() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->set;
}

std::uint64_t RemoteKeys::revision() const {
  return impl_->revision.load(std::memory_order_acquire);
}

Task<void> RemoteKeys::look_again(std::string key_id) {
  return impl_->look_again(std::move(key_id));
}

bool RemoteKeys::ready() const {
  return !keys()->keys.empty();
}

std::int64_t RemoteKeys::age_s() const {
  std::lock_guard lock(impl_->mutex);
  if (!impl_->succeeded_at) return -1;
  return std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - *impl_->succeeded_at).count();
}

std::uint64_t RemoteKeys::failures() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->schedule.failures();
}

}  // namespace sluice::identity

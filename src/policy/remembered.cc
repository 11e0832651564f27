#include "policy/remembered.h"

#include <algorithm>
#include <cstring>
#include <list>
#include <mutex>
#include <unordered_map>

namespace sluice::policy {
namespace {

using std::chrono::milliseconds;
using Key = Sha256;

constexpr std::size_t kShards = 16;

// A digest is as good a hash as any; the shard was chosen by its first byte.
struct HashOfKey {
  std::size_t operator()(const Key& key) const {
    std::size_t hash = 0;
    std::memcpy(&hash, key.data() + 1, sizeof hash);
    return hash;
  }
};

milliseconds unix_now() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch());
}

// With its length before it, so that no two lists of parts make one text.
void append_part(std::string& text, std::string_view part) {
  text += std::to_string(part.size());
  text += ':';
  text += part;
}

Key key_of(const Principal& principal, std::string_view definition) {
  std::string text;
  append_part(text, principal.is_anonymous() ? "anonymous" : "authenticated");
  append_part(text, principal.identity());
  append_part(text, definition);
  if (const token::Claims* claims = principal.claims()) text += simdjson::minify(claims->json());
  return sha256(text);
}

bool is_worth_remembering(const Decision& decision) {
  if (decision.kind == Decision::Kind::kDeny) return true;
  return decision.kind == Decision::Kind::kAllow && decision.granted &&
         decision.granted->definition.canonical_text().size() <= kRememberedBytesMax;
}

milliseconds end_of(const Principal& principal, milliseconds now, milliseconds ttl) {
  const std::chrono::seconds expires(principal.expires_at_s());
  // Compared in seconds: an anonymous caller's end of time has no milliseconds.
  if (expires >= std::chrono::ceil<std::chrono::seconds>(now + ttl)) return now + ttl;
  return std::min(now + ttl, milliseconds(expires));
}

}  // namespace

class Remembered::Shard {
 public:
  std::optional<Decision> find(const Key& key, milliseconds now) {
    const std::lock_guard lock(mutex_);
    const auto found = places_.find(key);
    if (found == places_.end()) return std::nullopt;
    const auto entry = found->second;
    if (entry->until <= now) {
      places_.erase(found);
      entries_.erase(entry);
      return std::nullopt;
    }
    entries_.splice(entries_.begin(), entries_, entry);
    return entry->decision;
  }

  void put(const Key& key, Decision decision, milliseconds until, std::size_t entries_max) {
    const std::lock_guard lock(mutex_);
    if (const auto found = places_.find(key); found != places_.end()) {
      entries_.erase(found->second);
      places_.erase(found);
    }
    entries_.push_front({key, std::move(decision), until});
    places_.emplace(key, entries_.begin());
    if (entries_.size() <= entries_max) return;
    places_.erase(entries_.back().key);
    entries_.pop_back();
  }

  std::size_t size() {
    const std::lock_guard lock(mutex_);
    return entries_.size();
  }

 private:
  struct Entry {
    Key key;
    Decision decision;
    milliseconds until;
  };

  std::mutex mutex_;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_map<Key, std::list<Entry>::iterator, HashOfKey> places_;
};

Remembered::Remembered(std::unique_ptr<Authorizer> authorizer, RememberedOptions options)
    : authorizer_(std::move(authorizer)), options_(std::move(options)), shards_(new Shard[kShards]) {}

Remembered::~Remembered() = default;

Task<Decision> Remembered::authorize(const Principal& principal, const shape::Definition& asked) {
  const std::string definition = asked.canonical_text();
  if (options_.ttl <= milliseconds(0) || definition.size() > kRememberedBytesMax)
    co_return co_await authorizer_->authorize(principal, asked);

  const auto now = [this] { return options_.now ? options_.now() : unix_now(); };
  const Key key = key_of(principal, definition);
  Shard& shard = shards_[key[0] % kShards];
  const milliseconds asked_at = now();
  if (auto known = shard.find(key, asked_at)) {
    hits_.fetch_add(1, std::memory_order_relaxed);
    co_return std::move(*known);
  }
  misses_.fetch_add(1, std::memory_order_relaxed);
  Decision decision = co_await authorizer_->authorize(principal, asked);
  // From when it was asked: what was true then is what is remembered.
  const milliseconds until = end_of(principal, asked_at, options_.ttl);
  if (is_worth_remembering(decision) && until > now())
    shard.put(key, decision, until, std::max<std::size_t>(1, options_.entries_max / kShards));
  co_return decision;
}

Remembered::Counts Remembered::counts() const {
  Counts counts{hits_.load(std::memory_order_relaxed), misses_.load(std::memory_order_relaxed), 0};
  for (std::size_t i = 0; i < kShards; ++i) counts.entries += shards_[i].size();
  return counts;
}

}  // namespace sluice::policy

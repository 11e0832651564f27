#include "gatekeeper/revocations.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <limits>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

namespace sluice::gatekeeper {
namespace {

using Kind = Revocation::Kind;

// What a revocation goes by.
struct Name {
  Kind kind;
  std::string value;
  std::string issuer;
};
struct NameView {
  Kind kind;
  std::string_view value;
  std::string_view issuer;

  NameView(Kind k, std::string_view v, std::string_view i) : kind(k), value(v), issuer(i) {}
  explicit NameView(const Name& name) : NameView(name.kind, name.value, name.issuer) {}
  bool operator==(const NameView&) const = default;
};

NameView name_of(const Revocation& revocation) {
  switch (revocation.kind) {
    case Kind::kAll: return {Kind::kAll, {}, {}};
    case Kind::kIssuer: return {Kind::kIssuer, revocation.value, {}};
    default: return {revocation.kind, revocation.value, revocation.issuer};
  }
}

// splitmix64's finisher: std::hash alone leaves no room to tell kinds and issuers apart.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

std::uint64_t hash_of(const NameView& name) {
  const std::hash<std::string_view> hash;
  const std::uint64_t issuer = name.issuer.empty() ? 0 : mix(hash(name.issuer));
  return mix(hash(name.value) + issuer + static_cast<std::uint64_t>(name.kind));
}

struct NameHash {
  using is_transparent = void;
  std::size_t operator()(const NameView& name) const { return hash_of(name); }
  std::size_t operator()(const Name& name) const { return hash_of(NameView(name)); }
};
struct NameEqual {
  using is_transparent = void;
  bool operator()(const Name& a, const Name& b) const { return NameView(a) == NameView(b); }
  bool operator()(const NameView& a, const Name& b) const { return a == NameView(b); }
  bool operator()(const Name& a, const NameView& b) const { return NameView(a) == b; }
};

struct Times {
  std::int64_t before_s;
  std::int64_t forget_at_s;
};

// Answers "no" for nearly every name that was never added, without a lock: two bits of one word a name. With a million
// names some 2 in 100 answers are a wrong "maybe". Bits are only set while there are names, so no answer is a wrong "no".
class Filter {
 public:
  void set(std::uint64_t hash) { word(hash).fetch_or(bits(hash), std::memory_order_release); }
  bool may_have(std::uint64_t hash) const { return (word(hash).load(std::memory_order_acquire) & bits(hash)) == bits(hash); }
  void clear() {
    for (auto& w : words_) w.store(0, std::memory_order_relaxed);
  }

 private:
  static constexpr std::size_t kWords = std::size_t{1} << 18;  // 2 MiB

  static std::uint64_t bits(std::uint64_t hash) {
    return (std::uint64_t{1} << (hash & 63)) | (std::uint64_t{1} << ((hash >> 6) & 63));
  }
  const std::atomic<std::uint64_t>& word(std::uint64_t hash) const { return words_[(hash >> 12) % kWords]; }
  std::atomic<std::uint64_t>& word(std::uint64_t hash) { return words_[(hash >> 12) % kWords]; }

  std::array<std::atomic<std::uint64_t>, kWords> words_{};
};

// Names with their times, in shards so that who adds keeps few readers waiting.
class NameTable {
 public:
  // The times under this name; nullopt where there is none.
  std::optional<Times> find(const NameView& name) const {
    const std::uint64_t hash = hash_of(name);
    if (!filter_.may_have(hash)) return std::nullopt;
    const Shard& shard = shard_of(hash);
    const std::shared_lock lock(shard.mutex);
    const auto at = shard.names.find(name);
    return at == shard.names.end() ? std::nullopt : std::optional(at->second);
  }

  // The next four from one thread at a time.
  void put(const NameView& name, Times times) {
    const std::uint64_t hash = hash_of(name);
    Shard& shard = shard_of(hash);
    {
      const std::unique_lock lock(shard.mutex);
      const Name key{name.kind, std::string(name.value), std::string(name.issuer)};
      if (shard.names.insert_or_assign(key, times).second) ++size_;
    }
    filter_.set(hash);
  }

  void forget(std::int64_t now_s) {
    for (Shard& shard : shards_) {
      const std::unique_lock lock(shard.mutex);
      size_ -= std::erase_if(shard.names, [&](const auto& entry) { return entry.second.forget_at_s <= now_s; });
    }
    if (size_ == 0) filter_.clear();
  }

  std::int64_t earliest_forget_s() const {
    std::int64_t earliest_s = std::numeric_limits<std::int64_t>::max();
    for (const Shard& shard : shards_)
      for (const auto& [name, times] : shard.names) earliest_s = std::min(earliest_s, times.forget_at_s);
    return earliest_s;
  }

  std::size_t size() const { return size_; }

 private:
  static constexpr std::size_t kShards = 64;

  struct Shard {
    mutable std::shared_mutex mutex;
    std::unordered_map<Name, Times, NameHash, NameEqual> names;
  };
  // By the hash's upper bits: the filter and the maps use the lower ones.
  const Shard& shard_of(std::uint64_t hash) const { return shards_[(hash >> 56) % kShards]; }
  Shard& shard_of(std::uint64_t hash) { return shards_[(hash >> 56) % kShards]; }

  std::array<Shard, kShards> shards_;
  Filter filter_;
  std::size_t size_ = 0;
};

std::string_view text_claim(const token::Claims& claims, std::string_view name) {
  const auto claim = claims.find(name);
  std::string_view text;
  return claim && claim->get(text) == simdjson::SUCCESS ? text : std::string_view();
}

}  // namespace

struct Revocations::Impl {
  explicit Impl(std::size_t names_max) : max(names_max) {}

  const std::size_t max;
  std::mutex adding;
  NameTable names;                            // changed by who holds `adding`
  std::array<std::atomic<bool>, 4> any_of{};  // by Kind: whether one may be known
  std::atomic<bool> any = false;
  std::atomic<std::size_t> size = 0;
  std::atomic<std::int64_t> all_before_s = 0;
  std::int64_t earliest_forget_s = std::numeric_limits<std::int64_t>::max();  // with `adding`, as the next
  std::size_t added_since_forgetting = 0;
  std::function<void()> listener;

  bool knows(Kind kind) const { return any_of[static_cast<std::size_t>(kind)].load(std::memory_order_acquire); }

  // Tokens without `iat` are older than anything.
  bool named_before(std::optional<std::int64_t> issued_at_s, Kind kind, std::string_view value,
                    std::string_view issuer) const {
    if (value.empty()) return false;
    const auto times = names.find({kind, value, issuer});
    return times && (!issued_at_s || *issued_at_s < times->before_s);
  }

  bool id_revoked(const token::Claims& claims) const {
    const std::string_view id = claims.token_id();
    if (id.empty()) return false;
    if (names.find({Kind::kTokenId, id, {}})) return true;
    return !claims.issuer().empty() && names.find({Kind::kTokenId, id, claims.issuer()});
  }

  bool owner_revoked(const token::Claims& claims) const {
    const auto issued = claims.issued_at_s();
    const std::string_view issuer = claims.issuer();
    const std::string_view owner_issuer = text_claim(claims, "sub_iss");
    const auto subject = [&](std::string_view of) { return named_before(issued, Kind::kSubject, claims.subject(), of); };
    if (knows(Kind::kSubject) &&
        (subject({}) || (!issuer.empty() && subject(issuer)) || (!owner_issuer.empty() && subject(owner_issuer))))
      return true;
    return knows(Kind::kIssuer) &&
           (named_before(issued, Kind::kIssuer, issuer, {}) || named_before(issued, Kind::kIssuer, owner_issuer, {}));
  }

  void forget(std::int64_t now_s) {
    names.forget(now_s);
    earliest_forget_s = names.earliest_forget_s();
    added_since_forgetting = 0;
    if (!names.find({Kind::kAll, {}, {}})) any_of[static_cast<std::size_t>(Kind::kAll)].store(false);
    if (names.size() == 0) any.store(false);
    size.store(names.size(), std::memory_order_relaxed);
  }

  // A look at all of them, after as many were added as an eighth of them: so each one added pays for eight looked at.
  void forget_some(std::int64_t now_s) {
    if (now_s >= earliest_forget_s && added_since_forgetting >= names.size() / 8) forget(now_s);
  }

  Added add(const Revocation& revocation, std::int64_t now_s);
};

Revocations::Added Revocations::Impl::add(const Revocation& revocation, std::int64_t now_s) {
  const std::lock_guard lock(adding);
  forget_some(now_s);
  if (revocation.forget_at_s <= now_s) return Added::kKnown;
  const Kind kind = revocation.kind;
  const NameView name = name_of(revocation);
  const std::int64_t before_s = kind == Kind::kTokenId ? 0 : revocation.before_s;
  const auto known = names.find(name);
  if (!known && kind != Kind::kAll && names.size() >= max) {
    if (now_s >= earliest_forget_s) forget(now_s);
    if (names.size() >= max) return Added::kFull;
  }
  const Times times = {std::max(before_s, known ? known->before_s : 0),
                       std::max(revocation.forget_at_s, known ? known->forget_at_s : 0)};
  names.put(name, times);
  ++added_since_forgetting;
  earliest_forget_s = std::min(earliest_forget_s, times.forget_at_s);
  size.store(names.size(), std::memory_order_relaxed);
  if (kind == Kind::kAll) all_before_s.store(times.before_s, std::memory_order_relaxed);
  any_of[static_cast<std::size_t>(kind)].store(true, std::memory_order_release);
  any.store(true, std::memory_order_release);
  return !known || known->before_s < before_s ? Added::kNew : Added::kKnown;
}

Revocations::Revocations(std::size_t max) : impl_(std::make_unique<Impl>(max)) {}
Revocations::~Revocations() = default;

bool Revocations::revoked(const token::Claims& claims) const {
  if (!impl_->any.load(std::memory_order_acquire)) return false;
  if (impl_->knows(Kind::kAll)) {
    const auto issued = claims.issued_at_s();
    if (!issued || *issued < impl_->all_before_s.load(std::memory_order_relaxed)) return true;
  }
  if (impl_->knows(Kind::kTokenId) && impl_->id_revoked(claims)) return true;
  return (impl_->knows(Kind::kSubject) || impl_->knows(Kind::kIssuer)) && impl_->owner_revoked(claims);
}

Revocations::Added Revocations::add(const Revocation& revocation, std::int64_t now_s) {
  const Added added = impl_->add(revocation, now_s);
  if (added == Added::kNew && impl_->listener) impl_->listener();
  return added;
}

void Revocations::on_new(std::function<void()> listener) {
  impl_->listener = std::move(listener);
}

std::size_t Revocations::size() const {
  return impl_->size.load(std::memory_order_relaxed);
}

}  // namespace sluice::gatekeeper

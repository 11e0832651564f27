#include "gateway/limits.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <list>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/sha256.h"
#include "shape/where_lexer.h"

namespace sluice::gateway {
namespace {

using shape::Token;
using shape::TokenKind;

constexpr std::size_t kShards = 16;
constexpr std::size_t kCallerBytes = 16;
constexpr std::int64_t kWindowS = 60;
// What a caller may have remembered of one minute, in minutes' worth of new ones: those that it goes on using count too.
constexpr std::size_t kKeptWindows = 2;

Refusal bad_subset(std::string_view parameter, std::string message) {
  return {400, "invalid_request", std::move(message), "subset__" + std::string(parameter)};
}

Refusal forbidden(std::string parameter, std::string reason) {
  return {403, "shape_forbidden", "The credentials do not cover this subset.", std::move(parameter), std::move(reason)};
}

Refusal too_many(std::string reason, int retry_after_s) {
  return {429, "too_many_requests", "Too many requests; try again later.", {}, std::move(reason), retry_after_s};
}

// The condition's tokens, looked at for patterns that make the database read every row.
class PatternCheck {
 public:
  PatternCheck(const std::vector<Token>& tokens, const std::map<unsigned, std::string>& params)
      : tokens_(tokens), params_(params) {}

  bool finds_unbounded() const {
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (is_like(tokens_[i]) && !is_anchored_pattern(i + 1)) return true;
      if (is_opaque(tokens_[i]) || is_matching_function(i)) return true;
    }
    return false;
  }

 private:
  static bool is_like(const Token& token) {
    if (token.kind == TokenKind::kKeyword) return token.text == "like" || token.text == "ilike";
    return token.kind == TokenKind::kOperator &&
           (token.text == "~~" || token.text == "~~*" || token.text == "!~~" || token.text == "!~~*");
  }

  // Regular expressions; and OPERATOR(…), which is another spelling of any of them.
  static bool is_opaque(const Token& token) {
    if (token.kind == TokenKind::kKeyword) return token.text == "similar" || token.text == "operator";
    return token.kind == TokenKind::kOperator &&
           (token.text == "~" || token.text == "~*" || token.text == "!~" || token.text == "!~*");
  }

  // like(a, b), textlike(a, b), textregexeq(a, b), …: the functions behind the operators.
  bool is_matching_function(std::size_t at) const {
    const Token& token = tokens_[at];
    if (token.kind != TokenKind::kIdentifier || !is_open(at + 1)) return false;
    return std::ranges::any_of(std::array{"like", "regex", "similar"},
                               [&](const char* part) { return token.text.find(part) != std::string::npos; });
  }

  bool is_open(std::size_t at) const { return at < tokens_.size() && tokens_[at].kind == TokenKind::kOpen; }

  // One constant that begins with what it looks for. What is computed from constants ('' || '%a') is not one.
  bool is_anchored_pattern(std::size_t at) const {
    if (at >= tokens_.size() || is_computed_with(at + 1)) return false;
    const auto pattern = constant(tokens_[at]);
    return pattern && (pattern->empty() || (pattern->front() != '%' && pattern->front() != '_'));
  }

  bool is_computed_with(std::size_t at) const {
    if (at >= tokens_.size()) return false;
    const TokenKind kind = tokens_[at].kind;
    return kind == TokenKind::kOperator || kind == TokenKind::kCast || kind == TokenKind::kOpen;
  }

  // The text of a plain string or a parameter; escapes of E'…' are not read.
  std::optional<std::string_view> constant(const Token& token) const {
    if (token.kind == TokenKind::kString && token.text.front() == '\'')
      return std::string_view(token.text).substr(1, token.text.size() - 2);
    if (token.kind != TokenKind::kParam) return std::nullopt;
    const auto param = params_.find(token.param);
    if (param == params_.end()) return std::nullopt;
    return param->second;
  }

  const std::vector<Token>& tokens_;
  const std::map<unsigned, std::string>& params_;
};

std::expected<void, Refusal> check_condition(const shape::Subset& subset, bool like_leading_wildcard) {
  if (!subset.where) return {};
  if (subset.where->size() > kSubsetWhereBytesMax) return std::unexpected(bad_subset("where", "is too long"));
  const auto tokens = shape::lex_where(*subset.where);
  if (!tokens) return std::unexpected(bad_subset("where", tokens.error()));
  if (tokens->size() > kSubsetWhereTokensMax) return std::unexpected(bad_subset("where", "is too long"));
  if (!like_leading_wildcard && PatternCheck(*tokens, subset.params).finds_unbounded())
    return std::unexpected(bad_subset("where", "a pattern must be a constant that does not begin with a wildcard"));
  return {};
}

struct CallerHash {
  std::size_t operator()(const std::string& caller) const {
    std::size_t hash = 0;
    std::memcpy(&hash, caller.data(), sizeof hash);
    return hash;
  }
};

// The new cache-busters of one caller: those of this minute, and those of the one before.
class Busters {
 public:
  // Seconds to wait where it is one too many; 0 where it is known or may be new.
  int use(std::uint64_t buster, std::int64_t now_s, std::size_t new_max) {
    turn(now_s);
    if (contains(current_, buster)) return 0;
    const bool known = contains(last_, buster);
    if ((!known && new_ == new_max) || current_.size() == new_max * kKeptWindows)
      return static_cast<int>(std::clamp<std::int64_t>(window_ + kWindowS - now_s, 1, kWindowS));
    current_.push_back(buster);
    if (!known) ++new_;
    return 0;
  }

 private:
  static bool contains(const std::vector<std::uint64_t>& busters, std::uint64_t buster) {
    return std::ranges::find(busters, buster) != busters.end();
  }

  void turn(std::int64_t now_s) {
    const std::int64_t window = now_s - now_s % kWindowS;
    if (window <= window_) return;
    if (window == window_ + kWindowS)
      last_.swap(current_);
    else
      last_.clear();
    current_.clear();
    new_ = 0;
    window_ = window;
  }

  std::int64_t window_ = 0;
  std::size_t new_ = 0;
  std::vector<std::uint64_t> current_;
  std::vector<std::uint64_t> last_;
};

struct Shard {
  struct Caller {
    std::string name;
    Busters busters;
  };

  mutable std::mutex mutex;
  std::unordered_map<std::string, std::size_t, CallerHash> running;
  std::list<Caller> callers;  // the one used last is first
  std::unordered_map<std::string, std::list<Caller>::iterator, CallerHash> by_name;

  Busters& busters_of(const std::string& name, std::size_t callers_max) {
    if (const auto found = by_name.find(name); found != by_name.end()) {
      callers.splice(callers.begin(), callers, found->second);
      return callers.front().busters;
    }
    if (callers.size() == callers_max) {
      by_name.erase(callers.back().name);
      callers.pop_back();
    }
    callers.push_front({name, {}});
    by_name.emplace(name, callers.begin());
    return callers.front().busters;
  }
};

bool is_begin(const shape::Offset& offset) {
  return offset.is_before_all() || offset.is_now();
}

}  // namespace

struct Limits::Shards {
  Shards() { fill_random(key); }

  // SHA-256 of a secret, the length of the first part, and both parts.
  std::string digest(std::string_view first, std::string_view second = {}) const {
    std::string text(reinterpret_cast<const char*>(key.data()), key.size());
    text += std::to_string(first.size()) + ':';
    text.append(first).append(second);
    const Sha256 digest = sha256(text);
    return {reinterpret_cast<const char*>(digest.data()), kCallerBytes};
  }

  Shard& of(const std::string& caller) { return shards[static_cast<unsigned char>(caller.back()) % kShards]; }

  std::array<std::uint8_t, 32> key;
  std::array<Shard, kShards> shards;
};

Limits::Lease::~Lease() {
  if (!shards_) return;
  Shard& shard = shards_->of(caller_);
  const std::lock_guard lock(shard.mutex);
  const auto running = shard.running.find(caller_);
  if (--running->second == 0) shard.running.erase(running);
}

Limits::Limits(LimitsOptions options) : options_(options), shards_(std::make_shared<Shards>()) {
  options_.cache_busters_max = std::min(options_.cache_busters_max, kCacheBustersMaxMax);
}

std::expected<void, Refusal> Limits::check_limit(const shape::Subset& subset, const shape::SubsetRights& rights) const {
  if (!rights.allowed) return std::unexpected(forbidden({}, "the grant gives no right to subsets"));
  if (rights.limit_max && (!subset.limit || *subset.limit > *rights.limit_max))
    return std::unexpected(forbidden("subset__limit", "the limit must be at most " + std::to_string(*rights.limit_max)));
  if (subset.limit && *subset.limit > options_.subset_limit_max)
    return std::unexpected(bad_subset("limit", "must be at most " + std::to_string(options_.subset_limit_max)));
  return {};
}

std::expected<Limits::Lease, Refusal> Limits::admit_subset(std::string_view principal_key, const shape::Subset& subset,
                                                           const shape::SubsetRights& rights) {
  if (auto checked = check_limit(subset, rights); !checked) return std::unexpected(std::move(checked.error()));
  if (auto checked = check_condition(subset, options_.subset_like_leading_wildcard); !checked)
    return std::unexpected(std::move(checked.error()));

  std::string caller = shards_->digest(principal_key);
  Shard& shard = shards_->of(caller);
  {
    const std::lock_guard lock(shard.mutex);
    const auto running = shard.running.find(caller);
    if (running == shard.running.end()) {
      if (shard.running.size() == kSubsetsRunningMax / kShards || options_.subset_concurrency == 0)
        return std::unexpected(too_many("too many callers with subsets running", 1));
      shard.running.emplace(caller, 1);
    } else {
      if (running->second >= options_.subset_concurrency)
        return std::unexpected(too_many("the caller has as many subsets running as it may", 1));
      ++running->second;
    }
  }
  return Lease(shards_, std::move(caller));
}

std::expected<void, Refusal> Limits::admit_cache_buster(std::string_view principal_key, const shape::Position& position,
                                                        std::int64_t now_s) {
  const bool idle_handle = position.handle && is_begin(position.offset);
  if (!position.cache_buster && !position.expired_handle && !idle_handle) return {};

  const std::string caller = shards_->digest(principal_key);
  // Neither may hold a space: request.h.
  std::string used = position.cache_buster.value_or("") + ' ' + position.expired_handle.value_or("") + ' ';
  if (idle_handle) used += *position.handle;
  const std::string digest = shards_->digest(caller, used);
  std::uint64_t buster = 0;
  std::memcpy(&buster, digest.data(), sizeof buster);

  const std::size_t new_max = options_.cache_busters_max;
  const std::size_t kept = std::max<std::size_t>(1, new_max) * kKeptWindows * 2;
  Shard& shard = shards_->of(caller);
  const std::lock_guard lock(shard.mutex);
  const int wait_s = shard.busters_of(caller, kCacheBustersKept / kShards / kept).use(buster, now_s, new_max);
  if (wait_s != 0) return std::unexpected(too_many("more new cache-busters than one caller may use in a minute", wait_s));
  return {};
}

std::size_t Limits::callers() const {
  std::size_t callers = 0;
  for (const Shard& shard : shards_->shards) {
    const std::lock_guard lock(shard.mutex);
    callers += shard.callers.size() + shard.running.size();
  }
  return callers;
}

}  // namespace sluice::gateway

#include "identity/authenticator.h"

#include <atomic>
#include <stdexcept>
#include <utility>

#include "base/sha256.h"
#include "identity/refusal_memory.h"
#include "identity/token_memory.h"
#include "token/jws.h"

namespace sluice::identity {
namespace {

using token::TokenError;

// An error that comes after the signature was found good says more than "not this key".
bool says_more(TokenError error) {
  return error != TokenError::kBadSignature && error != TokenError::kUnknownKey && error != TokenError::kBadAlgorithm &&
         error != TokenError::kWrongType;
}

// A token of the future may be good later, and one that says no `iat` has a shorter life left each second. That one has
// expired does not change.
bool may_become_good(TokenError error) {
  return error == TokenError::kNotYetValid || error == TokenError::kLifetimeTooLong;
}

// What the issuers said, one after the other.
struct Verdict {
  TokenError error = TokenError::kUnknownKey;
  bool unknown_key = false;
  Remedy remedy;

  void add(TokenError another) {
    if (!says_more(error)) error = another;
    unknown_key = unknown_key || another == TokenError::kUnknownKey;
    remedy.time = remedy.time || may_become_good(another);
    remedy.keys = remedy.keys || !token::is_final(another);
  }
};

Task<void> done_already() {
  co_return;
}

// All of them are under way: waiting for one after the other takes as long as the slowest.
Task<void> wait_for_all(std::vector<Task<void>> tasks) {
  for (Task<void>& task : tasks) co_await std::move(task);
}

AuthenticatorOptions checked(AuthenticatorOptions options) {
  for (const Issuer& issuer : options.issuers)
    if (!issuer.keys) throw std::invalid_argument("an issuer has no key source");
  if (options.storm_count == 0 || options.storm_window_s <= 0)
    throw std::invalid_argument("a storm needs a count and a window");
  return options;
}

}  // namespace

struct Authenticator::Impl {
  explicit Impl(AuthenticatorOptions o)
      : options(checked(std::move(o))),
        good(options.issuers, options.cache_entries_max, options.cache_bytes_max, options.cache_ttl_s),
        bad({options.refused_entries_max, options.storm_count, options.storm_window_s}) {}

  using Result = std::expected<Authenticated, Refused>;

  Result verify(std::string_view token, std::int64_t now_s);
  Result verify_anew(std::string_view token, const Sha256& digest, std::uint64_t seen, std::int64_t now_s);
  Result accept(std::shared_ptr<const token::VerifiedToken> token) const;
  std::uint64_t revisions() const;

  const AuthenticatorOptions options;
  TokenMemory good;
  RefusalMemory bad;
  struct alignas(64) Counter {
    std::atomic<std::uint64_t> value{0};
    void add() { value.fetch_add(1, std::memory_order_relaxed); }
  };
  Counter hits, misses, refused, refused_from_memory;
};

// Each only rises, so their sum tells whether any has changed.
std::uint64_t Authenticator::Impl::revisions() const {
  std::uint64_t sum = 0;
  for (const Issuer& issuer : options.issuers) sum += issuer.keys->revision();
  return sum;
}

Authenticator::Impl::Result Authenticator::Impl::verify(std::string_view token, std::int64_t now_s) {
  // Refused by its length, before anything is spent on it.
  if (token.size() > token::kTokenBytesMax) {
    refused.add();
    return std::unexpected(Refused{TokenError::kTooLong});
  }
  const Sha256 digest = sha256(token);
  if (auto known = good.find(digest, now_s)) {
    hits.add();
    return *std::move(known);
  }
  // Before the keys are taken: should they change meanwhile, what is remembered is of the older ones.
  const std::uint64_t seen = revisions();
  if (auto known = bad.find(digest, seen, now_s)) {
    refused.add();
    refused_from_memory.add();
    return std::unexpected(*std::move(known));
  }
  return verify_anew(token, digest, seen, now_s);
}

Authenticator::Impl::Result Authenticator::Impl::verify_anew(std::string_view token, const Sha256& digest,
                                                             std::uint64_t seen, std::int64_t now_s) {
  misses.add();
  Verdict verdict;
  std::string reason;
  for (std::size_t i = 0; i < options.issuers.size(); ++i) {
    const auto set = options.issuers[i].keys->keys();
    auto verified = options.issuers[i].verifier.verify(token, set->keys, now_s);
    if (!verified) {
      verdict.add(verified.error());
      continue;
    }
    auto accepted = accept(*std::move(verified));
    if (accepted) {
      accepted->digest = digest;
      good.put(digest, token.size(), *accepted, i, set->revision, now_s);
      return accepted;
    }
    reason = std::move(accepted.error().reason);
    verdict = {accepted.error().error, false, {}};
    break;  // it is this issuer's, and says what nobody can use
  }
  refused.add();
  Refused found{verdict.error, verdict.unknown_key, 0, std::move(reason)};
  return std::unexpected(bad.put(digest, std::move(found), verdict.remedy, seen, now_s));
}

Authenticator::Impl::Result Authenticator::Impl::accept(std::shared_ptr<const token::VerifiedToken> token) const {
  if (!options.read_content) return Authenticated{std::move(token), nullptr};
  auto content = options.read_content(token->claims());
  if (!content) return std::unexpected(Refused{TokenError::kBadClaims, false, 0, std::move(content.error())});
  return Authenticated{std::move(token), *std::move(content)};
}

Authenticator::Authenticator(AuthenticatorOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Authenticator::~Authenticator() = default;

std::expected<Authenticated, Refused> Authenticator::verify(std::string_view token, std::int64_t now_s) {
  return impl_->verify(token, now_s);
}

Task<void> Authenticator::look_again(std::string_view token) {
  if (token.size() > token::kTokenBytesMax) return {};
  if (impl_->bad.is_outdated(sha256(token), impl_->revisions())) return done_already();
  const std::string key_id = token::key_id_of(token).value_or("");
  std::vector<Task<void>> asked;
  for (const Issuer& issuer : impl_->options.issuers)
    if (auto task = issuer.keys->look_again(key_id); task.valid()) asked.push_back(std::move(task));
  if (asked.empty()) return {};
  return wait_for_all(std::move(asked));
}

bool Authenticator::ready() const {
  for (const Issuer& issuer : impl_->options.issuers)
    if (!issuer.keys->ready()) return false;
  return true;
}

Authenticator::Counts Authenticator::counts() const {
  const auto read = [](const Impl::Counter& counter) { return counter.value.load(std::memory_order_relaxed); };
  return {read(impl_->hits),   read(impl_->misses), read(impl_->refused), read(impl_->refused_from_memory),
          impl_->bad.storms(), impl_->good.size(),  impl_->bad.size()};
}

}  // namespace sluice::identity

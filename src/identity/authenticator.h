// From a credential to a verified token, by any of several issuers.
//
//   auto known = authenticator.verify(bearer, now_s);          // from memory, or by verifying
//   if (!known && known.error().may_change) {
//     if (auto again = authenticator.look_again(bearer); again.valid()) { co_await std::move(again); known = …; }
//   }
//
// Issuers are tried in order, each with its own keys, algorithms, issuer, audience and lifetime; nothing of a token is
// believed before its signature has been checked, not even who its issuer is.
//
// What was verified is remembered (SECURITY J41): by the SHA-256 of the whole token, in this Authenticator only, for the
// revision of the key set that verified it, until the token's end or cache_ttl_s. So is what was refused for good (an error
// that neither time nor new keys change), so that a storm of one bad token costs a hash, and is answered with 429 once
// it has come storm_count times within storm_window_s (NEEDS A10). Both memories are bounded in entries and in bytes,
// whatever is thrown at them. What is remembered says who somebody is, never what they may read.
//
// Any thread; memory is split so that threads seldom meet.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "identity/key_source.h"
#include "token/verifier.h"

namespace sluice::identity {

struct Issuer {
  token::Verifier verifier;  // its own `keys` are not looked at
  std::shared_ptr<KeySource> keys;
};

// What a user of tokens reads out of the claims once and keeps beside them: a grant's shapes.
class Content {
 public:
  virtual ~Content() = default;
};

struct Authenticated {
  std::shared_ptr<const token::VerifiedToken> token;
  std::shared_ptr<const Content> content;  // null where there is no reader
};

struct Refused {
  token::TokenError error;
  bool may_change = false;         // new keys could make it good: look_again()
  std::int64_t retry_after_s = 0;  // above 0: this very token came too often; answer 429
  std::string reason = {};         // for the log, of the content's reader; never of the token's text
};

struct AuthenticatorOptions {
  std::vector<Issuer> issuers;
  // Makes the Content of a verified token, or says why the token is invalid; null: there is none.
  std::function<std::expected<std::shared_ptr<const Content>, std::string>(const token::Claims&)> read_content;
  std::size_t cache_entries_max = 16'384;    // of good tokens; each holds at most some 12 kB, on average 2 kB
  std::size_t refused_entries_max = 65'536;  // some 64 bytes each
  std::int64_t cache_ttl_s = 300;
  std::uint32_t storm_count = 20;
  std::int64_t storm_window_s = 10;
};

class Authenticator {
 public:
  explicit Authenticator(AuthenticatorOptions options);
  ~Authenticator();

  std::expected<Authenticated, Refused> verify(std::string_view token, std::int64_t now_s);

  // Asks those issuers for their keys again that may have one for this token; empty where none will.
  Task<void> look_again(std::string_view token);

  // Every issuer has keys.
  bool ready() const;

  struct Counts {
    std::uint64_t hits, misses, refused, refused_from_memory, storms;
    std::size_t entries, refused_entries;
  };
  Counts counts() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::identity

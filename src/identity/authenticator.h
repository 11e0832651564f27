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
// revision of the key set that verified it, until the token's end or cache_ttl_s. So is what was refused, for as long as
// verifying it anew would say the same, so that a storm of one bad token costs a hash; it is told to stay away, to be
// answered with 429, for storm_window_s once it has come storm_count times within as long (old clients try a refused token
// again without a pause). Both memories are bounded in entries and in bytes, whatever is thrown at them. What is remembered
// says who somebody is, never what they may read.
//
// Where every issuer refuses, the error is the one that says most: one found behind a good signature, if there is any.
//
// Any thread; memory is split so that threads seldom meet. A token seen before costs its hash and a look-up, and allocates
// nothing.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/sha256.h"
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
  Sha256 digest = {};                      // of the token's text
};

struct Refused {
  token::TokenError error;
  bool may_change = false;         // it names a key that an issuer does not have: look_again()
  std::int64_t retry_after_s = 0;  // above 0: this very token came too often; answer 429
  std::string reason = {};         // for the log, of the content's reader; never of the token's text
};

struct AuthenticatorOptions {
  std::vector<Issuer> issuers;
  // Makes the Content of a verified token, or says why the token is invalid; null: there is none.
  std::function<std::expected<std::shared_ptr<const Content>, std::string>(const token::Claims&)> read_content;
  std::size_t cache_entries_max = 16'384;               // of good tokens
  std::size_t cache_bytes_max = std::size_t{64} << 20;  // of all of them: the claims of one occupy some 14 times its text
  std::size_t refused_entries_max = 65'536;             // some 220 bytes each
  std::int64_t cache_ttl_s = 300;
  std::uint32_t storm_count = 20;
  std::int64_t storm_window_s = 10;
};

class Authenticator {
 public:
  // Throws std::invalid_argument where an issuer has no key source, or a storm no count or window.
  explicit Authenticator(AuthenticatorOptions options);
  ~Authenticator();

  std::expected<Authenticated, Refused> verify(std::string_view token, std::int64_t now_s);

  // Of a token that was just refused with may_change: asks those issuers for their keys again that may have one for it.
  // Empty where verifying once more would say the same; else verify again when it has ended. The Task keeps what it needs.
  Task<void> look_again(std::string_view token);

  // Every issuer has keys.
  bool ready() const;

  struct Counts {
    std::uint64_t hits;                    // good, from memory
    std::uint64_t misses;                  // verified, well or not
    std::uint64_t refused;                 // all refusals
    std::uint64_t refused_from_memory;     // of these: not verified again
    std::uint64_t storms;                  // times a token began to be told to stay away
    std::size_t entries, refused_entries;  // remembered at this moment
  };
  Counts counts() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::identity

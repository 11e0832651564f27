// What has been taken back before its time, and where that is kept.
//
// A Revocation names tokens by one trait: an id (`jti`), a subject, an issuer, or all of them; the last three together with
// a time: tokens issued before it. A token without `iat` counts as issued before any time: what cannot be shown to be newer
// is revoked. It applies to grants and to identity tokens alike, so a revoked caller cannot fetch a new grant with an old
// login.
//
// `iat` has whole seconds only, and before_s compares with them: a token issued in second n is revoked by before_s of n + 1.
// Who revokes "everything until now" therefore says the next second, and a token issued within that second after the call is
// refused too; its owner asks again and gets a newer one. The other choice would let through what was issued within that
// second before the call.
//
// A grant remembers whose it is (`sub`, and the issuer of the identity token in `sub_iss`), so that revoking a subject ends
// its grants too.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "token/verifier.h"

namespace sluice::gatekeeper {

struct Revocation {
  enum class Kind { kTokenId, kSubject, kIssuer, kAll };

  Kind kind = Kind::kTokenId;
  std::string value = {};        // the jti, sub or iss; empty with kAll
  std::string issuer = {};       // with kTokenId and kSubject: only of this issuer; empty: of any
  std::int64_t before_s = 0;     // not with kTokenId: tokens issued before this time
  std::int64_t forget_at_s = 0;  // when no token it could name can still be alive

  bool operator==(const Revocation&) const = default;
};

inline constexpr std::size_t kRevocationsMax = 1'000'000;  // some 130 bytes each

// The set as it is known here. Any thread. A check costs one load where nothing is revoked; else a hash and a load of a
// filter for each name the token goes by, and a look-up under a shared lock only for those that the filter has seen.
//
// What is forgotten (forget_at_s passed) goes away while others are added: in time proportional to what is added.
class Revocations {
 public:
  // Holds up to `max`, beside one of kAll.
  explicit Revocations(std::size_t max = kRevocationsMax);
  ~Revocations();

  bool revoked(const token::Claims& claims) const;

  // kNew: it names tokens that nothing named before; what only lengthens the memory of a known one is kKnown, and so is
  // what is forgotten by now_s. kFull: as many as may be are known, so it is not in force, which is the caller's to report.
  // Never kFull for kAll.
  enum class Added { kNew, kKnown, kFull };
  Added add(const Revocation& revocation, std::int64_t now_s);

  // Called after each new one, on the thread that adds: to cut what is being held. Before the first add().
  void on_new(std::function<void()> listener);

  std::size_t size() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Where revocations outlive the process. Given the Revocations it fills: at start with what was kept, later with what
// others add.
class RevocationStore {
 public:
  virtual ~RevocationStore() = default;

  // Throws std::exception where what was kept cannot be read: a gateway must not start without knowing it.
  virtual void start() = 0;
  virtual void stop() = 0;

  // In force here at once. Durable (file: fdatasync; Redis: acknowledged) when it returns without error; after an error that
  // says "in force" it holds here until the process ends, and adding it again is safe; after any other it does not hold at
  // all. May block for up to a few seconds: not on a connection's thread.
  virtual std::expected<void, std::string> add(const Revocation& revocation) = 0;

  // Whether what others revoke is learnt: false while Redis is away.
  virtual bool connected() const = 0;
};

// docs/format-revocations.md. The file is made with mode 0600 where it is not there, and belongs to one process at a time.
std::unique_ptr<RevocationStore> file_revocations(std::string path, Revocations& revocations);

// A stream in Redis (6.2 or later), read by every gateway and added to by any. Redis keeps it as it is configured to:
// without `appendonly yes` it forgets when it restarts; the gateways that know go on knowing.
struct RedisOptions {
  std::string host = "127.0.0.1";  // or the path of a Unix socket, from its `/` on
  std::uint16_t port = 6379;
  std::string username = {};
  std::string password = {};
  std::string stream = "sluice:revocations";
};
std::unique_ptr<RevocationStore> redis_revocations(RedisOptions options, Revocations& revocations);
// Known until the process ends: for tests and `sluice dev`.
std::unique_ptr<RevocationStore> memory_revocations(Revocations& revocations);

}  // namespace sluice::gatekeeper

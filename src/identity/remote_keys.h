// The keys of an issuer that publishes them: a JWK Set by URL, or found by OpenID Connect Discovery 1.0 from the issuer's
// name (section 4: <issuer>/.well-known/openid-configuration, whose `issuer` must be the configured one exactly and whose
// `jwks_uri` must be of the same host; an issuer that has its keys on another host is configured with jwks_url).
//
// https only, but for a loopback address; no redirect is followed; bodies and times are bounded (SECURITY J28). A fetched
// set is kept for the time its Cache-Control says (RFC 9111 section 5.2.2), between the configured bounds, and asked for
// again before it ends. Keys are never dropped because a fetch failed, nor because a set without a usable key came; they are
// used until stale_max after the last success. After a failure the next fetch is sooner: after a second, then twice that, up
// to a minute.
//
// A name that is not in the set causes at most one fetch an interval, which is claimed before the fetch begins and counts
// whether or not it succeeds, also while the set is empty (J27). A name that was not in the set fetched for it is not asked
// for again for refresh_min, unless another set comes.
//
// Runs on a thread of its own from start() to stop(). Everything else: any thread. stop() lets go of all who wait, on their
// io_contexts, which must still be there.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "identity/key_source.h"
#include "token/jwk.h"

namespace sluice::identity {

struct RemoteKeysOptions {
  std::string name;                     // the [[identity]]'s, for logs
  std::optional<std::string> jwks_url;  // else by discovery from `issuer`
  std::string issuer;
  std::vector<token::Algorithm> algorithms;  // what the issuer may sign with; others in the set are skipped
  std::chrono::seconds refresh_min{300};
  std::chrono::seconds refresh_max{3'600};
  std::chrono::seconds unknown_key_interval{30};
  std::chrono::seconds stale_max{24 * 3'600};
  std::chrono::milliseconds timeout{5'000};        // of a fetch, discovery included
  std::size_t bytes_max = token::kJwkSetBytesMax;  // of each answer
  std::chrono::milliseconds retry_min{1'000};
  std::chrono::milliseconds retry_max{60'000};
};

class RemoteKeys final : public KeySource {
 public:
  // Requests that wait for one fetch, each some hundred bytes; others are answered without the key.
  static constexpr std::size_t kWaitersMax = 1'024;

  // The error names the URL's fault: scheme, host, user info, fragment; or the bound that is out of order.
  static std::expected<std::shared_ptr<RemoteKeys>, std::string> make(RemoteKeysOptions options);
  ~RemoteKeys() override;

  // The first fetch begins at once. Once.
  void start();
  // Joins the thread. The keys stay as they are.
  void stop();

  std::shared_ptr<const KeySet> keys() const override;
  std::uint64_t revision() const override;
  Task<void> look_again(std::string key_id) override;
  bool ready() const override;

  // For metrics: seconds since the last success (-1: never), failures since then.
  std::int64_t age_s() const;
  std::uint64_t failures() const;

 private:
  struct Impl;
  explicit RemoteKeys(std::shared_ptr<Impl> impl);

  std::shared_ptr<Impl> impl_;
};

}  // namespace sluice::identity

// A remote server of the shape protocol: any Electric, or `sluice origin`.
//
// The request that goes out is printed from the AuthorizedRequest: a constant path, the canonical query string, the
// server's secret, If-None-Match, and for a subset asked for by POST its body. Nothing of the client's bytes, fields or path
// is in it. The answer streams through with the protocol's fields (an allow-list) and its status, 304 and 409 included.
//
// Handles are sealed for the definition that was asked for, whatever the status, and opened on the way up (handle_seal.h).
// ETags stay as they are, the server's handle in them: they are compared with those of the caller's own shape and give no
// access to anything, and If-None-Match must reach the server unchanged to mean anything there.
//
// Turned into 502 here: the server's own 401 or 403 (our secret is wrong; the user's credentials are not), redirects,
// statuses the protocol does not have, and handles that cannot be one. An unreachable server is 503 with Retry-After, on
// which clients back off.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/client.h"
#include "origin/origin.h"
#include "origin/remote/handle_seal.h"

namespace sluice::origin {

struct RemoteOptions {
  http::ClientOptions client;
  // Sent as the query parameter `secret`; empty for an insecure server.
  std::string secret;
  // Seals the handles that clients are given: 32 bytes, the same for all gateways before one server. By default derived
  // from `secret`, so that they agree by themselves; an insecure server's handles are sealed with a key of this process's
  // own, and its clients fetch anew when they come to another process.
  std::optional<std::string> handle_key = {};
};

inline constexpr std::chrono::seconds kUnavailableFor{10};

class RemoteOrigin : public Origin {
 public:
  explicit RemoteOrigin(RemoteOptions options);

  Task<void> serve(std::shared_ptr<const AuthorizedRequest> request, http::Response& response) override;
  // As the last answers had it: kUnavailable after a failed connection, until one works again, or for kUnavailableFor: only
  // requests show how it is, and a balancer that follows this sends none to who says that it cannot answer.
  Health health() const override;
  // Held requests are the server's; their connections are closed by the gateway's own drain.
  void drain() override {}

 private:
  http::ClientRequest upstream_request(const AuthorizedRequest& request, std::string_view definition_text) const;
  bool pass_fields(const http::Fields& from, std::string_view definition_text, http::Response& response) const;
  Task<void> ask(std::shared_ptr<const AuthorizedRequest> request, http::Response& response);

  RemoteOptions options_;
  HandleSeal seal_;
  std::string path_;
  http::Client client_;
  using Clock = std::chrono::steady_clock;
  std::atomic<Clock::time_point> unavailable_until_{Clock::time_point::min()};
};

}  // namespace sluice::origin

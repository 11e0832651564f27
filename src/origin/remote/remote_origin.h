// A remote server of the shape protocol: any Electric, or `sluice origin`.
//
// The request that goes out is printed from the AuthorizedRequest: a constant path, the canonical query string, the
// server's secret, If-None-Match, and for a subset asked for by POST its body. Nothing of the client's bytes, fields or path
// is in it. The answer streams through with the protocol's fields (an allow-list) and its status, 304 and 409 included.
//
// Turned into 502 here: the server's own 401 or 403 (our secret is wrong; the user's credentials are not), redirects, and
// statuses the protocol does not have. An unreachable server is 503 with Retry-After, on which clients back off.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "http/client.h"
#include "origin/origin.h"

namespace sluice::origin {

struct RemoteOptions {
  http::ClientOptions client;
  // Sent as the query parameter `secret`; empty for an insecure server.
  std::string secret;
};

class RemoteOrigin : public Origin {
 public:
  explicit RemoteOrigin(RemoteOptions options);

  Task<void> serve(std::shared_ptr<const AuthorizedRequest> request, http::Response& response) override;
  // As the last answers had it: kUnavailable after a failed connection, until one works again.
  Health health() const override;
  // Held requests are the server's; their connections are closed by the gateway's own drain.
  void drain() override {}

 private:
  http::ClientRequest upstream_request(const AuthorizedRequest& request) const;
  Task<void> ask(std::shared_ptr<const AuthorizedRequest> request, http::Response& response);

  RemoteOptions options_;
  std::string path_;
  http::Client client_;
  std::atomic<Health> health_{Health::kActive};
};

}  // namespace sluice::origin

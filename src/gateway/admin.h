// The operator's listener. Meant for an address that end users cannot reach.
//
//   GET  /metrics          Prometheus's text format
//   GET  /healthz /readyz  as the public ones; /readyz says what is lacking
//   POST /admin/revoke     takes tokens back (admin_request.h); answered when that is durable and in force here
//                          {"revoked": "subject", "known": 12}
//   POST /admin/explain    says why a request would be allowed or denied (explain.h)
//   GET  /admin/policy     what is configured, as its owner prints it
//
// The last three want a bearer credential of their own, compared in constant time (SECURITY J43); where none is configured
// they are not there. The first two hold no secrets and nothing of callers.
//
// What a revocation is kept in may block (a disk, Redis): that has a thread of its own here.
#pragma once

#include <boost/asio/thread_pool.hpp>

#include <functional>
#include <string>

#include "gateway/explain.h"
#include "gateway/gateway.h"
#include "http/message.h"

namespace sluice::gateway {

struct AdminOptions {
  std::string token;                      // empty: no admin calls; else 32 bytes or more of RFC 6750's b64token
  std::function<std::string()> policy{};  // JSON for /admin/policy; null: it is not there. Any thread
};

class Admin : public http::Handler {
 public:
  // Throws std::invalid_argument for a short token. The gateway and its parts outlive it.
  Admin(AdminOptions options, Gateway& gateway, GatewayParts parts);
  ~Admin() override;  // waits for a revocation that is being kept

  Task<void> handle(const http::Request& request, http::Response& response) override;

 private:
  Task<void> handle_call(const http::Request& request, http::Response& response);
  bool may_call(const http::Request& request, http::Response& response) const;
  Task<void> revoke(const http::Request& request, http::Response& response);
  Task<void> keep(gatekeeper::Revocation revocation, http::Response& response);
  Task<void> explain(ExplainRequest request, http::Response& response);
  void record(const gatekeeper::Revocation& revocation);

  const AdminOptions options_;
  Gateway& gateway_;
  const GatewayParts parts_;
  boost::asio::thread_pool keeper_{1};
};

}  // namespace sluice::gateway

// The operator's listener: /metrics, /healthz, /readyz. Meant for an address that end users cannot reach.
#pragma once

#include "gateway/metrics.h"
#include "http/message.h"
#include "origin/origin.h"

namespace sluice::gateway {

class Admin : public http::Handler {
 public:
  Admin(const origin::Origin& origin, const Metrics& metrics) : origin_(origin), metrics_(metrics) {}

  Task<void> handle(const http::Request& request, http::Response& response) override;

 private:
  const origin::Origin& origin_;
  const Metrics& metrics_;
};

// The answer to /healthz and /readyz; false where the path is neither.
bool answer_health(const http::Request& request, const origin::Origin& origin, http::Response& response);

}  // namespace sluice::gateway

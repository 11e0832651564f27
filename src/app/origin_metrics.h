// What the embedded origin does, as metrics: in the gateway's text, and by itself for `sluice origin`.
#pragma once

#include <vector>

#include "gateway/metrics.h"
#include "http/message.h"
#include "origin/embedded/embedded_origin.h"

namespace sluice::app {

// Names begin with sluice_origin_; docs/origin.md lists them.
void sample_origin(const origin::EmbeddedOrigin::Stats& stats, std::vector<gateway::Sample>& samples);

// GET /metrics. Holds no secrets and nothing of callers. The origin outlives it.
class OriginMetrics final : public http::Handler {
 public:
  explicit OriginMetrics(const origin::EmbeddedOrigin& origin) : origin_(origin) {}
  Task<void> handle(const http::Request& request, http::Response& response) override;

 private:
  const origin::EmbeddedOrigin& origin_;
};

}  // namespace sluice::app

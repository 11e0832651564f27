// A running deployment: origin, gateway, listeners, until a signal says stop.
#pragma once

#include <functional>

#include "app/config.h"

namespace sluice::app {

// Blocks until SIGTERM or SIGINT, then drains. SIGHUP, or a change of its files, makes it read `path` again and take over
// what it can (reload.h). `ready` is called once everything listens, with the first address. Throws std::exception where
// start-up fails.
void serve(const std::string& path, const Environment& environment,
           const std::function<void(const std::string& address)>& ready = {});

struct BareOriginConfig {
  origin::EmbeddedOptions origin;
  std::vector<std::string> listen;
  std::string secret;  // empty: insecure
  std::vector<std::string> metrics_listen = {};
  http::ServerLimits limits = {};
};

// `sluice origin`: the bare shape API over the embedded origin.
void serve_origin(BareOriginConfig config);

}  // namespace sluice::app

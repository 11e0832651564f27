// A running deployment: origin, gateway, listeners, until a signal says stop.
#pragma once

#include <functional>

#include "app/config.h"

namespace sluice::app {

// Blocks until SIGTERM or SIGINT, then drains. `ready` is called once everything listens, with the first address.
// Throws std::exception where start-up fails.
void serve(Config config, const std::function<void(const std::string& address)>& ready = {});

struct BareOriginConfig {
  origin::EmbeddedOptions origin;
  std::vector<std::string> listen;
  std::string secret;  // empty: insecure
};

// `sluice origin`: the bare shape API over the embedded origin.
void serve_origin(BareOriginConfig config);

}  // namespace sluice::app

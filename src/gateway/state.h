// What the gateway decides by: one configuration, made ready. Immutable; a request takes one at its start and keeps it,
// whatever is taken over meanwhile (SECURITY H70).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "gatekeeper/minter.h"
#include "gateway/cors.h"
#include "gateway/gate.h"
#include "gateway/options.h"

namespace sluice::gateway {

struct State {
  // Throws std::invalid_argument where an option is out of range.
  State(GatewayOptions options, std::uint64_t revision);

  const GatewayOptions options;
  // Rises with each State of a Gateway.
  const std::uint64_t revision;
  const Cors cors;
  const Gate gate;
  const std::optional<gatekeeper::Minter> minter;
  const std::string proxy_url;  // what the gatekeeper tells clients to ask

  // Every issuer has keys.
  bool has_keys() const;
};

}  // namespace sluice::gateway

// What the gatekeeper answers: options that a client spreads into `new ShapeStream({...options})`.
#pragma once

#include <string>

#include "gatekeeper/minter.h"
#include "shape/definition.h"

namespace sluice::gatekeeper {

// {"url", "headers": {"Authorization"}, "params": {"table", "where", "params", "columns", "replica"}, "expires_at",
//  and at the top level, as the guide's gatekeeper has them, "table", "where", "columns"}
// Members that the shape does not have are left out. `url` is configured, never taken from the request (SECURITY H65).
std::string shape_options_json(const std::string& proxy_url, const shape::Definition& definition, const Grant& grant);

}  // namespace sluice::gatekeeper

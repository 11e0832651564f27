// What the gatekeeper answers: options that a client spreads into `new ShapeStream({...options})`.
#pragma once

#include <span>
#include <string>

#include "gatekeeper/minter.h"
#include "shape/granted_shape.h"

namespace sluice::gatekeeper {

// {"url", "headers": {"Authorization"}, "params": {"table", "where", "params", "columns", "replica"}, "log", "expires_at",
//  "refresh_at", and at the top level, as the guide's gatekeeper has them, "table", "where", "columns"}
// Members that the shape does not have are left out. `log` stands there where the grant is for changes only. `url` is
// configured, never taken from the request (SECURITY H65).
std::string shape_options_json(const std::string& proxy_url, const shape::GrantedShape& granted, const Grant& grant);

// {"headers", "expires_at", "refresh_at", "shapes": [{"url", "params", "log"}, …]}: one token for all, in the order asked.
std::string shape_options_json(const std::string& proxy_url, std::span<const shape::GrantedShape> granted,
                               const Grant& grant);

}  // namespace sluice::gatekeeper

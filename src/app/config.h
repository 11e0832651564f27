// The configuration of `sluice serve`: a TOML file, every key checked.
//
// Reading it makes values that are whole: keys are loaded (from the environment or from files, never from the file itself),
// templates parsed, names resolved. An error says the file's line, the key, and what is wrong with it; an unknown key also
// says which known one is nearest. docs/configuration.md lists the keys.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "gatekeeper/minter.h"
#include "gateway/gateway.h"
#include "http/server.h"
#include "origin/embedded/embedded_origin.h"
#include "origin/remote/remote_origin.h"
#include "policy/rules.h"
#include "token/verifier.h"

namespace sluice::app {

struct Config {
  std::vector<std::string> listen;
  std::vector<std::string> admin_listen;
  std::string public_url;
  unsigned threads = 0;
  log::Level log_level = log::Level::kInfo;
  http::ServerLimits limits;

  // Exactly one of the two.
  std::optional<origin::RemoteOptions> remote;
  std::optional<origin::EmbeddedOptions> embedded;

  gateway::GatewayOptions gateway;
};

struct ConfigError {
  std::string message;  // "sluice.toml:12: gate.issuer.alg: 'HS999' …"
};

// Looks a name up in the environment; injected for tests.
using Environment = std::function<std::optional<std::string>(const std::string&)>;
Environment process_environment();

std::expected<Config, ConfigError> load_config(const std::string& path, const Environment& environment);
// `name` stands for the file in errors.
std::expected<Config, ConfigError> parse_config(std::string_view toml, const std::string& name,
                                                const Environment& environment);

}  // namespace sluice::app

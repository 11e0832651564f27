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
#include "http/client.h"
#include "http/server.h"
#include "policy/rules.h"
#include "token/verifier.h"

namespace sluice::app {

struct RemoteOriginConfig {
  http::Url url;
  std::string secret;  // empty: none
};

struct EmbeddedOriginConfig {
  std::string database_url;
  std::string slot = "sluice";
  std::string publication = "sluice";
  std::uint64_t chunk_bytes = 10 * 1024 * 1024;
  std::int64_t cache_max_age_s = 60;
  std::int64_t cache_stale_age_s = 300;
  std::int64_t long_poll_timeout_ms = 20'000;
  std::string storage;  // unused while logs live in memory
  bool allow_delete = false;
};

struct Config {
  std::vector<std::string> listen;
  std::vector<std::string> admin_listen;
  std::string public_url;
  unsigned threads = 0;
  log::Level log_level = log::Level::kInfo;
  http::ServerLimits limits;

  // Exactly one of the two.
  std::optional<RemoteOriginConfig> remote;
  std::optional<EmbeddedOriginConfig> embedded;

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

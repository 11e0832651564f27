// The configuration of `sluice serve`: a TOML file, every key checked.
//
// Reading it makes values that are whole: keys are loaded (from the environment or from files, never from the file itself),
// templates and conditions parsed, names resolved. An error says the file's line, the key, and what is wrong with it; an
// unknown key also says which known one is nearest. docs/configuration.md lists the keys.
//
// Some of it can be taken over by a running deployment, the rest needs a restart.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "app/inputs.h"
#include "base/log.h"
#include "gatekeeper/revocations.h"
#include "gateway/gateway.h"
#include "http/server.h"
#include "identity/remote_keys.h"
#include "origin/embedded/embedded_origin.h"
#include "origin/remote/remote_origin.h"
#include "policy/authorizer.h"

namespace sluice::app {

// Where revocations are kept: nowhere, a file, or Redis.
using RevocationConfig = std::variant<std::monostate, std::string, gatekeeper::RedisOptions>;

struct Config {
  // Needs a restart.
  std::vector<std::string> listen;
  std::vector<std::string> admin_listen;
  std::string admin_token;  // empty: no admin calls
  std::string public_url;
  unsigned threads = 0;
  http::ServerLimits limits;
  // Exactly one of the two.
  std::optional<origin::RemoteOptions> remote;
  std::optional<origin::EmbeddedOptions> embedded;
  RevocationConfig revocation;
  std::optional<std::string> audit_file;  // absent: into the log; empty: nowhere

  // Is taken over by a reload.
  log::Level log_level = log::Level::kInfo;
  gateway::GatewayOptions gateway;

  // What of `gateway` has threads of its own: started before it is used, stopped when no request can be using it.
  std::vector<std::pair<std::string, std::shared_ptr<identity::RemoteKeys>>> remote_keys;  // by the issuer's configured name
  std::vector<std::shared_ptr<policy::Authorizer>> authorizers;

  std::set<std::string> identity_names;

  bool watch = true;
  // The configuration and the files that its reloadable part was read from.
  std::vector<std::string> files;
  // All of it, as JSON: without secrets, since none is in the file.
  std::string text;
  // What needs a restart, as written: key -> text.
  std::map<std::string, std::string> fixed;
};

struct ConfigError {
  std::string message;  // "sluice.toml:12: gate.issuer.alg: 'HS999' …"
};

std::expected<Config, ConfigError> load_config(const std::string& path, const Environment& environment);
// For start-up: throws std::runtime_error with the error's message.
Config load_config_or_throw(const std::string& path, const Environment& environment);
// `name` stands for the file in errors.
std::expected<Config, ConfigError> parse_config(std::string_view toml, const std::string& name,
                                                const Environment& environment);

}  // namespace sluice::app

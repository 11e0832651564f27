// The sections of the configuration, each read by its own function. All throw TomlError.
#pragma once

#include "app/config.h"

namespace sluice::app {

// listen, public_url, threads, log_level, debug, [admin], [limits], [cors], [reload], [audit]
void read_server(TomlTable& root, Inputs& inputs, Config& config);
// [origin]
void read_origin(TomlTable& root, Inputs& inputs, Config& config);
// [[identity]], [gate], [gatekeeper]
void read_tokens(TomlTable& root, Inputs& inputs, Config& config);
// [[rule]], [[authorizer]], [authorize], [[shape]]
void read_policy(TomlTable& root, Inputs& inputs, Config& config);
// [revocation]
void read_revocation(TomlTable& root, Inputs& inputs, Config& config);

// A credential in a URL would be a secret in the file.
bool has_password(std::string_view url);

// `<name>` without a password, or `<name>_env`, `<name>_file`.
std::optional<std::string> read_url(TomlTable& table, Inputs& inputs, const std::string& name);

}  // namespace sluice::app

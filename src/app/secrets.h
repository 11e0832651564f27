// Secrets come from the environment or from a file, never from the configuration itself.
#pragma once

#include <optional>
#include <string>

#include "app/config.h"
#include "app/toml_reader.h"

namespace sluice::app {

// `<name>_env` or `<name>_file` of the table; nothing where neither is given. `<name>` itself is an error that says so. A
// file's last line end is not part of the secret. Throws TomlError.
std::optional<std::string> read_secret(TomlTable& table, const std::string& name, const Environment& environment);

// The whole of a file of at most 64 kB. Throws std::runtime_error.
std::string read_small_file(const std::string& path);

}  // namespace sluice::app

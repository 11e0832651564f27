// What a configuration is read from beside its own text: the environment, and files that it names.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/toml_reader.h"

namespace sluice::app {

// Looks a name up in the environment; injected for tests.
using Environment = std::function<std::optional<std::string>(const std::string&)>;
Environment process_environment();

// The whole of a file of at most 256 kB. Throws std::runtime_error.
std::string read_small_file(const std::string& path);

class Inputs {
 public:
  explicit Inputs(const Environment& environment) : environment_(environment) {}

  std::optional<std::string> variable(const std::string& name) const { return environment_(name); }
  // The file that `key` of the table names; remembered in files(). Throws TomlError.
  std::string file(TomlTable& table, const std::string& key, const std::string& path);

  // `<name>_env` or `<name>_file` of the table; nothing where neither is given. `<name>` itself is an error that says so: a
  // secret does not belong into the configuration. A file's last line end is not part of the secret. Throws TomlError.
  std::optional<std::string> secret(TomlTable& table, const std::string& name);

  // Every file that was read, for watching.
  const std::vector<std::string>& files() const { return files_; }

 private:
  const Environment& environment_;
  std::vector<std::string> files_;
};

}  // namespace sluice::app

#include "app/inputs.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace sluice::app {
namespace {

constexpr std::size_t kFileBytesMax = 256 * 1024;  // a whole JWK Set

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (!value) return std::nullopt;
    return std::string(value);
  };
}

std::string read_small_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  std::string text(kFileBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kFileBytesMax) throw std::runtime_error(fmt::format("{} is larger than {} bytes", path, kFileBytesMax));
  return text;
}

std::string Inputs::file(TomlTable& table, const std::string& key, const std::string& path) {
  files_.push_back(path);
  try {
    return read_small_file(path);
  } catch (const std::runtime_error& error) {
    table.fail(key, error.what());
  }
}

std::optional<std::string> Inputs::secret(TomlTable& table, const std::string& name) {
  if (table.has(name)) table.fail(name, "a secret does not belong in this file; use " + name + "_env or " + name + "_file");
  const auto from = table.text(name + "_env");
  const auto path = table.text(name + "_file");
  if (from && path) table.fail(name + "_file", "is given beside " + name + "_env; one of them is enough");
  if (from) {
    auto value = variable(*from);
    if (!value || value->empty()) table.fail(name + "_env", "the environment variable " + *from + " is not set");
    return value;
  }
  if (!path) return std::nullopt;
  std::string value = file(table, name + "_file", *path);
  if (value.ends_with('\n')) value.pop_back();
  if (value.ends_with('\r')) value.pop_back();
  if (value.empty()) table.fail(name + "_file", *path + " is empty");
  return value;
}

}  // namespace sluice::app

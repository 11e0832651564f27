#include "app/secrets.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace sluice::app {
namespace {

constexpr std::size_t kSecretFileBytesMax = 64 * 1024;

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
  std::string text(kSecretFileBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kSecretFileBytesMax)
    throw std::runtime_error(fmt::format("{} is larger than {} bytes", path, kSecretFileBytesMax));
  return text;
}

std::optional<std::string> read_secret(TomlTable& table, const std::string& name, const Environment& environment) {
  if (table.has(name)) table.fail(name, "a secret does not belong in this file; use " + name + "_env or " + name + "_file");
  const auto variable = table.text(name + "_env");
  const auto path = table.text(name + "_file");
  if (variable && path) table.fail(name + "_file", "is given beside " + name + "_env; one of them is enough");
  if (variable) {
    auto value = environment(*variable);
    if (!value || value->empty()) table.fail(name + "_env", "the environment variable " + *variable + " is not set");
    return value;
  }
  if (!path) return std::nullopt;
  try {
    std::string value = read_small_file(*path);
    if (value.ends_with('\n')) value.pop_back();
    if (value.ends_with('\r')) value.pop_back();
    if (value.empty()) table.fail(name + "_file", *path + " is empty");
    return value;
  } catch (const TomlError&) {
    throw;
  } catch (const std::runtime_error& error) {
    table.fail(name + "_file", error.what());
  }
}

}  // namespace sluice::app

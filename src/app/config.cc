#include "app/config.h"

#include <fmt/format.h>

#include <array>

#include "app/config_sections.h"

namespace sluice::app {
namespace {

void read_limits(TomlTable& root, http::ServerLimits& limits) {
  auto table = root.table("limits");
  if (!table) return;
  const auto bytes = [&](const char* key, std::size_t& value, std::int64_t max) {
    if (auto given = table->integer(key, 1, max)) value = static_cast<std::size_t>(*given);
  };
  const auto seconds = [&](const char* key, std::chrono::milliseconds& value) {
    if (auto given = table->integer(key, 1, 3600)) value = std::chrono::seconds(*given);
  };
  bytes("header_bytes_max", limits.header_bytes_max, 1 << 20);
  bytes("header_count_max", limits.header_count_max, 1000);
  bytes("target_bytes_max", limits.target_bytes_max, 1 << 20);
  bytes("body_bytes_max", limits.body_bytes_max, 64 << 20);
  bytes("connections_max", limits.connections_max, 1'000'000);
  seconds("header_timeout_s", limits.header_timeout);
  seconds("body_timeout_s", limits.body_timeout);
  seconds("idle_timeout_s", limits.idle_timeout);
  seconds("write_timeout_s", limits.write_timeout);
  seconds("drain_timeout_s", limits.drain_timeout);
  table->finish();
}

void read_cors(TomlTable& root, Config& config) {
  auto table = root.table("cors");
  if (!table) return;
  config.gateway.cors_origins = table->texts("origins").value_or(std::vector<std::string>{});
  for (const std::string& origin : config.gateway.cors_origins)
    if (origin != "*" && (origin.find("://") == std::string::npos || origin.ends_with('/')))
      table->fail("origins", "'" + origin + "': an origin is scheme://host[:port] without a path, or *");
  table->finish();
}

// Whoever has it can end anybody's access.
constexpr std::size_t kAdminTokenBytesMin = 32;

void read_admin(TomlTable& root, Inputs& inputs, Config& config) {
  auto admin = root.table("admin");
  if (!admin) return;
  config.admin_listen = admin->texts("listen").value_or(std::vector<std::string>{});
  config.admin_token = inputs.secret(*admin, "token").value_or("");
  if (!config.admin_token.empty() && config.admin_token.size() < kAdminTokenBytesMin)
    admin->fail("token_env", fmt::format("is shorter than {} bytes", kAdminTokenBytesMin));
  if (!config.admin_token.empty() && config.admin_listen.empty())
    admin->fail("listen", "is missing: where the token is accepted");
  admin->finish();
}

log::Level read_log_level(TomlTable& root) {
  constexpr std::array<std::pair<std::string_view, log::Level>, 4> kLevels = {{{"debug", log::Level::kDebug},
                                                                               {"info", log::Level::kInfo},
                                                                               {"warn", log::Level::kWarn},
                                                                               {"error", log::Level::kError}}};
  const std::string wanted = root.text("log_level").value_or("info");
  for (const auto& [name, level] : kLevels)
    if (name == wanted) return level;
  root.fail("log_level", "'" + wanted + "' is none of debug, info, warn, error");
}

}  // namespace

void read_server(TomlTable& root, Inputs& inputs, Config& config) {
  config.listen = root.texts("listen").value_or(std::vector<std::string>{"127.0.0.1:4000"});
  if (config.listen.empty()) root.fail("listen", "is empty");
  config.public_url = root.text("public_url").value_or("http://" + config.listen.front());
  while (config.public_url.ends_with('/')) config.public_url.pop_back();
  if (auto url = http::Url::parse(config.public_url); !url)
    root.fail("public_url", "'" + config.public_url + "': " + url.error());
  config.threads = static_cast<unsigned>(root.integer("threads", 0, 1024).value_or(0));
  config.log_level = read_log_level(root);
  config.gateway.debug = root.boolean("debug").value_or(false);
  config.gateway.public_url = config.public_url;
  read_admin(root, inputs, config);
  if (auto audit = root.table("audit")) {
    config.audit_file = audit->text("file");
    audit->finish();
  }
  if (auto reload = root.table("reload")) {
    config.watch = reload->boolean("watch").value_or(true);
    reload->finish();
  }
  read_limits(root, config.limits);
  read_cors(root, config);
}

namespace {

Config read_config(TomlTable root, const Environment& environment) {
  Config config;
  Inputs inputs(environment);
  read_server(root, inputs, config);
  read_origin(root, inputs, config);
  read_revocation(root, inputs, config);
  for (const char* key : {"listen", "threads", "admin", "limits", "origin", "revocation", "audit"})
    config.fixed.emplace(key, root.printed(key));
  Inputs reloadable(environment);
  read_tokens(root, reloadable, config);
  read_policy(root, reloadable, config);
  root.finish();
  config.text = root.json();
  config.files = reloadable.files();
  return config;
}

}  // namespace

std::expected<Config, ConfigError> parse_config(std::string_view toml, const std::string& name,
                                                const Environment& environment) {
  try {
    return read_config(TomlTable::parse(toml, name), environment);
  } catch (const std::runtime_error& error) {
    return std::unexpected(ConfigError{error.what()});
  }
}

std::expected<Config, ConfigError> load_config(const std::string& path, const Environment& environment) {
  try {
    auto config = parse_config(read_small_file(path), path, environment);
    if (config) config->files.push_back(path);
    return config;
  } catch (const std::runtime_error& error) {
    return std::unexpected(ConfigError{error.what()});
  }
}

Config load_config_or_throw(const std::string& path, const Environment& environment) {
  auto config = load_config(path, environment);
  if (!config) throw std::runtime_error(config.error().message);
  return *std::move(config);
}

}  // namespace sluice::app

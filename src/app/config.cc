#include "app/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "app/secrets.h"
#include "app/toml_reader.h"

namespace sluice::app {
namespace {

constexpr std::int64_t kDay_s = 24 * 60 * 60;

// A credential in a URL would be a secret in the file.
bool has_password(std::string_view url) {
  const std::size_t at = url.find('@');
  const std::size_t scheme = url.find("://");
  if (at != std::string_view::npos && scheme != std::string_view::npos && scheme < at &&
      url.substr(scheme + 3, at - scheme - 3).find(':') != std::string_view::npos)
    return true;
  return url.find("password=") != std::string_view::npos;
}

token::Key make_key(TomlTable& table, const std::string& key, std::expected<token::Key, token::KeyError> made) {
  if (!made) table.fail(key, std::string(to_string(made.error())));
  return *std::move(made);
}

// `alg` with `secret_env|file` (HS256) or `public_key_env|file` (EdDSA).
token::Key verifying_key(TomlTable& table, const Environment& environment) {
  const std::string alg = table.required_text("alg");
  const auto algorithm = token::parse_algorithm(alg);
  if (!algorithm) table.fail("alg", "'" + alg + "' is not offered; HS256 and EdDSA are");
  const std::string key_id = table.text("kid").value_or("");
  const std::string name = *algorithm == token::Algorithm::kHs256 ? "secret" : "public_key";
  const auto material = read_secret(table, name, environment);
  if (!material) table.fail("alg", alg + " needs " + name + "_env or " + name + "_file");
  if (*algorithm == token::Algorithm::kHs256) return make_key(table, "alg", token::Key::hmac_sha256(*material, key_id));
  return make_key(table, "alg", token::Key::ed25519_public(*material, key_id));
}

token::VerifierOptions read_issuer(TomlTable& table, const Environment& environment) {
  token::VerifierOptions options;
  options.name = table.required_text("name");
  options.keys.push_back(verifying_key(table, environment));
  options.issuer = table.text("issuer");
  options.audience = table.text("audience");
  options.leeway_s = table.integer("leeway_s", 0, 60).value_or(options.leeway_s);
  options.lifetime_max_s = table.integer("lifetime_max_s", 1, 3650 * kDay_s).value_or(0);
  table.finish();
  return options;
}

void read_identities(TomlTable& root, const Environment& environment, Config& config) {
  for (TomlTable& table : root.tables("identity")) {
    token::VerifierOptions options = read_issuer(table, environment);
    options.types_refused.emplace_back(gatekeeper::kGrantType);
    config.gateway.identities.emplace_back(std::move(options));
  }
}

void read_gate(TomlTable& root, const Environment& environment, Config& config) {
  auto gate = root.table("gate");
  if (!gate) return;
  for (TomlTable& table : gate->tables("issuer")) config.gateway.grants.emplace_back(read_issuer(table, environment));
  gate->finish();
}

void read_gatekeeper(TomlTable& root, const Environment& environment, Config& config) {
  auto table = root.table("gatekeeper");
  if (!table) return;
  const auto secret = read_secret(*table, "secret", environment);
  const auto private_key = read_secret(*table, "private_key", environment);
  if (secret.has_value() == private_key.has_value())
    table->fail("secret_env", "give either secret_env|secret_file (HS256) or private_key_env|private_key_file (EdDSA)");
  token::Key key = secret ? make_key(*table, "secret_env", token::Key::hmac_sha256(*secret))
                          : make_key(*table, "private_key_file", token::Key::ed25519_private(*private_key));
  gatekeeper::MinterOptions minter{std::move(key), config.public_url};
  minter.ttl_s = table->integer("ttl_s", 1, 30 * kDay_s).value_or(minter.ttl_s);
  config.gateway.minter = std::move(minter);
  table->finish();
}

policy::ShapeTemplateConfig read_shape_template(TomlTable& table) {
  policy::ShapeTemplateConfig shape;
  shape.table = table.required_text("table");
  shape.where = table.text("where");
  shape.params = table.texts("params").value_or(std::vector<std::string>{});
  shape.columns = table.texts("columns");
  shape.replica = table.text("replica");
  return shape;
}

void read_rules(TomlTable& root, Config& config) {
  std::vector<policy::RuleConfig> rules;
  for (TomlTable& table : root.tables("rule")) {
    policy::RuleConfig rule;
    rule.line = table.line();
    rule.name = table.text("name").value_or(fmt::format("line {}", rule.line));
    rule.shape = read_shape_template(table);
    rule.any_where = table.boolean("any_where").value_or(false);
    rule.identity = table.text("identity");
    rule.when = table.text_map("when");
    table.finish();
    rules.push_back(std::move(rule));
    auto checked = policy::Rules::make({rules.back()});
    if (!checked) table.fail("table", checked.error());
  }
  config.gateway.authorizer = std::make_shared<policy::Rules>(*policy::Rules::make(rules));
}

// Reachable as a path segment without escapes.
bool is_shape_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  }) && name.find_first_not_of('.') != std::string_view::npos;
}

void read_shapes(TomlTable& root, Config& config) {
  for (TomlTable& table : root.tables("shape")) {
    const std::string name = table.required_text("name");
    if (!is_shape_name(name)) table.fail("name", "'" + name + "': letters, digits, '-', '_' and '.' make a shape's name");
    auto shape = policy::ShapeTemplate::make(read_shape_template(table));
    if (!shape) table.fail("table", shape.error());
    const bool is_public = table.boolean("public").value_or(false);
    if (is_public && shape->needs_claims()) table.fail("public", "the shape is filled from claims, so it cannot be public");
    table.finish();
    if (!config.gateway.shapes.emplace(name, gateway::NamedShape{*std::move(shape), is_public}).second)
      table.fail("name", "'" + name + "' is defined twice");
  }
}

origin::EmbeddedOptions read_embedded(TomlTable& table, std::string database_url) {
  origin::EmbeddedOptions options;
  options.database_url = std::move(database_url);
  options.slot = table.text("slot").value_or(options.slot);
  options.publication = table.text("publication").value_or(options.publication);
  if (auto bytes = table.integer("chunk_bytes", 1024, 1 << 30)) options.chunk_bytes = static_cast<std::size_t>(*bytes);
  if (auto bytes = table.integer("memory_max_bytes", 1 << 20, std::int64_t{1} << 40))
    options.memory_max = static_cast<std::size_t>(*bytes);
  if (auto count = table.integer("shapes_max", 1, 10'000'000)) options.shapes_max = static_cast<std::size_t>(*count);
  if (auto age = table.integer("cache_max_age_s", 0, 365 * kDay_s))
    options.cache_max_age_s = static_cast<std::uint32_t>(*age);
  if (auto age = table.integer("cache_stale_age_s", 0, 365 * kDay_s))
    options.cache_stale_age_s = static_cast<std::uint32_t>(*age);
  if (auto hold = table.integer("long_poll_timeout_s", 1, 40)) options.long_poll_timeout = std::chrono::seconds(*hold);
  return options;
}

origin::RemoteOptions read_remote(TomlTable& table, http::Url url, const Environment& environment) {
  origin::RemoteOptions options;
  options.client.origin = std::move(url);
  options.secret = read_secret(table, "secret", environment).value_or("");
  return options;
}

void read_origin(TomlTable& root, const Environment& environment, Config& config) {
  auto table = root.table("origin");
  if (!table) root.fail("origin", "is missing: name the shape server's `url`, or a `database_url`");
  const auto url = table->text("url");
  auto database_url = table->text("database_url");
  if (database_url && has_password(*database_url))
    table->fail("database_url", "holds a password; use database_url_env or database_url_file");
  if (!database_url) {
    if (const auto variable = table->text("database_url_env")) {
      database_url = environment(*variable);
      if (!database_url) table->fail("database_url_env", "the environment variable " + *variable + " is not set");
    } else if (const auto path = table->text("database_url_file")) {
      database_url = read_small_file(*path);
      while (!database_url->empty() && database_url->back() == '\n') database_url->pop_back();
    }
  }
  if (url.has_value() == database_url.has_value()) table->fail("url", "give either `url` or `database_url`");
  if (url) {
    auto parsed = http::Url::parse(*url);
    if (!parsed) table->fail("url", "'" + *url + "': " + parsed.error());
    config.remote = read_remote(*table, *std::move(parsed), environment);
  } else {
    config.embedded = read_embedded(*table, *std::move(database_url));
  }
  table->finish();
}

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

void read_server(TomlTable& root, Config& config) {
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
  if (auto admin = root.table("admin")) {
    config.admin_listen = admin->texts("listen").value_or(std::vector<std::string>{});
    admin->finish();
  }
  read_limits(root, config.limits);
  read_cors(root, config);
}

// One key for two purposes would make a token for one of them valid for the other (SECURITY J37).
void check_keys_apart(const Config& config, TomlTable& root) {
  constexpr std::string_view kProbe = "sluice key separation";
  const auto& minter = config.gateway.minter;
  if (!minter) return;
  const std::string signature = minter->key.sign(kProbe);
  const auto check = [&](const std::vector<token::Verifier>& verifiers, const std::string& section) {
    for (const token::Verifier& verifier : verifiers)
      for (const token::Key& key : verifier.options().keys)
        if (key.algorithm() == minter->key.algorithm() && key.verify(kProbe, signature))
          root.fail("gatekeeper",
                    "has the same key as " + section + " '" + verifier.options().name + "'; each needs its own");
  };
  check(config.gateway.identities, "identity");
  check(config.gateway.grants, "gate.issuer");
}

Config read_config(TomlTable root, const Environment& environment) {
  Config config;
  read_server(root, config);
  read_origin(root, environment, config);
  read_identities(root, environment, config);
  read_gate(root, environment, config);
  read_gatekeeper(root, environment, config);
  read_rules(root, config);
  read_shapes(root, config);
  root.finish();
  check_keys_apart(config, root);
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
    return parse_config(read_small_file(path), path, environment);
  } catch (const std::runtime_error& error) {
    return std::unexpected(ConfigError{error.what()});
  }
}

}  // namespace sluice::app

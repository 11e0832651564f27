#include "app/config_sections.h"

namespace sluice::app {
namespace {

constexpr std::int64_t kDay_s = 24 * 60 * 60;

origin::EmbeddedOptions read_embedded(TomlTable& table, std::string database_url) {
  origin::EmbeddedOptions options;
  options.database_url = std::move(database_url);
  options.slot = table.text("slot").value_or(options.slot);
  options.publication = table.text("publication").value_or(options.publication);
  options.storage = table.text("storage").value_or(options.storage);
  options.drop_slot_on_stop = table.boolean("drop_slot_on_stop").value_or(false);
  options.manual_publication = table.boolean("manual_publication").value_or(false);
  if (auto bytes = table.integer("storage_max_bytes", 1 << 20, std::int64_t{1} << 50))
    options.storage_max = static_cast<std::size_t>(*bytes);
  if (auto count = table.integer("snapshots_max", 1, 100)) options.snapshots_max = static_cast<std::size_t>(*count);
  if (auto bytes = table.integer("chunk_bytes", 1024, 1 << 30)) options.chunk_bytes = static_cast<std::size_t>(*bytes);
  if (auto bytes = table.integer("memory_max_bytes", 1 << 20, std::int64_t{1} << 40))
    options.memory_max = static_cast<std::size_t>(*bytes);
  if (auto count = table.integer("shapes_max", 1, 10'000'000)) options.shapes_max = static_cast<std::size_t>(*count);
  if (auto age = table.integer("cache_max_age_s", 0, 365 * kDay_s))
    options.cache_max_age_s = static_cast<std::uint32_t>(*age);
  if (auto age = table.integer("cache_stale_age_s", 0, 365 * kDay_s))
    options.cache_stale_age_s = static_cast<std::uint32_t>(*age);
  if (auto hold = table.integer("long_poll_timeout_s", 1, 40)) options.long_poll_timeout = std::chrono::seconds(*hold);
  if (auto limit = table.integer("subset_timeout_s", 1, 25)) options.subset_timeout = std::chrono::seconds(*limit);
  return options;
}

origin::RemoteOptions read_remote(TomlTable& table, http::Url url, Inputs& inputs) {
  origin::RemoteOptions options;
  options.client.origin = std::move(url);
  options.secret = inputs.secret(table, "secret").value_or("");
  // Several gateways before one server without a secret need it; otherwise they agree by the secret.
  if (const auto key = inputs.secret(table, "handle_key")) {
    if (key->size() < origin::kHandleKeyBytes) table.fail("handle_key_env", "is shorter than 32 bytes");
    options.handle_key = origin::HandleSeal::derive_key(*key);
  }
  return options;
}

}  // namespace

// A credential in a URL would be a secret in the file.
bool has_password(std::string_view url) {
  const std::size_t at = url.find('@');
  const std::size_t scheme = url.find("://");
  if (at != std::string_view::npos && scheme != std::string_view::npos && scheme < at &&
      url.substr(scheme + 3, at - scheme - 3).find(':') != std::string_view::npos)
    return true;
  return url.find("password=") != std::string_view::npos;
}

std::optional<std::string> read_url(TomlTable& table, Inputs& inputs, const std::string& name) {
  const auto url = table.text(name);
  const auto from = table.text(name + "_env");
  const auto path = table.text(name + "_file");
  if (int(url.has_value()) + int(from.has_value()) + int(path.has_value()) > 1)
    table.fail(name, "give one of " + name + ", " + name + "_env and " + name + "_file");
  if (url && has_password(*url)) table.fail(name, "holds a password; use " + name + "_env or " + name + "_file");
  if (url) return url;
  if (from) {
    auto value = inputs.variable(*from);
    if (!value || value->empty()) table.fail(name + "_env", "the environment variable " + *from + " is not set");
    return value;
  }
  if (!path) return std::nullopt;
  std::string value = inputs.file(table, name + "_file", *path);
  while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.pop_back();
  if (value.empty()) table.fail(name + "_file", *path + " is empty");
  return value;
}

void read_origin(TomlTable& root, Inputs& inputs, Config& config) {
  auto table = root.table("origin");
  if (!table) root.fail("origin", "is missing: name the shape server's `url`, or a `database_url`");
  const auto url = table->text("url");
  auto database_url = read_url(*table, inputs, "database_url");
  if (url.has_value() == database_url.has_value()) table->fail("url", "give either `url` or `database_url`");
  if (url) {
    auto parsed = http::Url::parse(*url);
    if (!parsed) table->fail("url", "'" + *url + "': " + parsed.error());
    config.remote = read_remote(*table, *std::move(parsed), inputs);
  } else {
    config.embedded = read_embedded(*table, *std::move(database_url));
  }
  table->finish();
}

}  // namespace sluice::app

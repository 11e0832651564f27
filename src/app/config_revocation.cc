#include <charconv>

#include "app/config_sections.h"
#include "base/bytes.h"

namespace sluice::app {
namespace {

constexpr std::string_view kRedisScheme = "redis://";

std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const auto byte = i + 2 < text.size() ? hex_decode(text.substr(i + 1, 2)) : std::nullopt;
    if (!byte) return std::nullopt;
    decoded += *byte;
    i += 2;
  }
  return decoded;
}

// redis://[[user]:password@]host[:port], and nothing behind it: revocations are a stream, which no database number splits.
std::optional<gatekeeper::RedisOptions> parse_redis_url(std::string_view url) {
  if (!url.starts_with(kRedisScheme)) return std::nullopt;
  url.remove_prefix(kRedisScheme.size());
  if (url.ends_with('/')) url.remove_suffix(1);
  gatekeeper::RedisOptions options;
  if (const std::size_t at = url.rfind('@'); at != std::string_view::npos) {
    const std::string_view user_info = url.substr(0, at);
    const std::size_t colon = user_info.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto username = percent_decode(user_info.substr(0, colon));
    const auto password = percent_decode(user_info.substr(colon + 1));
    if (!username || !password) return std::nullopt;
    options.username = *username;
    options.password = *password;
    url.remove_prefix(at + 1);
  }
  const std::size_t colon = url.rfind(':');
  options.host = std::string(url.substr(0, colon));
  if (options.host.empty() || options.host.find_first_of("/?# ") != std::string::npos) return std::nullopt;
  if (colon == std::string_view::npos) return options;
  const std::string_view port = url.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), options.port);
  if (error != std::errc() || end != port.data() + port.size() || options.port == 0) return std::nullopt;
  return options;
}

}  // namespace

void read_revocation(TomlTable& root, Inputs& inputs, Config& config) {
  auto table = root.table("revocation");
  if (!table) return;
  const auto file = table->text("file");
  const auto redis_url = read_url(*table, inputs, "redis_url");
  const auto stream = table->text("stream");
  if (file && redis_url) table->fail("file", "give either `file` or a Redis, not both");
  if (stream && !redis_url) table->fail("stream", "is a Redis stream's name; there is no redis_url");
  if (file) {
    if (file->empty()) table->fail("file", "is empty");
    config.revocation = *file;
  } else if (redis_url) {
    auto options = parse_redis_url(*redis_url);
    if (!options) table->fail("redis_url", "is not redis://[[user]:password@]host[:port]");
    if (stream) options->stream = *stream;
    config.revocation = *std::move(options);
  }
  table->finish();
}

}  // namespace sluice::app

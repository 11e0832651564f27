#include "identity/discovery.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>

#include "base/json.h"

namespace sluice::identity {
namespace {

constexpr std::string_view kConfigurationPath = ".well-known/openid-configuration";

bool is_this_machine(const std::string& host) {
  if (http::equal_ignoring_case(host, "localhost")) return true;
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  return !error && address.is_loopback();
}

// Visible ASCII without `#`: it goes into a request line as it is.
bool is_query(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f && c != '#'; });
}

std::expected<std::string_view, std::string> read_text(simdjson::dom::object object, std::string_view name) {
  std::string_view text;
  if (object.at_key(name).get(text) != simdjson::SUCCESS)
    return std::unexpected("the configuration has no " + std::string(name));
  return text;
}

}  // namespace

std::expected<KeysUrl, std::string> KeysUrl::parse(std::string_view text) {
  const std::size_t question = std::min(text.find('?'), text.size());
  auto url = http::Url::parse(text.substr(0, question));
  if (!url) return std::unexpected(std::move(url.error()));
  if (!is_query(text.substr(question))) return std::unexpected("the URL's query is not plain, or it has a fragment");
  if (!url->tls && !is_this_machine(url->host)) return std::unexpected("the URL is not https");
  std::string target = url->path + std::string(text.substr(question));
  return KeysUrl{*std::move(url), std::move(target)};
}

std::expected<KeysUrl, std::string> configuration_url(std::string_view issuer) {
  if (issuer.find_first_of("?#") != std::string_view::npos)
    return std::unexpected("an issuer's URL has no query and no fragment");
  std::string url(issuer);
  if (!url.ends_with('/')) url += '/';
  return KeysUrl::parse(url.append(kConfigurationPath));
}

std::expected<KeysUrl, std::string> keys_url_of(std::string_view configuration, std::string_view issuer) {
  const auto json = Json::parse(configuration, {.bytes_max = configuration.size(), .depth_max = 16});
  if (!json) return std::unexpected("the configuration is not read: " + std::string(to_string(json.error())));
  simdjson::dom::object object;
  if (json->root().get(object) != simdjson::SUCCESS) return std::unexpected("the configuration is no JSON object");
  const auto said = read_text(object, "issuer");
  if (!said) return std::unexpected(said.error());
  if (*said != issuer) return std::unexpected("the configuration is of another issuer");
  const auto text = read_text(object, "jwks_uri");
  if (!text) return std::unexpected(text.error());
  auto keys = KeysUrl::parse(*text);
  if (!keys) return std::unexpected("jwks_uri: " + keys.error());
  const auto asked = configuration_url(issuer);
  if (!asked) return std::unexpected(asked.error());
  if (!http::equal_ignoring_case(keys->url.host, asked->url.host))
    return std::unexpected("jwks_uri is of another host than the issuer; where that is meant, configure jwks_url");
  return keys;
}

}  // namespace sluice::identity

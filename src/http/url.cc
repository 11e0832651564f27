#include <boost/asio/ip/address.hpp>
#include <charconv>

#include "http/client.h"
#include "http/request_head.h"
#include "http/syntax.h"

namespace sluice::http {
namespace {

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), port);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

}  // namespace

std::expected<Url, std::string> Url::parse(std::string_view text) {
  Url url;
  if (take_prefix(text, "https://")) {
    url.tls = true;
  } else if (!take_prefix(text, "http://")) {
    return std::unexpected("a URL begins with http:// or https://");
  }
  if (text.find_first_of("?#") != std::string_view::npos) return std::unexpected("this URL has no query and no fragment");
  const auto slash = text.find('/');
  const std::string_view authority = text.substr(0, slash);
  url.path = slash == std::string_view::npos ? "/" : std::string(text.substr(slash));
  if (authority.find('@') != std::string_view::npos) return std::unexpected("a URL holds no user and no password");
  if (!is_host(authority)) return std::unexpected("the URL's host is not valid");
  if (!is_plain_target(url.path)) return std::unexpected("the URL's path is not plain (no escapes, `//`, dots, `;`)");

  const auto colon = authority.back() == ']' ? std::string_view::npos : authority.rfind(':');
  std::string_view host = authority.substr(0, colon);
  url.port = url.tls ? 443 : 80;
  if (colon != std::string_view::npos) {
    const auto port = parse_port(authority.substr(colon + 1));
    if (!port) return std::unexpected("the URL's port is not valid");
    url.port = *port;
  }
  if (host.front() == '[') {
    host = host.substr(1, host.size() - 2);
    boost::system::error_code error;
    boost::asio::ip::make_address_v6(std::string(host), error);
    if (error) return std::unexpected("the URL's IPv6 address is not valid");
  }
  url.host = host;
  return url;
}

std::string Url::authority() const {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != (tls ? 443 : 80)) text += ":" + std::to_string(port);
  return text;
}

}  // namespace sluice::http

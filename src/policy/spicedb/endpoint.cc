#include "policy/spicedb/endpoint.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace sluice::policy::spicedb {
namespace {

constexpr std::string_view kNameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
constexpr std::array<const char*, 3> kRootFiles = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                                   "/etc/ssl/cert.pem"};

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port > 0 && port <= 65535;
}

bool is_loopback_v4(const std::string& host) {
  in_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

std::expected<Endpoint, std::string> parse_v6(std::string_view text) {
  const std::size_t close = text.find("]:");
  in6_addr address{};
  if (close == std::string_view::npos || !is_port(text.substr(close + 2)) ||
      ::inet_pton(AF_INET6, std::string(text.substr(1, close - 1)).c_str(), &address) != 1) {
    return std::unexpected(std::string("not [address]:port"));
  }
  // Brackets are no characters of a URI's path (RFC 3986, 3.3).
  return Endpoint{
      .target = "ipv6:%5B" + std::string(text.substr(1, close - 1)) + "%5D" + std::string(text.substr(close + 1)),
      .loopback = IN6_IS_ADDR_LOOPBACK(&address) != 0};
}

}  // namespace

std::expected<Endpoint, std::string> Endpoint::parse(std::string_view text) {
  if (text.starts_with('[')) return parse_v6(text);
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || !is_port(text.substr(colon + 1))) {
    return std::unexpected(std::string("not host:port"));
  }
  const std::string host(text.substr(0, colon));
  if (host.find_first_not_of(kNameCharacters) != std::string::npos) return std::unexpected(std::string("not host:port"));
  return Endpoint{.target = "dns:///" + std::string(text), .loopback = host == "localhost" || is_loopback_v4(host)};
}

std::expected<std::string, std::string> system_root_certificates() {
  const char* named = std::getenv("SSL_CERT_FILE");
  const char* path = named;
  if (path == nullptr) {
    const auto found = std::ranges::find_if(kRootFiles, [](const char* file) { return std::ifstream(file).good(); });
    if (found == kRootFiles.end())
      return std::unexpected(std::string("this machine has no file of certificate authorities"));
    path = *found;
  }
  std::ifstream file(path, std::ios::binary);
  std::string pem((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (pem.empty()) return std::unexpected("no certificate authorities in " + std::string(path));
  return pem;
}

}  // namespace sluice::policy::spicedb

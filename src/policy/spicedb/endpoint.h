// Where SpiceDB is, and whom to believe that it is there.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace sluice::policy::spicedb {

struct Endpoint {
  std::string target;     // as gRPC's name resolver takes it (grpc/doc/naming.md)
  bool loopback = false;  // `localhost`, 127.0.0.0/8, [::1]

  // host:port, where host is a name, an IPv4 address, or an IPv6 address in brackets. Nothing else: gRPC's own targets
  // (unix:, xds:, …) would mean something else than what the configuration seems to say.
  static std::expected<Endpoint, std::string> parse(std::string_view text);
};

// The PEM file of certificate authorities: $SSL_CERT_FILE, or where Debian, Red Hat or Alpine keep it.
std::expected<std::string, std::string> system_root_certificates();

}  // namespace sluice::policy::spicedb

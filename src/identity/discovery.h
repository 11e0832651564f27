// Where an issuer publishes its keys: the URLs that may be asked, and OpenID Connect Discovery 1.0.
//
// https only; http where the host is this machine: 127.0.0.0/8, ::1, `localhost` (SECURITY J28).
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "http/client.h"

namespace sluice::identity {

struct KeysUrl {
  http::Url url;
  std::string target;  // its path, with its query where it has one

  // The error says what is wrong, and nothing of the text.
  static std::expected<KeysUrl, std::string> parse(std::string_view text);
};

// Section 4: <issuer>/.well-known/openid-configuration, the issuer without its last slash. An issuer has no query.
std::expected<KeysUrl, std::string> configuration_url(std::string_view issuer);

// Section 4.3: reads jwks_uri out of a configuration. Its `issuer` must be this one exactly, and jwks_uri of the issuer's
// host: an issuer with its keys elsewhere is configured with jwks_url.
std::expected<KeysUrl, std::string> keys_url_of(std::string_view configuration, std::string_view issuer);

}  // namespace sluice::identity

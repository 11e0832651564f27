// `sluice token sign` and `sluice token verify`: for scripts, tests and looking at what one has.
#pragma once

#include <optional>
#include <string>

namespace sluice::app {

struct TokenKeyOptions {
  std::string algorithm;         // empty: HS256 with a secret, EdDSA with a key file
  std::string secret_env;        // HS256, HS384, HS512
  std::string secret_file;       // the same
  std::string private_key_file;  // PEM, to sign with the others
  std::string public_key_file;   // PEM, to verify
  std::string key_id;
};

struct TokenSignOptions {
  TokenKeyOptions key;
  std::string claims;  // a JSON object; `-` reads standard input
  std::string type = "JWT";
  long long expires_in_s = 0;  // adds iat and exp where positive
};

struct TokenVerifyOptions {
  TokenKeyOptions key;
  std::string token;  // `-` reads standard input
  std::optional<std::string> issuer, audience, type;
};

// Print the token, or the claims; what is wrong goes to standard error. 0, or 1 where it failed. Throw std::runtime_error
// where the key or the claims cannot be used.
int sign_token(const TokenSignOptions& options);
int verify_token(const TokenVerifyOptions& options);

}  // namespace sluice::app

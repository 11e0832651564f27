#include "app/token_command.h"

#include <fmt/format.h>

#include <chrono>
#include <iostream>
#include <iterator>
#include <stdexcept>

#include "app/inputs.h"
#include "base/bytes.h"
#include "token/key.h"
#include "token/verifier.h"

namespace sluice::app {
namespace {

std::int64_t now_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string read_argument(const std::string& argument) {
  if (argument != "-") return argument;
  std::string text((std::istreambuf_iterator<char>(std::cin)), std::istreambuf_iterator<char>());
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

std::string trimmed_file(const std::string& path) {
  std::string text = read_small_file(path);
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

token::Key usable(std::expected<token::Key, token::KeyError> key, std::string_view from) {
  if (!key) throw std::runtime_error(fmt::format("{}: {}", from, to_string(key.error())));
  return *std::move(key);
}

token::Algorithm algorithm_of(const TokenKeyOptions& options, token::Algorithm usual) {
  if (options.algorithm.empty()) return usual;
  const auto algorithm = token::parse_algorithm(options.algorithm);
  if (!algorithm) throw std::runtime_error("--alg: '" + options.algorithm + "' is not offered");
  return *algorithm;
}

token::Key read_key(const TokenKeyOptions& options, bool to_sign) {
  const token::Algorithm hmac = algorithm_of(options, token::Algorithm::kHs256);
  if (!options.secret_env.empty()) {
    const auto secret = process_environment()(options.secret_env);
    if (!secret) throw std::runtime_error("the environment variable " + options.secret_env + " is not set");
    return usable(token::Key::hmac(hmac, *secret, options.key_id), options.secret_env);
  }
  if (!options.secret_file.empty())
    return usable(token::Key::hmac(hmac, trimmed_file(options.secret_file), options.key_id), options.secret_file);
  const std::string& file = to_sign ? options.private_key_file : options.public_key_file;
  if (file.empty())
    throw std::runtime_error(to_sign ? "name a key: --secret-env, --secret-file or --private-key-file"
                                     : "name a key: --secret-env, --secret-file or --public-key-file");
  const token::Algorithm algorithm = algorithm_of(options, token::Algorithm::kEdDsa);
  return usable(to_sign ? token::Key::private_key(algorithm, read_small_file(file), options.key_id)
                        : token::Key::public_key(algorithm, read_small_file(file), options.key_id),
                file);
}

// The claims with iat and exp put in front, where a lifetime is asked for.
std::string with_lifetime(std::string_view object, std::int64_t lifetime_s) {
  if (lifetime_s <= 0) return std::string(object);
  const std::size_t brace = object.find('{');
  const std::string_view rest = object.substr(brace + 1);
  const bool empty = rest.find('"') == std::string_view::npos;
  const std::int64_t now = now_s();
  return fmt::format(R"({{"iat":{},"exp":{}{}{})", now, now + lifetime_s, empty ? "" : ",", rest);
}

}  // namespace

int sign_token(const TokenSignOptions& options) {
  const std::string claims = with_lifetime(read_argument(options.claims), options.expires_in_s);
  const auto json = Json::parse(claims);
  if (!json) throw std::runtime_error(fmt::format("claims: {}", to_string(json.error())));
  if (!json->root().is_object()) throw std::runtime_error("claims: not a JSON object");
  fmt::print("{}\n", token::sign(read_key(options.key, true), claims, options.type));
  return 0;
}

int verify_token(const TokenVerifyOptions& options) {
  token::VerifierOptions verifier;
  verifier.name = "command line";
  verifier.keys.push_back(read_key(options.key, false));
  verifier.issuer = options.issuer;
  verifier.audience = options.audience;
  verifier.type = options.type;
  const std::string token = read_argument(options.token);
  const auto verified = token::Verifier(std::move(verifier)).verify(token, now_s());
  if (!verified) {
    fmt::print(stderr, "sluice: the token is not valid: {}\n", to_string(verified.error()));
    return 1;
  }
  const std::size_t payload = token.find('.') + 1;
  fmt::print("{}\n", *base64url_decode(std::string_view(token).substr(payload, token.rfind('.') - payload)));
  return 0;
}

}  // namespace sluice::app

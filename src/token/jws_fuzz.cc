// Tokens: nothing that was not signed verifies, and no header or claims, however they are, do more than be refused.
// The first byte chooses: a header and claims, parted by a newline, that are properly signed ('s'); a signature for keys
// whose signatures have a form ('x'); else a token as it comes.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/err.h>

#include "base/bytes.h"
#include "token/jwk.h"
#include "token/jws.h"
#include "token/verifier.h"

using namespace sluice;

static void require(bool held) {
  if (!held) std::abort();
}

static const token::Key& key() {
  static const token::Key made = token::Key::hmac_sha256("0123456789abcdef0123456789abcdeX", "k").value();
  return made;
}

// Public keys from RFC 7515 appendix A.3, RFC 7520 section 3.1 and RFC 8037 appendix A.
static const std::vector<token::Key>& public_keys() {
  using enum token::Algorithm;
  static const std::vector<token::Key> made =
      token::parse_jwk_set(
          R"({"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
          R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},)"
          R"({"kty":"EC","crv":"P-521","x":"AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt",)"
          R"("y":"AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1"},)"
          R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})",
          {.algorithms = {kEs256, kEs512, kEdDsa}})
          .value()
          .keys;
  return made;
}

static std::string signed_token(std::string_view text) {
  const std::size_t split = std::min(text.find('\n'), text.size());
  const std::string input =
      base64url_encode(text.substr(0, split)) + '.' + base64url_encode(text.substr(std::min(split + 1, text.size())));
  return input + '.' + base64url_encode(key().sign(input));
}

static void check_token(const std::string& token, bool is_signed) {
  static const token::Verifier verifier({.name = "fuzz", .keys = {key()}});
  const auto jws = token::verify_jws(token, {&key(), 1});
  require(!jws || is_signed);
  const auto verified = verifier.verify(token, 1'700'000'000);
  require(!verified || jws);
  require(!verified || (*verified)->claims().expires_at_s() > 1'700'000'000 - 30);
  const auto key_id = token::key_id_of(token);
  require(!key_id || (!key_id->empty() && key_id->size() <= token::kKeyIdBytesMax));
  require(!jws || !key_id || *key_id == "k");
}

// Nobody here has the private keys.
static void check_signature(std::string_view signature) {
  require(public_keys().size() == 3);
  for (const token::Key& open : public_keys()) {
    require(!open.verify("text", signature));
    std::string sized(signature);
    sized.resize(open.algorithm() == token::Algorithm::kEs512 ? 132 : 64, '\0');
    require(!open.verify("text", sized));
    require(ERR_peek_error() == 0);
  }
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == 's')
    check_token(signed_token(text), true);
  else if (data[0] == 'x')
    check_signature(text);
  else
    check_token(std::string(text), false);
  return 0;
}

// Tokens: nothing that was not signed verifies, and no header or claims, however they are, do more than be refused.
// The first byte chooses: a token as it comes, or a header and claims (parted by a newline) that are properly signed.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "token/jws.h"
#include "token/verifier.h"

using namespace sluice;

static const token::Key& key() {
  static const token::Key made = token::Key::hmac_sha256("0123456789abcdef0123456789abcdeX", "k").value();
  return made;
}

static std::string signed_token(std::string_view text) {
  const std::size_t split = std::min(text.find('\n'), text.size());
  const std::string input =
      base64url_encode(text.substr(0, split)) + '.' + base64url_encode(text.substr(std::min(split + 1, text.size())));
  return input + '.' + base64url_encode(key().sign(input));
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const token::Verifier verifier({.name = "fuzz", .keys = {key()}});
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool sign_it = data[0] == 's';
  const std::string token = sign_it ? signed_token(text) : std::string(text);
  const auto jws = token::verify_jws(token, {&key(), 1});
  if (jws && !sign_it) std::abort();
  const auto verified = verifier.verify(token, 1'700'000'000);
  if (verified && !jws) std::abort();
  if (verified && (*verified)->claims().expires_at_s() <= 1'700'000'000 - 30) std::abort();
  if (verified) (void)(*verified)->claims().find_path("a.b");
  return 0;
}

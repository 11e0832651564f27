#include "token/published_keys.h"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/bytes.h"

namespace sluice::token {
namespace {

// SHA-256, so that no search for leaked keys trips over this file.
constexpr std::array<std::string_view, 11> kPublished = {
    "60931465b0b730e9d53286a2e821443f30853a50ffb6b1aa7200e10ad6ff3511",  // Electric's gatekeeper example
    "9dea66d0079e1e5d281faea70a05bf41fa2f7b4d909c3426d1b315cd19418868",  // the same in base64, in its Caddyfile
    "465d9ad5d5528ebe287b5dce4fb51620833d09b290e49ddcc70ca6c4a0aea01b",  // jwt.io
    "c8ecc9361a05e285f04c26f9572131a6deab07e9e2b865053c6f75a4d8bd2b32",  // RFC 7515 appendix A.1
    "8b1b17a9740c068accab5c3d0d652c8e3cc13206e70bb73b42ea41d4c2de3c12",  // the same in base64url
    "73ec74458059c70cae3f0ade8663fe0da1dc4b114ed8cdac75364140b4458a4c",  // RFC 7520 section 3.5
    "0330b11998cbc9abd5a585e755cb5df2f73f1a5632fdcc2abb19e05e3eceddb9",  // the same in base64url
    "a064b502e61d27e94b8717290e5e1b32e36720e9fbdf952ec81a84c07128cb37",  // Supabase, local development
    "1453cea2dc3799e9026e42b3e465e455256d5a149582e4c5b92d4c8d604731a2",  // Supabase, self-hosting
    "fd4dec75abc2df7e4f8776e246ce733d29690230695c4ce8ea7a207eb3a939ab",  // PostgREST's tutorial
    "ef1ca7491dee871be5f0e33a6d3f3e631bc8a69136fa49fddf3f3ca5bf3bd714",  // Hasura's documentation
};

}  // namespace

bool is_published(std::string_view secret) {
  if (secret.find_first_not_of(secret.substr(0, 1)) == std::string_view::npos) return true;
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return std::ranges::find(kPublished, hex_encode(digest)) != kPublished.end();
}

}  // namespace sluice::token

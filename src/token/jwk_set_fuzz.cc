// Key sets: whatever a provider answers, parsing ends in keys that were asked for or in reasons that say nothing of the
// text.
#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <openssl/err.h>

#include "token/jwk.h"

using namespace sluice;

static const token::JwkSetOptions& options(bool secret) {
  using enum token::Algorithm;
  static const token::JwkSetOptions published = {.algorithms = {kRs256, kPs512, kEs256, kEs384, kEs512, kEdDsa}};
  static const token::JwkSetOptions all = {.algorithms = {kHs256, kHs512, kRs256, kPs512, kEs256, kEs384, kEs512, kEdDsa},
                                           .secret = true};
  return secret ? all : published;
}

static void require(bool held) {
  if (!held) std::abort();
}

static bool printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

static void check(const token::JwkSet& set, const token::JwkSetOptions& asked) {
  std::set<std::pair<std::string, token::Algorithm>> names;
  for (const token::Key& key : set.keys) {
    require(std::ranges::find(asked.algorithms, key.algorithm()) != asked.algorithms.end());
    require(key.key_id().size() <= token::kKeyIdBytesMax && printable(key.key_id()));
    require(key.key_id().empty() || names.emplace(key.key_id(), key.algorithm()).second);  // no kid is ambiguous
    require(asked.secret || !key.can_sign());
    require(!key.verify("text", "") && !key.verify("text", std::string(64, '\0')));
  }
  for (const token::SkippedKey& skipped : set.skipped)
    require(skipped.key_id.size() <= token::kKeyIdBytesMax && printable(skipped.key_id) && printable(skipped.reason));
  require(set.skipped.size() <= 4 * token::kJwkSetKeysMax * asked.algorithms.size());
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const bool secret : {false, true}) {
    const auto set = token::parse_jwk_set(text, options(secret));
    if (set) check(*set, options(secret));
    require(ERR_peek_error() == 0);
  }
  return 0;
}

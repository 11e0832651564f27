// Claims: whatever stands in a payload that is properly signed, a token is accepted only where every promise of verifier.h
// holds; each is looked up again here, with the plainest of readers.
#include <simdjson.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "token/verifier.h"

using namespace sluice;

static constexpr std::int64_t kNow = 1'700'000'000;
static constexpr std::int64_t kLifetimeMax_s = 86'400;

static const token::Key& key() {
  static const token::Key made = token::Key::hmac_sha256("0123456789abcdef0123456789abcdeX", "k").value();
  return made;
}

static void require(bool held) {
  if (!held) std::abort();
}

static std::optional<std::int64_t> time_at(const token::Claims& claims, std::string_view name) {
  const auto value = claims.find(name);
  if (!value) return std::nullopt;
  require(value->type() == simdjson::dom::element_type::INT64);
  return value->get_int64().value();
}

static void check_text(const token::Claims& claims, std::string_view name, std::string_view read) {
  const auto value = claims.find(name);
  require(value ? value->get_string().value() == read && !read.empty() : read.empty());
}

static bool has_audience(simdjson::dom::element value, std::string_view wanted) {
  if (value.is_string()) return value.get_string().value() == wanted;
  for (const auto item : value.get_array().value())
    if (item.get_string().value() == wanted) return true;
  return false;
}

static void check(const token::Claims& claims, const token::VerifierOptions& options) {
  const auto expires = time_at(claims, "exp"), not_before = time_at(claims, "nbf"), issued = time_at(claims, "iat");
  require(expires && *expires == claims.expires_at_s() && issued == claims.issued_at_s());
  require(*expires > kNow - options.leeway_s);
  require(not_before.value_or(0) <= kNow + options.leeway_s && issued.value_or(0) <= kNow + options.leeway_s);
  require(not_before.value_or(0) >= 0 && issued.value_or(0) >= 0);
  if (options.lifetime_max_s != 0) require(*expires - issued.value_or(kNow) <= options.lifetime_max_s);
  check_text(claims, "iss", claims.issuer());
  check_text(claims, "sub", claims.subject());
  check_text(claims, "jti", claims.token_id());
  if (options.issuer) require(claims.issuer() == *options.issuer);
  if (options.audience) require(has_audience(claims.find("aud").value(), *options.audience));
  (void)claims.find_path("a.b.c");
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const token::Verifier lax({.name = "lax", .keys = {key()}});
  static const token::Verifier strict({.name = "strict",
                                       .keys = {key()},
                                       .issuer = "me",
                                       .audience = "sluice",
                                       .leeway_s = 0,
                                       .lifetime_max_s = kLifetimeMax_s});
  const std::string token = token::sign(key(), {reinterpret_cast<const char*>(data), size});
  const auto by_lax = lax.verify(token, kNow);
  const auto by_strict = strict.verify(token, kNow);
  require(!by_strict || by_lax);  // what the strict one takes, the lax one does
  if (by_lax) check((*by_lax)->claims(), lax.options());
  if (by_strict) check((*by_strict)->claims(), strict.options());
  if (by_lax) require((*by_lax)->verified_by() == "lax");
  return 0;
}

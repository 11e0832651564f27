#include "token/verifier.h"

#include <algorithm>
#include <stdexcept>

#include "token/jws.h"

namespace sluice::token {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr std::int64_t kLeewayMax_s = 60;
constexpr std::int64_t kLifetimeDefault_s = std::int64_t{10} * 365 * 24 * 3600;
// Integers that every JSON reader holds exactly.
constexpr std::int64_t kTimeMax_s = std::int64_t{1} << 53;

using Result = std::expected<void, TokenError>;

std::unexpected<TokenError> fail(TokenError error) {
  return std::unexpected(error);
}

std::expected<std::optional<std::int64_t>, TokenError> read_time(simdjson::dom::object claims, std::string_view name) {
  element value;
  if (claims.at_key(name).get(value) != simdjson::SUCCESS) return std::nullopt;
  // get() would convert; a double that happens to be whole is still a double.
  if (value.type() != element_type::INT64) return fail(TokenError::kBadClaims);
  const std::int64_t time = value.get_int64().value_unsafe();
  if (time < 0 || time > kTimeMax_s) return fail(TokenError::kBadClaims);
  return time;
}

std::expected<std::string_view, TokenError> read_text(simdjson::dom::object claims, std::string_view name) {
  element value;
  if (claims.at_key(name).get(value) != simdjson::SUCCESS) return std::string_view();
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS || text.empty()) return fail(TokenError::kBadClaims);
  return text;
}

// A string, or an array of strings; wanted or not, nothing else is an audience.
Result check_audience(simdjson::dom::object claims, const std::optional<std::string>& wanted) {
  element value;
  if (claims.at_key("aud").get(value) != simdjson::SUCCESS)
    return wanted ? Result(fail(TokenError::kWrongAudience)) : Result();
  bool found = !wanted;
  const auto look = [&](element item) {
    std::string_view text;
    if (item.get(text) != simdjson::SUCCESS) return false;
    found = found || text == *wanted;
    return true;
  };
  if (value.type() != element_type::ARRAY) {
    if (!look(value)) return fail(TokenError::kBadClaims);
  } else {
    for (const element item : value.get_array().value_unsafe())
      if (!look(item)) return fail(TokenError::kBadClaims);
  }
  return found ? Result() : Result(fail(TokenError::kWrongAudience));
}

struct Times {
  std::int64_t expires_at_s;
  std::optional<std::int64_t> not_before_s, issued_at_s;
};

std::expected<Times, TokenError> read_times(simdjson::dom::object claims) {
  const auto expires = read_time(claims, "exp");
  const auto not_before = read_time(claims, "nbf");
  const auto issued = read_time(claims, "iat");
  if (!expires || !not_before || !issued || !*expires) return fail(TokenError::kBadClaims);
  return Times{**expires, *not_before, *issued};
}

Result check_times(const Times& times, const VerifierOptions& options, std::int64_t now_s) {
  if (now_s >= times.expires_at_s + options.leeway_s) return fail(TokenError::kExpired);
  const std::int64_t latest = now_s + options.leeway_s;
  if (times.not_before_s.value_or(0) > latest || times.issued_at_s.value_or(0) > latest)
    return fail(TokenError::kNotYetValid);
  const std::int64_t lifetime_max = options.lifetime_max_s == 0 ? kLifetimeDefault_s : options.lifetime_max_s;
  if (times.expires_at_s - times.issued_at_s.value_or(now_s) > lifetime_max) return fail(TokenError::kLifetimeTooLong);
  return {};
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// As media types compare (RFC 7515 section 4.1.9): without case, with or without "application/".
bool same_media_type(std::string_view a, std::string_view b) {
  const auto same = [](std::string_view x, std::string_view y) { return std::ranges::equal(x, y, {}, lower, lower); };
  constexpr std::string_view kPrefix = "application/";
  if (same(a.substr(0, kPrefix.size()), kPrefix)) a.remove_prefix(kPrefix.size());
  return same(a, b);
}

Result check_type(std::string_view type, const VerifierOptions& options) {
  if (options.type && type != *options.type) return fail(TokenError::kWrongType);
  for (const std::string& refused : options.types_refused)
    if (same_media_type(type, refused)) return fail(TokenError::kWrongType);
  return {};
}

}  // namespace

Claims::Claims(Json json) : json_(std::move(json)) {}

std::string_view Claims::issuer() const {
  return issuer_;
}
std::string_view Claims::subject() const {
  return subject_;
}
std::string_view Claims::token_id() const {
  return token_id_;
}
std::int64_t Claims::expires_at_s() const {
  return expires_at_s_;
}
std::optional<std::int64_t> Claims::issued_at_s() const {
  return issued_at_s_;
}

std::optional<element> Claims::find(std::string_view name) const {
  element value;
  if (json_.root().at_key(name).get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

std::optional<element> Claims::find_path(std::string_view dotted) const {
  element value = json_.root();
  for (;;) {
    const std::size_t dot = dotted.find('.');
    simdjson::dom::object object;
    if (value.get(object) != simdjson::SUCCESS) return std::nullopt;
    if (object.at_key(dotted.substr(0, dot)).get(value) != simdjson::SUCCESS) return std::nullopt;
    if (dot == std::string_view::npos) return value;
    dotted.remove_prefix(dot + 1);
  }
}

VerifiedToken::VerifiedToken(Claims claims, std::string verified_by)
    : claims_(std::move(claims)), verified_by_(std::move(verified_by)) {}

Verifier::Verifier(VerifierOptions options) : options_(std::move(options)) {
  if (options_.leeway_s < 0 || options_.leeway_s > kLeewayMax_s)
    throw std::invalid_argument("leeway must be 0 to 60 seconds");
  if (options_.lifetime_max_s < 0 || options_.lifetime_max_s > kTimeMax_s)
    throw std::invalid_argument("longest lifetime out of range");
}

std::expected<Claims, TokenError> Verifier::read_claims(std::string_view payload, std::int64_t now_s) const {
  constexpr JsonLimits kLimits = {.bytes_max = kTokenBytesMax, .depth_max = 16};
  auto json = Json::parse(payload, kLimits);
  if (!json) return fail(TokenError::kBadClaims);
  simdjson::dom::object object;
  if (json->root().get(object) != simdjson::SUCCESS) return fail(TokenError::kBadClaims);
  const auto issuer = read_text(object, "iss");
  const auto subject = read_text(object, "sub");
  const auto token_id = read_text(object, "jti");
  const auto times = read_times(object);
  if (!issuer || !subject || !token_id || !times) return fail(TokenError::kBadClaims);
  if (options_.issuer && *issuer != *options_.issuer) return fail(TokenError::kWrongIssuer);
  if (auto checked = check_audience(object, options_.audience); !checked) return fail(checked.error());
  if (auto checked = check_times(*times, options_, now_s); !checked) return fail(checked.error());

  Claims claims(std::move(*json));
  claims.issuer_ = *issuer;
  claims.subject_ = *subject;
  claims.token_id_ = *token_id;
  claims.expires_at_s_ = times->expires_at_s;
  claims.issued_at_s_ = times->issued_at_s;
  return claims;
}

std::expected<std::shared_ptr<const VerifiedToken>, TokenError> Verifier::verify(std::string_view token,
                                                                                 std::int64_t now_s) const {
  return verify(token, options_.keys, now_s);
}

std::expected<std::shared_ptr<const VerifiedToken>, TokenError> Verifier::verify(std::string_view token,
                                                                                 std::span<const Key> keys,
                                                                                 std::int64_t now_s) const {
  const auto jws = verify_jws(token, keys);
  if (!jws) return fail(jws.error());
  if (auto checked = check_type(jws->type, options_); !checked) return fail(checked.error());
  auto claims = read_claims(jws->payload, now_s);
  if (!claims) return fail(claims.error());
  return std::shared_ptr<const VerifiedToken>(new VerifiedToken(std::move(*claims), options_.name));
}

std::string sign(const Key& key, std::string_view claims_json, std::string_view type) {
  return sign_jws(key, claims_json, type);
}

}  // namespace sluice::token

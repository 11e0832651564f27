#include "gateway/admin_request.h"

#include <optional>
#include <sstream>

#include "base/json.h"

namespace sluice::gateway {
namespace {

using gatekeeper::Revocation;
using simdjson::dom::element;
using Read = std::expected<void, Refusal>;
using Text = std::optional<std::string>;

// Clocks of the operator's machine and this one may differ.
constexpr std::int64_t kSkew_s = 60;

std::unexpected<Refusal> fail(std::string_view member, std::string message) {
  return std::unexpected(invalid_request(std::move(message), std::string(member)));
}

// `read_member(name, value)` for each member of the object that `body` is.
template <typename ReadMember>
Read read_object(std::string_view body, ReadMember read_member) {
  const auto json = Json::parse(body);
  if (!json) return fail("body", std::string(to_string(json.error())));
  simdjson::dom::object object;
  if (json->root().get(object) != simdjson::SUCCESS) return fail("body", "is no JSON object");
  for (const auto member : object)
    if (auto read = read_member(member.key, member.value); !read) return read;
  return {};
}

Read read_text(Text& to, std::string_view name, element value) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) return fail(name, "is no text");
  if (text.empty()) return fail(name, "is empty");
  to = text;
  return {};
}

struct RevocationMembers {
  Text token_id, subject, issuer;
  bool all = false;
  std::optional<std::int64_t> before;

  Read read(std::string_view name, element value) {
    if (name == "token_id") return read_text(token_id, name, value);
    if (name == "subject") return read_text(subject, name, value);
    if (name == "issuer") return read_text(issuer, name, value);
    if (name == "all") {
      if (value.get(all) != simdjson::SUCCESS || !all) return fail(name, "must be true");
      return {};
    }
    if (name != "before") return fail(name, "is not known; token_id, subject, issuer, all and before are");
    std::int64_t seconds = 0;
    if (value.type() != simdjson::dom::element_type::INT64 || value.get(seconds) != simdjson::SUCCESS || seconds < 0)
      return fail(name, "must be whole seconds since the epoch");
    before = seconds;
    return {};
  }
};

}  // namespace

std::string_view to_string(Revocation::Kind kind) {
  switch (kind) {
    case Revocation::Kind::kTokenId: return "token_id";
    case Revocation::Kind::kSubject: return "subject";
    case Revocation::Kind::kIssuer: return "issuer";
    case Revocation::Kind::kAll: break;
  }
  return "all";
}

std::expected<Revocation, Refusal> read_revocation(std::string_view body, std::int64_t now_s, std::int64_t lifetime_max_s) {
  RevocationMembers given;
  const auto read = read_object(body, [&](std::string_view name, element value) { return given.read(name, value); });
  if (!read) return std::unexpected(read.error());
  if (given.token_id.has_value() + given.subject.has_value() + given.all > 1)
    return fail("body", "give one of token_id, subject, all");
  if (given.all && given.issuer) return fail("issuer", "does not go with all");
  if (given.token_id && given.before) return fail("before", "does not go with token_id");
  if (given.before && *given.before > now_s + kSkew_s) return fail("before", "is in the future");

  Revocation revocation;
  revocation.before_s = given.token_id ? 0 : given.before.value_or(now_s + 1);
  revocation.forget_at_s = std::max(now_s, revocation.before_s) + lifetime_max_s + kSkew_s;
  if (given.token_id || given.subject) {
    revocation.kind = given.token_id ? Revocation::Kind::kTokenId : Revocation::Kind::kSubject;
    revocation.value = given.token_id ? *given.token_id : *given.subject;
    revocation.issuer = given.issuer.value_or("");
  } else if (given.issuer) {
    revocation.kind = Revocation::Kind::kIssuer;
    revocation.value = *given.issuer;
  } else if (given.all) {
    revocation.kind = Revocation::Kind::kAll;
  } else {
    return fail("body", "give token_id, subject, issuer or all");
  }
  return revocation;
}

std::expected<ExplainRequest, Refusal> read_explain_request(std::string_view body) {
  ExplainRequest request;
  Text identity, shape;
  const auto read = read_object(body, [&](std::string_view name, element value) -> Read {
    if (name == "token") return read_text(request.token, name, value);
    if (name == "identity") return read_text(identity, name, value);
    if (name == "shape") return read_text(shape, name, value);
    if (name == "named") return read_text(request.named, name, value);
    if (name != "claims") return fail(name, "is not known; token, claims, identity, shape and named are");
    if (!value.is_object()) return fail(name, "is no JSON object");
    std::ostringstream text;
    text << value;
    request.claims = text.str();
    return {};
  });
  if (!read) return std::unexpected(read.error());
  if (request.token && request.claims) return fail("claims", "give token or claims, not both");
  if (identity && !request.claims) return fail("identity", "goes with claims");
  if (!shape && !request.named) return fail("shape", "is missing: give the query string of a shape request, or named");
  request.identity = identity.value_or("");
  request.query = shape.value_or("");
  return request;
}

}  // namespace sluice::gateway

#include "gateway/gate.h"

#include "gateway/bearer.h"
#include "shape/claim_codec.h"

namespace sluice::gateway {
namespace {

using http::Method;
using shape::Definition;
using shape::QueryRequest;
using token::TokenError;

Refusal invalid(const shape::QueryError& error) {
  if (error.code == shape::QueryErrorCode::kTooLong) return {414, "uri_too_long", error.message};
  return {400, "invalid_request", error.message, error.parameter};
}

Refusal forbidden(std::string reason) {
  return {403, "shape_forbidden", "The credentials do not cover this shape.", {}, std::move(reason)};
}

Refusal unauthorized(TokenError error) {
  const std::string reason(to_string(error));
  if (error == TokenError::kExpired) return {401, "token_expired", "The token has expired.", {}, reason};
  return {401, "token_invalid", "The token is not valid.", {}, reason};
}

// An error that comes after the signature was found good says more than "not this key".
bool says_more(TokenError error) {
  return error != TokenError::kBadSignature && error != TokenError::kUnknownKey && error != TokenError::kBadAlgorithm &&
         error != TokenError::kWrongType;
}

// application/json, with or without parameters: a form or text/plain could be sent by any page (SECURITY E16).
bool is_json(const http::Fields& fields) {
  const auto type = fields.get("content-type");
  if (!type || fields.count("content-type") != 1) return false;
  std::string_view media = type->substr(0, type->find(';'));
  while (!media.empty() && (media.back() == ' ' || media.back() == '\t')) media.remove_suffix(1);
  return http::equal_ignoring_case(media, "application/json");
}

std::expected<void, Refusal> read_body(const http::Request& request, QueryRequest& asked) {
  if (request.body.empty()) return {};
  if (request.method != Method::kPost) return std::unexpected(Refusal{400, "invalid_request", "Only POST takes a body."});
  if (!is_json(*request.fields))
    return std::unexpected(Refusal{415, "unsupported_media_type", "The body must be application/json.", "content-type"});
  auto subset = shape::parse_subset_body(request.body);
  if (!subset) return std::unexpected(invalid(subset.error()));
  if (!*subset) return {};
  if (asked.subset)
    return std::unexpected(
        Refusal{400, "invalid_request", "The subset is given in the query string and in the body.", "subset"});
  asked.subset = std::move(**subset);
  return {};
}

std::expected<QueryRequest, Refusal> read_request(const http::Request& request, shape::Dialect dialect) {
  auto asked = shape::parse_shape_query(request.query, dialect);
  if (!asked) return std::unexpected(invalid(asked.error()));
  if (auto read = read_body(request, *asked); !read) return std::unexpected(read.error());
  if (auto checked = shape::check_position(*asked); !checked) return std::unexpected(invalid(checked.error()));
  if (request.method == Method::kHead && asked->position.live != shape::Live::kNo)
    return std::unexpected(Refusal{400, "invalid_request", "HEAD cannot wait for changes.", "live"});
  return *std::move(asked);
}

origin::Verb verb_of(Method method) {
  if (method == Method::kPost) return origin::Verb::kPost;
  return method == Method::kHead ? origin::Verb::kHead : origin::Verb::kGet;
}

std::optional<std::string> if_none_match(const http::Request& request) {
  const auto value = request.fields->get("if-none-match");
  if (!value || request.fields->count("if-none-match") != 1) return std::nullopt;
  return std::string(*value);
}

// A definition that lists columns hides the others, from a subset's filter and order too (SECURITY E9).
Definition with_hidden_columns_hidden(Definition definition) {
  if (definition.columns() && !definition.queryable_columns())
    return definition.with_queryable_columns(*definition.columns());
  return definition;
}

// What goes to the origin where the grant covers what is asked; nothing where it does not.
std::optional<Definition> covered(const Definition& granted, const Definition& asked) {
  const bool inherits = granted.queryable_columns() && !asked.queryable_columns();
  const Definition wanted = inherits ? asked.with_queryable_columns(*granted.queryable_columns()) : asked;
  if (!shape::same_grant(granted, wanted)) return std::nullopt;
  return granted.with_log(asked.log());
}

}  // namespace

std::expected<std::shared_ptr<const token::VerifiedToken>, Refusal> verify_bearer(
    const http::Request& request, const std::vector<token::Verifier>& verifiers, std::int64_t now_s) {
  const auto bearer = bearer_token(*request.fields);
  if (!bearer) {
    if (bearer.error() == BearerError::kMissing)
      return std::unexpected(Refusal{401, "token_missing", "A bearer token is required."});
    if (bearer.error() == BearerError::kRepeated)
      return std::unexpected(Refusal{400, "invalid_request", "The Authorization field is repeated.", "authorization"});
    return std::unexpected(Refusal{401, "token_invalid", "The token is not valid.", {}, "no bearer token in Authorization"});
  }
  TokenError error = TokenError::kUnknownKey;
  for (const token::Verifier& verifier : verifiers) {
    auto verified = verifier.verify(*bearer, now_s);
    if (verified) return *std::move(verified);
    if (!says_more(error)) error = verified.error();
  }
  return std::unexpected(unauthorized(error));
}

std::expected<Admission, Refusal> Gate::admit_grant(const http::Request& request, std::int64_t now_s) const {
  auto verified = verify_bearer(request, verifiers_, now_s);
  if (!verified) return std::unexpected(std::move(verified.error()));
  const token::Claims& claims = (*verified)->claims();

  const auto claim = claims.find("shape");
  if (!claim) return std::unexpected(Refusal{401, "token_invalid", "The token is not valid.", {}, "no shape claim"});
  const auto granted = shape::read_claim(*claim);
  if (!granted)
    return std::unexpected(
        Refusal{401, "token_invalid", "The token is not valid.", {}, "shape claim: " + granted.error().message});

  auto asked = read_request(request, shape::Dialect::kGrant);
  if (!asked) return std::unexpected(std::move(asked.error()));
  auto definition = Definition::make(*asked->definition);
  if (!definition)
    return std::unexpected(Refusal{400, "invalid_request", definition.error().message, definition.error().parameter});
  auto authorized = covered(*granted, *definition);
  if (!authorized) return std::unexpected(forbidden("the grant is for another shape"));

  return admit(request, *std::move(authorized), *std::move(asked), claims.expires_at_s());
}

std::expected<Admission, Refusal> Gate::admit_defined(const http::Request& request, const Definition& definition,
                                                      std::int64_t expires_at_s) const {
  auto asked = read_request(request, shape::Dialect::kProtocol);
  if (!asked) return std::unexpected(std::move(asked.error()));
  const shape::LogMode log = asked->log.value_or(shape::LogMode::kFull);
  return admit(request, definition.with_log(log), *std::move(asked), expires_at_s);
}

Admission Gate::admit(const http::Request& request, Definition definition, QueryRequest asked, std::int64_t expires_at_s) {
  shape::Request shape_request{with_hidden_columns_hidden(std::move(definition)), std::move(asked.position),
                               std::move(asked.subset)};
  return {std::shared_ptr<const origin::AuthorizedRequest>(
              new origin::AuthorizedRequest(std::move(shape_request), verb_of(request.method), if_none_match(request))),
          expires_at_s};
}

}  // namespace sluice::gateway

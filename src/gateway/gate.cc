#include "gateway/gate.h"

#include <algorithm>
#include <limits>

#include "gateway/coverage.h"
#include "gateway/grant_content.h"
#include "http/syntax.h"

namespace sluice::gateway {
namespace {

using http::Method;
using shape::Definition;
using shape::QueryRequest;
using VerifiedToken = std::shared_ptr<const token::VerifiedToken>;

Refusal invalid(const shape::QueryError& error) {
  if (error.code == shape::QueryErrorCode::kTooLong) return {414, "uri_too_long", error.message};
  Refusal refusal = invalid_request(error.message, error.parameter);
  // Worth finding in the audit log: somebody sends an origin's secret (SECURITY E10). Names that a client made up are not.
  if (error.code == shape::QueryErrorCode::kNotAllowed) refusal.reason = error.parameter + " " + error.message;
  return refusal;
}

// application/json, with or without parameters: a form or text/plain could be sent by any page (SECURITY E16).
bool is_json(const http::Fields& fields) {
  const auto type = fields.get("content-type");
  if (!type || fields.count("content-type") != 1) return false;
  return http::equal_ignoring_case(http::without_ows(type->substr(0, type->find(';'))), "application/json");
}

std::expected<void, Refusal> read_body(const http::Request& request, QueryRequest& asked) {
  if (request.body.empty()) return {};
  if (request.method != Method::kPost) return std::unexpected(invalid_request("Only POST takes a body."));
  if (!is_json(*request.fields))
    return std::unexpected(Refusal{415, "unsupported_media_type", "The body must be application/json.", "content-type"});
  auto subset = shape::parse_subset_body(request.body);
  if (!subset) return std::unexpected(invalid(subset.error()));
  if (!*subset) return {};
  if (asked.subset)
    return std::unexpected(invalid_request("The subset is given in the query string and in the body.", "subset"));
  asked.subset = std::move(**subset);
  return {};
}

// The rest of a request whose query string has been read.
std::expected<QueryRequest, Refusal> read_request(const http::Request& request,
                                                  std::expected<QueryRequest, shape::QueryError> asked) {
  if (!asked) return std::unexpected(invalid(asked.error()));
  if (auto read = read_body(request, *asked); !read) return std::unexpected(read.error());
  if (auto checked = shape::check_position(*asked); !checked) return std::unexpected(invalid(checked.error()));
  if (request.method == Method::kHead && asked->position.live != shape::Live::kNo)
    return std::unexpected(invalid_request("HEAD cannot wait for changes.", "live"));
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

// Tells callers apart: whose token it is; where that says nothing, which token, or where from.
std::string principal_key(const token::VerifiedToken* token, std::string_view peer) {
  if (!token) return std::string(1, '\0').append(peer);
  const token::Claims& claims = token->claims();
  std::string_view who = claims.subject().empty() ? claims.token_id() : claims.subject();
  if (who.empty()) who = peer;
  return std::string(claims.issuer()).append(1, '\0').append(who);
}

// Whether the request counts against what its caller may cost (limits.h).
bool is_counted(const QueryRequest& asked) {
  const shape::Position& position = asked.position;
  const bool from_start = position.offset.is_before_all() || position.offset.is_now();
  return asked.subset || position.cache_buster || position.expired_handle || (position.handle && from_start);
}

}  // namespace

Gate::Gate(std::shared_ptr<identity::Authenticator> grants, LimitsOptions limits)
    : grants_(std::move(grants)), limits_(std::make_unique<Limits>(limits)) {}

std::expected<Admission, Unverified> Gate::admit_grant(const http::Request& request,
                                                       const gatekeeper::Revocations& revocations,
                                                       std::int64_t now_s) const {
  VerifiedToken token;
  const auto refuse = [&](Refusal refusal) { return std::unexpected(Unverified{std::move(refusal), false, token}); };
  const auto credential = bearer_credential(request, grants_.get());
  if (!credential) return refuse(credential.error());
  if (!*credential) return refuse(token_missing());
  auto grant = verify(**credential, revocations, now_s);
  if (!grant) return std::unexpected(std::move(grant.error()));

  token = std::move(grant->token);

  auto asked = read_request(request, shape::parse_shape_query(request.query, shape::Dialect::kGrant));
  if (!asked) return refuse(std::move(asked.error()));
  auto definition = Definition::make(*asked->definition);
  if (!definition) return refuse(invalid_request(definition.error().message, definition.error().parameter));

  const auto& granted = static_cast<const GrantContent&>(*grant->content);
  auto covered = find_cover(granted.shapes(), *std::move(definition), asked->log.has_value());
  if (!covered) {
    Refusal refusal = shape_forbidden(std::move(covered.error().reason));
    refusal.parameter = std::move(covered.error().parameter);
    return refuse(std::move(refusal));
  }
  auto admission = admit(request, std::move(covered->definition), covered->subset, *std::move(asked), token, now_s);
  if (!admission) return refuse(std::move(admission.error()));
  admission->is_repeated = covered->equal && !granted.is_first_use(covered->index);
  admission->token_digest = grant->digest;
  return *std::move(admission);
}

Task<void> Gate::look_again(const http::Request& request) const {
  const auto credential = bearer_credential(request, grants_.get());
  if (!credential || !*credential || !grants_) return {};
  return grants_->look_again((*credential)->token);
}

std::expected<NamedRequest, Refusal> Gate::read_named(const http::Request& request,
                                                      const std::vector<std::string>& template_names) {
  auto pairs = shape::parse_query(request.query);
  if (!pairs) return std::unexpected(invalid(pairs.error()));
  NamedRequest named{{}, *std::move(pairs)};
  for (const std::string& name : template_names) {
    const auto is_named = [&](const auto& pair) { return pair.first == name; };
    const auto found = std::find_if(named.rest.begin(), named.rest.end(), is_named);
    if (found == named.rest.end()) return std::unexpected(invalid_request("is needed by this shape", name));
    named.values.emplace(std::move(*found));
    named.rest.erase(found);
  }
  return named;
}

std::expected<Admission, Refusal> Gate::admit_named(const http::Request& request, NamedRequest named,
                                                    shape::GrantedShape shape, VerifiedToken token,
                                                    std::int64_t now_s) const {
  auto asked = read_request(request, shape::parse_shape_query(std::move(named.rest), shape::Dialect::kProtocol));
  if (!asked) return std::unexpected(std::move(asked.error()));
  if (shape.log && asked->log && *asked->log != *shape.log) {
    Refusal refusal = shape_forbidden("log: another mode is allowed");
    refusal.parameter = "log";
    return std::unexpected(std::move(refusal));
  }
  const shape::LogMode log = asked->log.value_or(shape.log.value_or(shape::LogMode::kFull));
  return admit(request, with_hidden_columns_hidden(shape.definition.with_log(log)), shape.subset, *std::move(asked),
               std::move(token), now_s);
}

std::expected<Admission, Refusal> Gate::admit(const http::Request& request, Definition definition,
                                              const shape::SubsetRights& rights, QueryRequest asked, VerifiedToken token,
                                              std::int64_t now_s) const {
  std::optional<Limits::Lease> lease;
  if (is_counted(asked)) {
    const std::string caller = principal_key(token.get(), request.peer);
    if (auto admitted = limits_->admit_cache_buster(caller, asked.position, now_s); !admitted)
      return std::unexpected(std::move(admitted.error()));
    if (asked.subset) {
      auto admitted = limits_->admit_subset(caller, *asked.subset, rights);
      if (!admitted) return std::unexpected(std::move(admitted.error()));
      lease.emplace(*std::move(admitted));
    }
  }
  const std::int64_t expires_at_s = token ? token->claims().expires_at_s() : std::numeric_limits<std::int64_t>::max();
  shape::Request shape_request{std::move(definition), std::move(asked.position), std::move(asked.subset)};
  return Admission{std::shared_ptr<const origin::AuthorizedRequest>(new origin::AuthorizedRequest(
                       std::move(shape_request), verb_of(request.method), if_none_match(request))),
                   std::move(token), expires_at_s, std::move(lease)};
}

}  // namespace sluice::gateway

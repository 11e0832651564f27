#include "gateway/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/json.h"
#include "base/json_write.h"
#include "gateway/clock.h"
#include "gateway/coverage.h"

namespace sluice::gateway {
namespace {

using policy::Decision;
using policy::Principal;

// As long as an identity token lives where claims do not say.
constexpr std::int64_t kAssumedLifetime_s = 3600;

void describe(Explanation& why, const token::VerifiedToken* token) {
  if (!token) return;
  why.identity = token->verified_by();
  why.issuer = token->claims().issuer();
  why.subject = token->claims().subject();
  why.expires_at_s = token->claims().expires_at_s();
}

void refused(Explanation& why, const Refusal& refusal) {
  why.decision = refusal.status == 503 ? "failed" : "deny";
  why.status = refusal.status;
  why.code = refusal.code;
  why.reason = refusal.reason.empty() ? refusal.message : refusal.reason;
  if (!refusal.parameter.empty()) why.reason = refusal.parameter + ": " + why.reason;
}

void allowed(Explanation& why, const shape::Request& request) {
  why.decision = "allow";
  why.status = 200;
  why.shape = shape::print_query(request);
}

// What the gateway answers to this decision (Gateway::granted_by). True where it allows.
bool decided(Explanation& why, const Principal& principal, const Decision& decision) {
  why.authorizer = decision.authorizer;
  why.line = decision.line;
  why.nearest = decision.nearest;
  if (decision.kind == Decision::Kind::kFailed) {
    refused(why, authorizer_unavailable(decision.reason));
    return false;
  }
  if (decision.kind != Decision::Kind::kAllow || !decision.granted) {
    Refusal refusal = principal.is_anonymous() ? token_missing() : shape_forbidden({});
    refusal.reason = decision.reason;
    refused(why, refusal);
    return false;
  }
  why.reason = decision.reason;
  return true;
}

// A request as a client would send it.
class Sent {
 public:
  Sent(const std::string& query, const std::optional<std::string>& token) : query_(query) {
    const auto pairs = shape::parse_query(query_);
    const bool complete =
        !pairs || std::any_of(pairs->begin(), pairs->end(), [](const auto& pair) { return pair.first == "offset"; });
    if (!complete) query_ += query_.empty() ? "offset=-1" : "&offset=-1";
    if (token && http::is_field_value("Bearer " + *token)) fields_.add("authorization", "Bearer " + *token);
    request_.method = http::Method::kGet;
    request_.query = query_;
    request_.fields = &fields_;
  }
  Sent(const Sent&) = delete;
  Sent& operator=(const Sent&) = delete;

  const http::Request& request() const { return request_; }

 private:
  std::string query_;
  http::Fields fields_;
  http::Request request_;
};

struct Asker {
  const State& state;
  const gatekeeper::Revocations& revocations;
};

Task<std::expected<identity::Authenticated, Unverified>> verify_by(Asker asker, const std::string& token,
                                                                   identity::Authenticator* authenticator) {
  const Credential credential{token, authenticator};
  auto known = verify(credential, asker.revocations, now_s());
  if (!known && known.error().may_change) {
    Task<void> new_keys = authenticator->look_again(token);
    if (new_keys.valid()) {
      co_await std::move(new_keys);
      known = verify(credential, asker.revocations, now_s());
    }
  }
  co_return known;
}

// By any of those that take identity tokens; the refusal is the last one's.
Task<std::expected<Principal, Unverified>> identify(Asker asker, const std::string& token) {
  auto known = co_await verify_by(asker, token, asker.state.options.identities.get());
  for (const CookieIdentity& cookie : asker.state.options.cookies) {
    if (known) break;
    known = co_await verify_by(asker, token, cookie.authenticator.get());
  }
  if (!known) co_return std::unexpected(std::move(known.error()));
  co_return Principal(std::move(known->token));
}

void explain_grant(Explanation& why, Asker asker, const Sent& sent) {
  why.by = "grant";
  const auto admission = asker.state.gate.admit_grant(sent.request(), asker.revocations, now_s());
  if (!admission) {
    describe(why, admission.error().token.get());
    return refused(why, admission.error().refusal);
  }
  describe(why, admission->token.get());
  why.reason = "the grant covers it";
  allowed(why, admission->request->shape());
}

Task<void> explain_named(Explanation& why, Asker asker, const Sent& sent, std::string_view name,
                         const Principal& principal) {
  why.by = "named shape";
  describe(why, principal.token().get());
  const auto deny = [&](std::string reason) {
    Refusal refusal = principal.is_anonymous() ? token_missing() : shape_forbidden({});
    refusal.reason = std::move(reason);
    refused(why, refusal);
  };
  const auto found = asker.state.options.shapes.find(name);
  if (found == asker.state.options.shapes.end()) co_return deny("no shape of this name");
  const NamedShape& named = found->second;
  if (principal.is_anonymous() && !named.is_public && !named.authorizer) co_return deny("the shape is not public");
  auto request = Gate::read_named(sent.request(), named.shape.query_names());
  if (!request) co_return refused(why, request.error());
  auto definition = named.shape.fill({.principal = principal, .query = &request->values});
  if (!definition) co_return deny(definition.error());
  shape::GrantedShape granted{.definition = *std::move(definition)};
  why.reason = named.is_public ? "the shape is public" : "the shape is filled from who asks";
  if (named.authorizer) {
    const Decision decision = co_await named.authorizer->authorize(principal, granted.definition);
    if (!decided(why, principal, decision)) co_return;
    granted = *decision.granted;
  }
  const auto admission =
      asker.state.gate.admit_named(sent.request(), *std::move(request), std::move(granted), principal.token(), now_s());
  admission ? allowed(why, admission->request->shape()) : refused(why, admission.error());
}

Task<void> explain_decision(Explanation& why, Asker asker, const Sent& sent, const Principal& principal) {
  why.by = "gatekeeper";
  describe(why, principal.token().get());
  auto asked = shape::parse_shape_query(sent.request().query, shape::Dialect::kGrant);
  if (!asked) co_return refused(why, invalid_request(asked.error().message, asked.error().parameter));
  auto definition = shape::Definition::make(*asked->definition);
  if (!definition) co_return refused(why, invalid_request(definition.error().message, definition.error().parameter));
  Decision decision = Decision::deny("no authorizer is configured");
  if (asker.state.options.authorizer) decision = co_await asker.state.options.authorizer->authorize(principal, *definition);
  if (!decided(why, principal, decision)) co_return;
  shape::Definition granted = with_hidden_columns_hidden(decision.granted->definition);
  if (decision.granted->log) granted = granted.with_log(*decision.granted->log);
  allowed(why, {std::move(granted), asked->position, asked->subset});
}

Task<void> explain_principal(Explanation& why, Asker asker, const ExplainRequest& request, const Sent& sent,
                             const Principal& principal) {
  if (request.named) return explain_named(why, asker, sent, *request.named, principal);
  return explain_decision(why, asker, sent, principal);
}

void append_text(std::string& json, std::string_view name, std::string_view value) {
  if (!value.empty()) json += fmt::format(R"(,"{}":{})", name, json_string(value));
}

}  // namespace

std::expected<Principal, std::string> principal_of_claims(std::string_view claims, std::string_view identity,
                                                          std::int64_t now_s) {
  const auto json = Json::parse(claims);
  if (!json) return std::unexpected(std::string(to_string(json.error())));
  simdjson::dom::object object;
  if (json->root().get(object) != simdjson::SUCCESS) return std::unexpected("the claims are no JSON object");
  std::string text(claims);
  if (object["exp"].error() != simdjson::SUCCESS) {
    const std::string_view more = object.size() == 0 ? "" : ",";
    text.replace(0, text.find('{') + 1, fmt::format(R"({{"exp":{}{})", now_s + kAssumedLifetime_s, more));
  }
  std::array<std::uint8_t, 32> secret;
  fill_random(secret);
  const auto key = token::Key::hmac_sha256({reinterpret_cast<const char*>(secret.data()), secret.size()});
  if (!key) return std::unexpected(std::string(to_string(key.error())));
  token::VerifierOptions options;
  options.name = std::string(identity);
  options.keys = {*key};
  auto verified = token::Verifier(std::move(options)).verify(token::sign(*key, text), now_s);
  if (!verified) return std::unexpected("the claims are refused: " + std::string(to_string(verified.error())));
  return Principal(*std::move(verified));
}

Task<Explanation> explain(std::shared_ptr<const State> state, const gatekeeper::Revocations& revocations,
                          ExplainRequest request) {
  Explanation why;
  const Asker asker{*state, revocations};
  const Sent sent(request.query, request.token);
  if (request.claims) {
    const auto principal = principal_of_claims(*request.claims, request.identity, now_s());
    if (principal)
      co_await explain_principal(why, asker, request, sent, *principal);
    else
      refused(why, token_invalid(principal.error()));
    co_return why;
  }
  if (!request.token) {
    const Principal nobody = Principal::anonymous();
    co_await explain_principal(why, asker, request, sent, nobody);
    co_return why;
  }
  // What is good as a grant is one: the kinds are never taken for each other.
  const auto grant = co_await verify_by(asker, *request.token, state->gate.grants().get());
  if (grant && !request.named) {
    explain_grant(why, asker, sent);
    co_return why;
  }
  const auto principal = co_await identify(asker, *request.token);
  if (principal) {
    co_await explain_principal(why, asker, request, sent, *principal);
    co_return why;
  }
  Refusal refusal = principal.error().refusal;
  refusal.reason = "as an identity token: " + (refusal.reason.empty() ? std::string(refusal.code) : refusal.reason);
  if (!grant) {
    const Refusal& other = grant.error().refusal;
    refusal.reason += "; as a grant: " + (other.reason.empty() ? std::string(other.code) : other.reason);
    if (refusal.code == "token_invalid") refusal.code = other.code;
  }
  refused(why, refusal);
  co_return why;
}

std::string to_json(const Explanation& why) {
  std::string json = fmt::format(R"({{"decision":{},"status":{})", json_string(why.decision), why.status);
  append_text(json, "code", why.code);
  append_text(json, "by", why.by);
  append_text(json, "authorizer", why.authorizer);
  if (why.line != 0) json += fmt::format(R"(,"line":{})", why.line);
  append_text(json, "reason", why.reason);
  if (why.nearest) {
    json += fmt::format(R"(,"nearest":{{"rule":{})", json_string(why.nearest->rule));
    if (why.nearest->line != 0) json += fmt::format(R"(,"line":{})", why.nearest->line);
    append_text(json, "missing", why.nearest->missing);
    json += '}';
  }
  if (why.shape) json += R"(,"shape":)" + json_string(*why.shape);
  append_text(json, "identity", why.identity);
  append_text(json, "issuer", why.issuer);
  append_text(json, "subject", why.subject);
  if (why.expires_at_s) json += fmt::format(R"(,"expires_at":{})", *why.expires_at_s);
  return json + '}';
}

}  // namespace sluice::gateway

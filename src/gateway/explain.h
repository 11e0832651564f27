// Why a request would be allowed or denied: the same decision that a request gets, with what the client is not told.
//
//   auto why = co_await explain(gateway.state(), revocations, {.token = t, .query = "table=items"});
//   why.decision "deny", why.status 403, why.authorizer "rules", why.line 12, why.reason "no rule …", why.nearest …
//
// A grant is held against the query as at the gate. An identity token, claims, or nobody, are asked about as at the
// gatekeeper; with `named`, as at /v1/shapes/<name>. Nothing is sent to the origin, minted, or recorded.
//
// For `sluice explain`, `sluice check` and the operator's listener. What is said here is for operators only: it names rules,
// lines and reasons. Of claims it tells subject and issuer, and what they fill in of the shape that would be asked upstream.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "gatekeeper/revocations.h"
#include "gateway/state.h"
#include "policy/authorizer.h"

namespace sluice::gateway {

struct ExplainRequest {
  // At most one; neither is the anonymous caller.
  std::optional<std::string> token = {};   // a grant or an identity token, as a client sends it
  std::optional<std::string> claims = {};  // what an identity token would say, as a JSON object; `exp` may be left out
  std::string identity = {};               // with claims: the [[identity]] that would have verified them
  std::string query = {};                  // of the shape request, without `?`; `offset` may be left out
  std::optional<std::string> named = {};
};

struct Explanation {
  std::string decision;  // "allow", "deny", or "failed" where it could not be made
  int status = 0;        // that a request would be answered with; 200 where it would go to the origin, or be granted
  std::string code = {};
  std::string by = {};          // what was asked: "grant", "gatekeeper", "named shape"
  std::string authorizer = {};  // that decided, and the line of the configuration; "" and 0 where none did
  int line = 0;
  std::string reason = {};
  std::optional<policy::Nearest> nearest = {};
  std::optional<std::string> shape = {};  // the query string that would be asked upstream, without a secret
  std::string identity = {}, issuer = {}, subject = {};
  std::optional<std::int64_t> expires_at_s = {};
};

// `revocations` outlives the Task.
Task<Explanation> explain(std::shared_ptr<const State> state, const gatekeeper::Revocations& revocations,
                          ExplainRequest request);

std::string to_json(const Explanation& explanation);

// A principal with these claims, which nobody has signed: for questions only. It is made as every other, from a token that
// a Verifier has found good (SECURITY J39): one signed here, with a key that is thrown away at once. The error says what is
// wrong with the claims.
std::expected<policy::Principal, std::string> principal_of_claims(std::string_view claims, std::string_view identity,
                                                                  std::int64_t now_s);

}  // namespace sluice::gateway

// Bodies of the operator's calls, read strictly: an unknown or repeated member, one of another type, one too many or too
// few is an error that names it.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

#include "gatekeeper/revocations.h"
#include "gateway/explain.h"
#include "gateway/refusal.h"

namespace sluice::gateway {

// One of
//   {"token_id": jti, "issuer"?: iss}
//   {"subject": sub, "issuer"?: iss, "before"?: t}
//   {"issuer": iss, "before"?: t}
//   {"all": true, "before"?: t}
// `before` is in seconds since the epoch and not in the future; absent: until now, this second included
// (gatekeeper/revocations.h). What is revoked is forgotten when a token of `lifetime_max_s` that it names has ended.
std::expected<gatekeeper::Revocation, Refusal> read_revocation(std::string_view body, std::int64_t now_s,
                                                               std::int64_t lifetime_max_s);

// {"token": t} or {"claims": {…}, "identity"?: name} or neither, and "shape": query string, and "named"?: name.
std::expected<ExplainRequest, Refusal> read_explain_request(std::string_view body);

// "token_id", "subject", "issuer", "all".
std::string_view to_string(gatekeeper::Revocation::Kind kind);

}  // namespace sluice::gateway

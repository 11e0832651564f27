// Asks your own API who may read what.
//
//   POST <url>                                   HTTP/1.1, on connections that are kept
//   content-type: application/json
//   sluice-timestamp: 1800000000                 Unix seconds
//   sluice-signature: v1=<64 hex digits>         HMAC-SHA256 of "<timestamp>.<body>" under the shared secret
//
//   {"principal": {"identity": "auth0", "issuer": "https://…", "subject": "alice", "claims": {…}},
//    "shape": {"namespace": "public", "table": "items", "where": "org_id = $1", "params": {"1": "7"},
//              "columns": ["id", "title"], "replica": "full", "log": "full"}}
//
// `principal` is null for an anonymous caller; issuer and subject are null where the token has none. `shape` is what the
// client asks for, as the `shape` claim of a grant is written (shape/claim_codec.h): members that it does not have are left
// out. An API verifies the signature in constant time and refuses timestamps that are more than a minute off.
//
// The answer is 200 with a body of at most 64 kB and one of
//
//   {"allow": true}                              what was asked for
//   {"allow": true, "shape": {…}}                a narrower shape, in the same form; `log` and `subset` limit it further
//   {"allow": false, "reason": "not a member"}   denied; the reason (256 bytes of it) goes to the audit log, not to the
//   caller
//   {"abstain": true}                            nothing to say: the next authorizer is asked
//
// A narrower shape is of the same table, and provably within what was asked for (narrowing.h). Everything else has failed,
// and is answered 503: another status, a redirect, other JSON, an unknown or repeated member, a wider shape, no answer in
// time.
//
// A question is asked once more where no connection could be made, or where it ended before an answer came: the API may have
// closed a kept one in the same moment. So an API may see a question twice. It is otherwise asked on each request, unless
// decisions are remembered (remembered.h).
//
// Any thread; each has connections of its own.
#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "http/client.h"
#include "policy/authorizer.h"
#include "token/key.h"

namespace sluice::policy {

struct HttpAuthorizerConfig {
  std::string name;
  int line = 0;  // of the configuration file; 0 where there is none
  std::string url;
  std::string secret;  // at least 32 bytes
  std::chrono::milliseconds timeout{2'000};
  bool anonymous = false;                       // whether it is asked about anonymous callers; if not it abstains
  std::optional<std::set<std::string>> tables;  // it abstains for others
};

class HttpAuthorizer : public Authorizer {
 public:
  // The error names the key at fault, and nothing of the secret.
  static std::expected<std::unique_ptr<HttpAuthorizer>, std::string> make(const HttpAuthorizerConfig& config);

  Task<Decision> authorize(const Principal& principal, const shape::Definition& asked) override;

 private:
  HttpAuthorizer(const HttpAuthorizerConfig& config, http::Url url, token::Key secret,
                 std::optional<std::set<shape::TableName>> tables);

  Task<Decision> ask(std::string question, const shape::Definition& asked);
  Task<std::expected<http::ClientResponse, http::ClientError>> send(const std::string& question);

  const std::string name_;
  const int line_;
  const std::chrono::milliseconds timeout_;
  const bool anonymous_;
  const std::optional<std::set<shape::TableName>> tables_;
  const std::string target_;
  const token::Key secret_;
  http::Client client_;
};

}  // namespace sluice::policy

// SpiceDB as an Authorizer: each rule offers a shape, and SpiceDB is asked whether the caller has a permission.
//
//   [[authorizer]]
//   kind = "spicedb"
//   endpoint = "spicedb.internal:50051"
//   token_env = "SPICEDB_TOKEN"
//   [[authorizer.rule]]
//   table = "projects"
//   where = "org_id = $1"
//   params = ["{params.1}"]
//   check = "org:{params.1}#member@user:{sub}"
//   consistency = "fully_consistent"
//
// Asked on every request that reaches it: nothing is remembered here (remembered.h does, where configured). `{params.n}` in
// a check are the params of the shape that would be granted. A caller from whom the check cannot be filled in is denied.
// HAS_PERMISSION allows; NO_PERMISSION denies, and so does CONDITIONAL_PERMISSION: no caveat context is ever sent. No
// answer, an error, or an answer after the timeout is a failed decision.
//
// Consistency is a setting of each rule: minimize_latency may be answered from relationships some seconds old, so a
// permission that was taken away may still be seen for that long; at_least_as_fresh with a ZedToken in the caller's claims
// bounds that by the caller's own writes; fully_consistent sees the newest, at a price in latency.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "policy/offer_authorizer.h"
#include "policy/spicedb/check_template.h"
#include "policy/spicedb/client.h"

namespace sluice::policy::spicedb {

struct SpiceDbRule : OfferConfig {
  std::string check;
  std::string consistency = "minimize_latency";
};

struct SpiceDbConfig {
  std::string name = "spicedb";
  ClientOptions client;
  std::vector<SpiceDbRule> rules;
};

class SpiceDbAuthorizer final : public OfferAuthorizer {
 public:
  // The error names the rule and the key, or the option, at fault. Connects to nothing yet.
  static std::expected<std::unique_ptr<SpiceDbAuthorizer>, std::string> make(SpiceDbConfig config);

  void start() override;
  void stop() override;

 private:
  SpiceDbAuthorizer(std::string name, std::vector<Offer> offers, std::vector<CheckTemplate> checks,
                    std::unique_ptr<Client> client);
  Task<Answer> ask(std::size_t rule, Sources sources) override;

  std::vector<CheckTemplate> checks_;  // one an offer
  std::unique_ptr<Client> client_;
};

}  // namespace sluice::policy::spicedb

// Rules declared in the configuration, as an Authorizer.
//
// A rule is an Offer (offer.h); the first that allows decides. Where none does, the rules abstain, with the one that came
// nearest: whether somebody else may still allow it is for who combines the authorizers (combined.h), and default deny is
// the end of every such chain.
//
// A rule that denies has a table, and says who: `identity` and `when`. To whom it applies, the table is denied here and now,
// whatever other rules say and wherever it stands among them. Since it takes away, doubt counts against the caller: it
// applies to anonymous callers without saying `anonymous`, and where a claim is not of the type that `when` compares it as.
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "policy/authorizer.h"
#include "policy/offer.h"

namespace sluice::policy {

struct RuleConfig : OfferConfig {
  bool deny = false;
};

class Rules : public Authorizer {
 public:
  // The error names the rule and the key at fault.
  static std::expected<Rules, std::string> make(std::vector<RuleConfig> configs, std::string name = "rules");

  Task<Decision> authorize(const Principal& principal, const shape::Definition& asked) override;
  // The same without a coroutine: rules never wait.
  Decision decide(const Principal& principal, const shape::Definition& asked) const;

 private:
  struct OfTable {
    std::vector<Offer> denying, allowing;
  };
  static std::optional<Decision> denied(const std::vector<Offer>& denying, const Principal& principal);
  static Decision allowed(const std::vector<Offer>& allowing, const Principal& principal, const shape::Definition& asked);

  std::string name_;
  std::map<shape::TableName, OfTable> tables_;
};

}  // namespace sluice::policy

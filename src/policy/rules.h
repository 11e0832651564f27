// Rules declared in the configuration, as an Authorizer.
//
// A rule is for one table. It applies to a principal where its issuer (if named) and every claim under `when` match. What
// it grants is its shape template, filled from the claims; the caller may ask for that shape by spelling it out or by
// leaving `where`, `params` and `columns` away. A rule with `any_where` lets the caller choose the where clause instead.
// Columns asked for must lie within the rule's; replica=full must be allowed by the rule.
//
// The first rule that allows decides. None: denied, whatever the reason (default deny).
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "policy/authorizer.h"
#include "policy/shape_template.h"

namespace sluice::policy {

struct RuleConfig {
  std::string name;
  int line = 0;  // of the configuration file, for reasons and explain; 0 where there is none
  ShapeTemplateConfig shape;
  bool any_where = false;
  std::optional<std::string> identity;      // the [[identity]] whose token it must be
  std::map<std::string, std::string> when;  // dotted claim path -> its exact text; in a list of texts: one of them
};

class Rules : public Authorizer {
 public:
  // The error names the rule and the key at fault.
  static std::expected<Rules, std::string> make(const std::vector<RuleConfig>& configs);

  Task<Decision> authorize(const Principal& principal, const shape::Definition& asked) override;
  // The same without a coroutine: rules never wait.
  Decision decide(const Principal& principal, const shape::Definition& asked) const;

 private:
  struct Rule {
    RuleConfig config;
    ShapeTemplate shape;
  };
  static Decision apply(const Rule& rule, const Principal& principal, const shape::Definition& asked);

  std::vector<Rule> rules_;
};

}  // namespace sluice::policy

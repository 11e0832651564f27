#include "policy/rules.h"

#include <algorithm>

#include "policy/claim_text.h"

namespace sluice::policy {
namespace {

using shape::Definition;
using Columns = std::optional<std::vector<std::string>>;

bool claim_is(simdjson::dom::element claim, const std::string& wanted) {
  if (claim.is_array()) {
    for (const simdjson::dom::element item : claim.get_array().value_unsafe())
      if (claim_text(item) == wanted) return true;
    return false;
  }
  return claim_text(claim) == wanted;
}

// The claim that keeps the rule from applying; empty where it applies.
std::string unmet_condition(const RuleConfig& rule, const Principal& principal) {
  if (rule.identity && principal.identity() != *rule.identity) return "it is for identity '" + *rule.identity + "'";
  for (const auto& [path, wanted] : rule.when) {
    const auto claim = principal.claims().find_path(path);
    if (!claim || !claim_is(*claim, wanted)) return "claim '" + path + "' is not as `when` asks";
  }
  return {};
}

// Both are sorted sets.
bool within(const std::vector<std::string>& inner, const std::vector<std::string>& outer) {
  return std::includes(outer.begin(), outer.end(), inner.begin(), inner.end());
}

// What the caller gets of the columns: what it asked for where the rule has all of it, else what the rule has.
std::optional<Columns> granted_columns(const Definition& offered, const Definition& asked) {
  if (!asked.columns()) return offered.columns();
  if (offered.columns() && !within(*asked.columns(), *offered.columns())) return std::nullopt;
  return asked.columns();
}

shape::DefinitionText text_of(const Definition& definition, const Columns& columns, shape::Replica replica) {
  shape::DefinitionText text;
  text.table = definition.table().print();
  text.where = definition.where();
  for (std::size_t i = 0; i < definition.params().size(); ++i)
    text.params[static_cast<unsigned>(i + 1)] = definition.params()[i];
  if (columns) text.columns = shape::print_columns(*columns);
  if (replica == shape::Replica::kFull) text.replica = "full";
  return text;
}

}  // namespace

std::expected<Rules, std::string> Rules::make(const std::vector<RuleConfig>& configs) {
  Rules made;
  for (const RuleConfig& config : configs) {
    if (config.any_where && config.shape.where)
      return std::unexpected("rule '" + config.name + "': any_where: a rule has `where` or `any_where`, not both");
    // A where clause of the caller's choosing could ask about columns that the rule hides.
    if (config.any_where && config.shape.columns)
      return std::unexpected("rule '" + config.name +
                             "': any_where: a rule that limits `columns` cannot leave `where` to the caller");
    auto shape = ShapeTemplate::make(config.shape);
    if (!shape) return std::unexpected("rule '" + config.name + "': " + shape.error());
    made.rules_.push_back({config, std::move(*shape)});
  }
  return made;
}

Task<Decision> Rules::authorize(const Principal& principal, const Definition& asked) {
  co_return decide(principal, asked);
}

Decision Rules::decide(const Principal& principal, const Definition& asked) const {
  std::string reasons;
  for (const Rule& rule : rules_) {
    if (rule.shape.table() != asked.table()) continue;
    Decision decision = apply(rule, principal, asked);
    if (decision.kind == Decision::Kind::kAllow) return decision;
    reasons += (reasons.empty() ? "" : "; ") + decision.reason;
  }
  return Decision::deny(reasons.empty() ? "no rule is for this table" : reasons);
}

Decision Rules::apply(const Rule& rule, const Principal& principal, const Definition& asked) {
  const auto because = [&](const std::string& why) { return "rule '" + rule.config.name + "': " + why; };
  if (auto unmet = unmet_condition(rule.config, principal); !unmet.empty()) return Decision::deny(because(unmet));

  const auto offered = rule.shape.fill(&principal.claims());
  if (!offered) return Decision::deny(because(offered.error()));

  const bool own_where = asked.where().has_value();
  if (own_where && !rule.config.any_where && (asked.where() != offered->where() || asked.params() != offered->params()))
    return Decision::deny(because("another where or other params than the rule's"));
  if (asked.replica() == shape::Replica::kFull && offered->replica() != shape::Replica::kFull)
    return Decision::deny(because("replica=full is not allowed"));
  const auto columns = granted_columns(*offered, asked);
  if (!columns) return Decision::deny(because("a column beyond the rule's"));
  if (asked.queryable_columns()) return Decision::deny(because("queryable_columns is the server's to set"));

  auto granted = Definition::make(text_of(own_where ? asked : *offered, *columns, asked.replica()));
  if (!granted) return Decision::deny(because(granted.error().message));
  if (offered->queryable_columns()) granted = granted->with_queryable_columns(*granted->columns());
  return Decision::allow(std::move(*granted), because("allowed"));
}

}  // namespace sluice::policy

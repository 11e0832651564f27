#include "policy/rules.h"

namespace sluice::policy {
namespace {

using shape::Definition;

std::string because(const std::string& rule, const std::string& why) {
  return "rule '" + rule + "': " + why;
}

// A rule that denies grants nothing, so it has nothing to say about a shape.
std::optional<std::string> denied_part(const RuleConfig& config) {
  const auto has_no = [](const char* key) { return std::string(key) + ": a rule that denies has a table and no shape"; };
  if (config.shape.where) return has_no("where");
  if (!config.shape.params.empty()) return has_no("params");
  if (config.shape.columns) return has_no("columns");
  if (config.shape.replica) return has_no("replica");
  if (config.any_where) return has_no("any_where");
  if (config.log) return has_no("log");
  if (config.subset != shape::SubsetRights()) return has_no("subset");
  return std::nullopt;
}

}  // namespace

std::expected<Rules, std::string> Rules::make(std::vector<RuleConfig> configs, std::string name) {
  Rules made;
  made.name_ = std::move(name);
  for (RuleConfig& config : configs) {
    if (config.deny)
      if (auto part = denied_part(config)) return std::unexpected(because(config.name, *part));
    const bool deny = config.deny;
    auto offer = Offer::make(std::move(config));
    if (!offer) return std::unexpected(std::move(offer.error()));
    OfTable& rules = made.tables_[offer->table()];
    (deny ? rules.denying : rules.allowing).push_back(std::move(*offer));
  }
  return made;
}

Task<Decision> Rules::authorize(const Principal& principal, const Definition& asked) {
  co_return decide(principal, asked);
}

Decision Rules::decide(const Principal& principal, const Definition& asked) const {
  Decision decision;
  if (const auto found = tables_.find(asked.table()); found == tables_.end()) {
    decision = Decision::abstain("no rule is for this table");
  } else if (auto denial = denied(found->second.denying, principal)) {
    decision = std::move(*denial);
  } else {
    decision = allowed(found->second.allowing, principal, asked);
  }
  decision.authorizer = name_;
  return decision;
}

std::optional<Decision> Rules::denied(const std::vector<Offer>& denying, const Principal& principal) {
  for (const Offer& offer : denying) {
    const Offer::Match match = offer.match(principal);
    if (match.kind == Offer::Match::kNo) continue;
    const bool unreadable = match.kind == Offer::Match::kUnreadable;
    Decision decision = Decision::deny(because(offer.config().name, unreadable ? match.refusal.missing : "denied"));
    decision.line = offer.config().line;
    return decision;
  }
  return std::nullopt;
}

Decision Rules::allowed(const std::vector<Offer>& allowing, const Principal& principal, const Definition& asked) {
  NearestOffer nearest;
  for (const Offer& offer : allowing) {
    auto granted = offer.consider(principal, asked);
    if (granted) {
      Decision decision = Decision::allow(std::move(*granted), because(offer.config().name, "allowed"));
      decision.line = offer.config().line;
      return decision;
    }
    nearest.consider(offer, granted.error());
  }
  Decision decision = Decision::abstain("no rule is for this table");
  decision.nearest = nearest.nearest();
  if (decision.nearest) decision.reason = because(decision.nearest->rule, decision.nearest->missing);
  return decision;
}

}  // namespace sluice::policy

#include "policy/offer_authorizer.h"

#include <utility>

namespace sluice::policy {
OfferAuthorizer::OfferAuthorizer(std::string name, std::vector<Offer> offers)
    : name_(std::move(name)), offers_(std::move(offers)) {}

Task<Decision> OfferAuthorizer::authorize(const Principal& principal, const shape::Definition& asked) {
  NearestOffer nearest;
  std::optional<Decision> denied;
  for (std::size_t rule = 0; rule < offers_.size(); ++rule) {
    const Offer& offer = offers_[rule];
    auto granted = offer.consider(principal, asked);
    if (!granted) {
      nearest.consider(offer, granted.error());
      continue;
    }
    Answer answer = co_await ask(rule, {.principal = principal, .params = &granted->definition.params()});
    if (answer.kind == Answer::Kind::kYes)
      co_return of_rule(offer, Decision::allow(std::move(*granted), std::move(answer.reason)));
    if (answer.kind == Answer::Kind::kFailed) co_return of_rule(offer, Decision::failed(std::move(answer.reason)));
    if (denied) continue;
    denied = of_rule(offer, Decision::deny(answer.reason));
    // An offer that fits came nearer to being allowed than any that does not.
    denied->nearest = Nearest{offer.config().name, offer.config().line, std::move(answer.reason)};
  }
  co_return denied ? std::move(*denied) : abstained(nearest);
}

Decision OfferAuthorizer::of_rule(const Offer& offer, Decision decision) const {
  decision.authorizer = name_;
  decision.line = offer.config().line;
  decision.reason = "rule '" + offer.config().name + "': " + decision.reason;
  return decision;
}

Decision OfferAuthorizer::abstained(const NearestOffer& nearest) const {
  Decision decision = Decision::abstain("no rule is for this table");
  decision.authorizer = name_;
  decision.nearest = nearest.nearest();
  if (decision.nearest) decision.reason = "rule '" + decision.nearest->rule + "': " + decision.nearest->missing;
  return decision;
}

std::expected<void, std::string> check_question(const OfferConfig& config, const Template& part) {
  if (part.uses(Template::Place::kQuery)) return std::unexpected(std::string("only a named shape has query parameters"));
  if (config.any_where && part.uses(Template::Place::kParam)) {
    return std::unexpected(std::string("with any_where, {params.n} says nothing about the rows that are asked for"));
  }
  if (!config.any_where && part.param_max() > config.shape.params.size()) {
    return std::unexpected("{params." + std::to_string(part.param_max()) + "} is not among the rule's params");
  }
  return {};
}

}  // namespace sluice::policy

#include "policy/combined.h"

#include "policy/narrowing.h"

namespace sluice::policy {
namespace {

using Kind = Decision::Kind;
using shape::Definition;

Decision denied_by_default(Decision abstained) {
  abstained.kind = Kind::kDeny;
  abstained.granted.reset();
  return abstained;
}

Decision broken(const Decision& decision, std::string reason) {
  Decision failed = Decision::failed(std::move(reason));
  failed.authorizer = decision.authorizer;
  failed.line = decision.line;
  return failed;
}

// An answer that grants is held to what was asked.
Decision held_to(const Definition& asked, Decision decision) {
  if (decision.kind != Kind::kAllow) return decision;
  if (!decision.granted) return broken(decision, "it allows and does not say what");
  auto within = lies_within(asked, decision.granted->definition);
  return within ? std::move(decision) : broken(decision, "it allows more than was asked for: " + within.error());
}

void append(std::string& reasons, const Decision& decision) {
  if (!reasons.empty()) reasons += "; ";
  if (!decision.authorizer.empty()) reasons += decision.authorizer + ": ";
  reasons += decision.reason;
}

}  // namespace

Task<Decision> FirstThatAnswers::authorize(const Principal& principal, const Definition& asked) {
  Decision none = Decision::deny("");
  for (Authorizer* authorizer : authorizers_) {
    Decision decision = co_await authorizer->authorize(principal, asked);
    if (!decision.nearest) decision.nearest = none.nearest;
    if (decision.kind != Kind::kAbstain) co_return decision;
    if (!none.nearest) none.nearest = std::move(decision.nearest);
    append(none.reason, decision);
  }
  if (none.reason.empty()) none.reason = "there is no authorizer";
  co_return none;
}

Task<Decision> AllOf::authorize(const Principal& principal, const Definition& asked) {
  if (authorizers_.empty()) co_return Decision::deny("there is no authorizer");
  shape::GrantedShape granted{asked};
  std::string reasons;
  Decision decision;
  for (Authorizer* authorizer : authorizers_) {
    const Definition left = granted.definition;
    decision = held_to(left, co_await authorizer->authorize(principal, left));
    if (decision.kind == Kind::kAbstain) co_return denied_by_default(std::move(decision));
    if (decision.kind != Kind::kAllow) co_return decision;
    auto both = limited_by_both(granted, std::move(*decision.granted));
    if (!both) co_return Decision::deny(std::move(both.error()));
    granted = std::move(*both);
    append(reasons, decision);
  }
  decision.granted = std::move(granted);
  decision.reason = std::move(reasons);
  co_return decision;
}

Task<Decision> Checked::authorize(const Principal& principal, const Definition& asked) {
  Decision decision = held_to(asked, co_await authorizer_.authorize(principal, asked));
  if (decision.kind == Kind::kAbstain) co_return denied_by_default(std::move(decision));
  co_return decision;
}

}  // namespace sluice::policy

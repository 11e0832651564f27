// Several authorizers as one.
//
//   Checked(FirstThatAnswers({rules, api}))     default: who has something to say decides
//   Checked(AllOf({rules, spice}))              every one must allow, each what the one before it left
//
// They are given authorizers that somebody else owns, starts and stops, and that outlive them.
#pragma once

#include <vector>

#include "policy/authorizer.h"

namespace sluice::policy {

// The first that does not abstain decides; one that fails is not passed over. Where all abstain: denied.
class FirstThatAnswers : public Authorizer {
 public:
  explicit FirstThatAnswers(std::vector<Authorizer*> authorizers) : authorizers_(std::move(authorizers)) {}
  Task<Decision> authorize(const Principal& principal, const shape::Definition& asked) override;

 private:
  std::vector<Authorizer*> authorizers_;
};

// Asked in turn, each for what the one before it granted. All must allow: one that denies or abstains denies, one that
// fails, or grants more than it was asked for, fails. None at all denies. Limits on log mode and subsets add up.
class AllOf : public Authorizer {
 public:
  explicit AllOf(std::vector<Authorizer*> authorizers) : authorizers_(std::move(authorizers)) {}
  Task<Decision> authorize(const Principal& principal, const shape::Definition& asked) override;

 private:
  std::vector<Authorizer*> authorizers_;
};

// What whoever serves requests asks: its decisions are kAllow, kDeny or kFailed, and what they allow lies within what was
// asked for (narrowing.h), whatever the authorizer behind it says.
class Checked : public Authorizer {
 public:
  explicit Checked(Authorizer& authorizer) : authorizer_(authorizer) {}
  Task<Decision> authorize(const Principal& principal, const shape::Definition& asked) override;

 private:
  Authorizer& authorizer_;
};

}  // namespace sluice::policy

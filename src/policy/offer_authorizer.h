// An authorizer that offers shapes (offer.h) and asks somebody else before it allows one: SpiceDB, a database.
//
// Rules are tried in their order. Where a rule's offer fits what is asked for, its question is put, filled from the shape
// that would be granted: so it is always about what the caller gets, whatever the caller wrote. Yes: allowed. No: the next
// rule that fits is tried, and where none says yes, denied. A question that gets no answer is a failed decision, at once,
// whatever a later rule might say. Where no offer fits, this authorizer abstains.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <vector>

#include "policy/authorizer.h"
#include "policy/offer.h"
#include "policy/template.h"

namespace sluice::policy {

class OfferAuthorizer : public Authorizer {
 public:
  Task<Decision> authorize(const Principal& principal, const shape::Definition& asked) final;

 protected:
  struct Answer {
    enum class Kind { kYes, kNo, kFailed };
    Kind kind = Kind::kFailed;
    std::string reason = {};  // as Decision's: names, never values
  };

  OfferAuthorizer(std::string name, std::vector<Offer> offers);

 private:
  // The question of the rule at this index; its sources are the principal and the params of the shape to be granted.
  virtual Task<Answer> ask(std::size_t rule, Sources sources) = 0;

  Decision of_rule(const Offer& offer, Decision decision) const;
  Decision abstained(const NearestOffer& nearest) const;

  std::string name_;
  std::vector<Offer> offers_;
};

// What is wrong with a question's templates for this rule, or nothing. A place must be one that every request fills:
// `{query.…}` belongs to named shapes, `{params.n}` must be one of the rule's own params, and with `any_where` the caller's
// params say nothing about the rows that the caller's where clause then asks for.
std::expected<void, std::string> check_question(const OfferConfig& config, const Template& part);

}  // namespace sluice::policy

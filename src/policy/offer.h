// What one rule offers to whom: the shape that it lets a principal read, made from the configuration and filled in.
//
// Every authorizer that is configured with rules (rules, spicedb, sql) has one Offer a rule, and adds its own question.
//
// An Offer is for one table. It applies to a principal where its identity (if named) and its `when` condition hold; to an
// anonymous one only where it says `anonymous`; claims of an anonymous caller are all NULL. A claim that is there but is not
// of the type that `when` compares it as keeps the rule from applying, whatever the condition would say of NULL. What it
// offers is its shape template. The caller may ask for that by spelling it out, or by leaving `where`, `params` and
// `columns` away. A param `{params.n}` is open: the client's own value is taken there. With `any_where` the caller chooses
// the where clause, as far as sql::covers() proves that it reaches for nothing but this table's columns. Columns and
// queryable columns asked for must lie within the offer's columns; replica=full must be offered.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "policy/authorizer.h"
#include "policy/shape_template.h"
#include "sql/condition.h"

namespace sluice::policy {

struct OfferConfig {
  std::string name;
  int line = 0;  // of the configuration file, for reasons and explain; 0 where there is none
  ShapeTemplateConfig shape;
  bool any_where = false;
  bool anonymous = false;
  std::optional<std::string> identity;  // the [[identity]] whose token it must be
  std::optional<std::string> when;      // a condition over the claims (sql/condition.h)
  std::optional<shape::LogMode> log;
  shape::SubsetRights subset;
};

class Offer {
 public:
  // The error names the rule and the key at fault.
  static std::expected<Offer, std::string> make(OfferConfig config);

  struct Refusal {
    std::string missing;  // names only, never values
    // How far it came, for finding the nearest: another table 0, another caller 1, unmet `when` 2, the shape's own parts
    // from 3.
    int progress = 0;
  };
  // What this principal would be given of what is asked.
  std::expected<shape::GrantedShape, Refusal> consider(const Principal& principal, const shape::Definition& asked) const;

  // Whether the principal is whom the rule is for: its identity and `when` alone, for rules that deny.
  struct Match {
    enum Kind { kYes, kNo, kUnreadable };  // unreadable: a claim is not of the type that `when` compares it as
    Kind kind = kNo;
    Refusal refusal;
  };
  Match match(const Principal& principal) const;

  const OfferConfig& config() const { return config_; }
  const shape::TableName& table() const { return shape_.table(); }

 private:
  // The shape's rows and columns as offered.
  std::expected<shape::Definition, Refusal> rows(const Principal& principal, const shape::Definition& asked) const;

  Offer(OfferConfig config, ShapeTemplate shape, std::optional<sql::Condition> when);

  OfferConfig config_;
  ShapeTemplate shape_;
  std::optional<sql::Condition> when_;
};

// Keeps the one that came farthest. A rule for another table is never named.
class NearestOffer {
 public:
  void consider(const Offer& offer, const Offer::Refusal& refusal);
  std::optional<Nearest> nearest() const;

 private:
  int progress_ = 0;
  std::optional<Nearest> nearest_;
};

}  // namespace sluice::policy

#include "policy/offer.h"

#include <algorithm>

#include "policy/claim_value.h"
#include "sql/covers.h"

namespace sluice::policy {
namespace {

using shape::Definition;
using Refused = std::unexpected<Offer::Refusal>;

// How far a refused principal came; what is nearer to being allowed is higher.
enum Progress { kAnotherTable, kAnotherCaller, kUnmetWhen, kAnotherWhere, kUnfilled, kAnotherParam, kNotOffered };

Refused refuse(Progress progress, std::string missing) {
  return Refused({std::move(missing), progress});
}

std::expected<std::optional<sql::Condition>, std::string> compile_when(const std::optional<std::string>& when) {
  if (!when) return std::nullopt;
  auto condition = sql::Condition::compile(*when);
  if (!condition) return std::unexpected("when: " + condition.error().message);
  return std::optional(std::move(*condition));
}

// What a configuration may not say.
std::optional<std::string> contradiction(const OfferConfig& config) {
  if (config.any_where && config.shape.where) return "any_where: a rule has `where` or `any_where`, not both";
  // A where clause of the caller's choosing could ask about columns that the rule hides.
  if (config.any_where && config.shape.columns)
    return "any_where: a rule that limits `columns` cannot leave `where` to the caller";
  if (!config.subset.allowed && config.subset.limit_max) return "subset_limit_max: the rule allows no subset";
  return std::nullopt;
}

// Both are sorted sets.
bool within(const std::vector<std::string>& inner, const std::vector<std::string>& outer) {
  return std::ranges::includes(outer, inner);
}

// What is asked for beside rows lies within what is offered.
std::expected<void, Offer::Refusal> check_columns(const Definition& offered, const Definition& asked) {
  if (asked.replica() == shape::Replica::kFull && offered.replica() != shape::Replica::kFull)
    return refuse(kNotOffered, "replica=full is not offered");
  if (!offered.columns()) return {};
  for (const auto* columns : {&asked.columns(), &asked.queryable_columns()})
    if (*columns && !within(**columns, *offered.columns()))
      return refuse(kNotOffered, "a column is asked for beyond the rule's");
  return {};
}

// `rows` with the columns that are asked for, else those that are offered; where the offer hides columns, a subset may refer
// to the others only (E9).
Definition with_columns_of(const Definition& rows, const Definition& offered, const Definition& asked) {
  Definition granted = rows.with_columns(asked.columns() ? asked.columns() : offered.columns(), asked.replica());
  if (asked.queryable_columns()) return granted.with_queryable_columns(*asked.queryable_columns());
  return offered.columns() ? granted.with_queryable_columns(*granted.columns()) : granted;
}

}  // namespace

Offer::Offer(OfferConfig config, ShapeTemplate shape, std::optional<sql::Condition> when)
    : config_(std::move(config)), shape_(std::move(shape)), when_(std::move(when)) {}

std::expected<Offer, std::string> Offer::make(OfferConfig config) {
  const auto at_fault = [&](const std::string& why) { return std::unexpected("rule '" + config.name + "': " + why); };
  if (auto wrong = contradiction(config)) return at_fault(*wrong);
  auto shape = ShapeTemplate::make(config.shape);
  if (!shape) return at_fault(shape.error());
  if (shape->uses(Template::Place::kQuery)) return at_fault("params: only a named shape has query parameters");
  auto when = compile_when(config.when);
  if (!when) return at_fault(when.error());
  return Offer(std::move(config), std::move(*shape), std::move(*when));
}

Offer::Match Offer::match(const Principal& principal) const {
  if (config_.identity && (principal.is_anonymous() || principal.identity() != *config_.identity))
    return {Match::kNo, {"it is for identity '" + *config_.identity + "'", kAnotherCaller}};
  if (!when_) return {Match::kYes, {}};

  std::vector<std::optional<std::string>> values;
  for (const sql::Condition::Name& name : when_->names()) {
    auto value = condition_value(principal.claims(), name);
    if (!value) return {Match::kUnreadable, {std::move(value.error()), kUnmetWhen}};
    values.push_back(std::move(*value));
  }
  const std::vector<std::optional<std::string_view>> row(values.begin(), values.end());
  if (when_->holds(row)) return {Match::kYes, {}};
  return {Match::kNo, {"the claims are not as its `when` asks", kUnmetWhen}};
}

std::expected<Definition, Offer::Refusal> Offer::rows(const Principal& principal, const Definition& asked) const {
  const bool own_where = asked.where().has_value() && !config_.any_where;
  if (own_where && asked.where() != shape_.where())
    return refuse(kAnotherWhere, "another where than the rule's is asked for");
  auto offered = shape_.fill({.principal = principal, .params = &asked.params()});
  if (!offered) return refuse(kUnfilled, std::move(offered.error()));
  if (own_where && asked.params() != offered->params())
    return refuse(kAnotherParam, "another param than the rule's is asked for");
  return std::move(*offered);
}

std::expected<shape::GrantedShape, Offer::Refusal> Offer::consider(const Principal& principal,
                                                                   const Definition& asked) const {
  if (asked.table() != table()) return refuse(kAnotherTable, "it is for another table");
  if (principal.is_anonymous() && !config_.anonymous) return refuse(kAnotherCaller, "it is not for anonymous callers");
  if (auto matched = match(principal); matched.kind != Match::kYes) return Refused(std::move(matched.refusal));
  const auto offered = rows(principal, asked);
  if (!offered) return Refused(offered.error());
  if (auto checked = check_columns(*offered, asked); !checked) return Refused(std::move(checked.error()));

  const bool chosen = config_.any_where && asked.where().has_value();
  // Client text: it may compare and combine columns of this table, and reach for nothing else (E9).
  if (chosen)
    if (auto covered = sql::covers(*offered, asked); !covered) return refuse(kAnotherWhere, std::move(covered.error()));

  const Definition& rows_granted = chosen ? asked : *offered;
  return shape::GrantedShape{with_columns_of(rows_granted, *offered, asked).with_log(shape::LogMode::kFull), config_.log,
                             config_.subset};
}

void NearestOffer::consider(const Offer& offer, const Offer::Refusal& refusal) {
  if (refusal.progress <= progress_) return;
  progress_ = refusal.progress;
  nearest_ = Nearest{offer.config().name, offer.config().line, refusal.missing};
}

std::optional<Nearest> NearestOffer::nearest() const {
  return nearest_;
}

}  // namespace sluice::policy

#include "sql/condition.h"

#include "sql/binder.h"
#include "sql/claim_types.h"
#include "sql/expression.h"
#include "sql/parse_tree.h"

namespace sluice::sql {

struct Condition::Impl {
  std::vector<Name> names;
  Expression expression;
};

namespace {

// The claims as the columns of a table. Text is of collation C.
Table table_of(const std::vector<ClaimType>& claims) {
  Table out;
  for (const ClaimType& claim : claims) {
    Column& column = out.columns.emplace_back();
    column.name = claim.key;
    column.type = claim.list ? array_oid_of(claim.type) : oid_of(claim.type);
    column.type_name = name_of(claim.type);
    column.dimensions = claim.list ? 1 : 0;
    column.collation = {.casing = Collation::Casing::kAscii, .orders_bytes = true, .deterministic = true};
  }
  return out;
}

}  // namespace

std::expected<Condition, WhereError> Condition::compile(std::string_view text) {
  auto tree = ParseTree::parse(ClauseKind::kWhere, text);
  if (!tree) return std::unexpected(tree.error());
  auto claims = infer_claim_types(*tree);
  if (!claims) return std::unexpected(claims.error());
  Table table = table_of(*claims);
  auto expression = bind_where(*tree, BinderScope{.table = table, .columns = {}, .params = {}, .claims = true});
  if (!expression) return std::unexpected(expression.error());
  std::vector<Name> names;
  for (ClaimType& claim : *claims) {
    names.push_back({.path = std::move(claim.path), .type = oid_of(claim.type), .list = claim.list});
  }
  return Condition(std::make_unique<const Impl>(Impl{std::move(names), std::move(*expression)}));
}

const std::vector<Condition::Name>& Condition::names() const {
  return impl_->names;
}

bool Condition::holds(Row values) const {
  return impl_->expression.evaluate(values) == Truth::kTrue;
}

Condition::Condition(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Condition::~Condition() = default;
Condition::Condition(Condition&&) noexcept = default;
Condition& Condition::operator=(Condition&&) noexcept = default;

}  // namespace sluice::sql

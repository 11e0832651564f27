#include "sql/where.h"

#include <algorithm>
#include <numeric>

#include "sql/binder.h"
#include "sql/call.h"
#include "sql/print.h"
#include "sql/routes.h"

namespace sluice::sql {

struct WhereClause::Impl {
  Expression expression;
  std::string sql;
  std::string canonical;
  std::vector<std::size_t> columns;
  std::vector<Route> routes;
};

namespace {

// The columns that a tree names, with repetitions.
class ColumnCollector {
 public:
  void visit(const Expression& expression) {
    std::visit([&](const auto& node) { visit(node); }, expression.node());
  }

  std::vector<std::size_t> sorted() {
    std::sort(columns_.begin(), columns_.end());
    columns_.erase(std::unique(columns_.begin(), columns_.end()), columns_.end());
    return std::move(columns_);
  }

 private:
  void visit(const Operand& operand) {
    if (operand.source == Operand::Source::kColumn) columns_.push_back(operand.column);
    if (operand.source == Operand::Source::kCondition) visit(*operand.condition);
    if (operand.source != Operand::Source::kCall) return;
    for (const Operand& arg : operand.call->args) visit(arg);
    if (operand.call->array) visit(*operand.call->array);
  }
  void visit(const ArrayValue& array) {
    for (const ArrayPart& part : array.parts) {
      if (part.source == ArrayPart::Source::kColumn) columns_.push_back(part.column);
      visit(part.element);
    }
  }
  void visit(const Comparison& node) {
    visit(node.left);
    visit(node.right);
  }
  void visit(const Membership& node) { visit(node.left); }
  void visit(const ElementTest& node) {
    visit(node.left);
    columns_.push_back(node.array);
  }
  void visit(const ArrayTest& node) { columns_.push_back(node.array); }
  void visit(const ArraysTest& node) {
    visit(node.left);
    visit(node.right);
  }
  void visit(const ArrayComparison& node) {
    visit(node.left);
    visit(node.right);
  }
  void visit(const ElementOf& node) {
    visit(node.left);
    visit(node.array);
  }
  void visit(const Likeness& node) { visit(node.left); }
  void visit(const NullTest& node) { visit(node.operand); }
  void visit(const TruthTest& node) { visit(node.operand); }
  void visit(const Predicate& node) { visit(node.operand); }
  void visit(const Negation& node) { visit(*node.term); }
  void visit(const Junction& node) {
    for (const Expression& term : node.terms) visit(term);
  }

  std::vector<std::size_t> columns_;
};

}  // namespace

std::expected<WhereClause, WhereError> WhereClause::compile(std::string_view where, const std::vector<std::string>& params,
                                                            const Table& table) {
  std::vector<std::size_t> all(table.columns.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return compile(where, params, table, all);
}

std::expected<WhereClause, WhereError> WhereClause::compile(std::string_view where, const std::vector<std::string>& params,
                                                            const Table& table, const std::vector<std::size_t>& columns) {
  auto tree = ParseTree::parse(ClauseKind::kWhere, where);
  if (!tree) return std::unexpected(tree.error());
  auto expression = bind_where(*tree, BinderScope{table, columns, params});
  if (!expression) return std::unexpected(expression.error());
  std::string canonical = print(*expression, table, false);
  std::string sql = print(*expression, table, true);
  if (std::max(sql.size(), canonical.size()) > kPrintedBytesMax) {
    return std::unexpected(error_at(0, "the clause with its parameters is too long"));
  }
  ColumnCollector collector;
  collector.visit(*expression);
  auto routes = routes_of(*expression);
  return WhereClause(std::make_unique<const Impl>(
      Impl{std::move(*expression), std::move(sql), std::move(canonical), collector.sorted(), std::move(routes)}));
}

bool WhereClause::matches(Row row) const {
  return impl_->expression.evaluate(row) == Truth::kTrue;
}
std::optional<bool> WhereClause::judge(Row row) const {
  auto truth = impl_->expression.judge(row);
  return truth ? std::optional(*truth == Truth::kTrue) : std::nullopt;
}
const std::string& WhereClause::sql() const {
  return impl_->sql;
}
const std::string& WhereClause::canonical() const {
  return impl_->canonical;
}
const std::vector<std::size_t>& WhereClause::columns() const {
  return impl_->columns;
}
const std::vector<WhereClause::Route>& WhereClause::routes() const {
  return impl_->routes;
}

WhereClause::WhereClause(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
WhereClause::~WhereClause() = default;
WhereClause::WhereClause(WhereClause&&) noexcept = default;
WhereClause& WhereClause::operator=(WhereClause&&) noexcept = default;

}  // namespace sluice::sql

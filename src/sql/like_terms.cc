#include "sql/like_terms.h"

#include <fmt/format.h>

#include "sql/text_input.h"

namespace sluice::sql {
namespace {

using Failure = std::unexpected<WhereError>;

Failure fail(std::size_t position, std::string_view message) {
  return Failure(error_at(position, message));
}

}  // namespace

bool is_constant_pattern(simdjson::dom::element pattern) {
  TreeNode node = TreeNode::of(pattern);
  return node.kind == "A_Const" || node.kind == "ParamRef" || dotted(node.list("funcname")) == "pg_catalog.like_escape" ||
         (node.kind == "TypeCast" && node.has("arg") && is_constant_pattern(node.element("arg")));
}

std::expected<Term, WhereError> constant_pattern(Term term) {
  if (!term.is_constant()) return fail(term.position, "the pattern of LIKE must be a constant");
  auto settled = settle(std::move(term), Type::kText, {});
  if (!settled) return settled;
  if (settled->type() == Type::kText) return settled;
  if (settled->type() != Type::kBpchar) return fail(settled->position, "the pattern of LIKE must be text");
  std::string text(without_trailing_blanks(settled->operand.constant.text));
  return term_of(Constant{.type = Type::kText, .null = settled->operand.constant.null, .text = text}, settled->position);
}

std::expected<Expression, WhereError> like_constant(Term left, Term pattern, LikeOp op, const Comparator& comparator,
                                                    std::size_t position) {
  auto settled = settle(std::move(left), Type::kText, {});
  if (!settled) return Failure(settled.error());
  if (settled->type() != Type::kText && settled->type() != Type::kBpchar) {
    return fail(position, fmt::format("LIKE is for text, not for {}", name_of(settled->type())));
  }
  if (auto ok = comparator.check_collation(*settled, false); !ok) return Failure(ok.error());
  if (auto ok = comparator.check_folded(*settled, pattern, false); !ok) return Failure(ok.error());
  if (settled->operand.constant.null || pattern.operand.constant.null) {
    return Expression(Predicate{term_of(Constant{.type = Type::kBool, .null = true}, 0).operand});
  }
  auto casing = settled->is_constant() ? Collation::Casing::kOther : collation_of(settled->operand, comparator.table).casing;
  std::string text = std::move(pattern.operand.constant.text);
  auto compiled = LikePattern::compile(text, op.ignore_case, casing);
  if (!compiled) return fail(pattern.position, to_string(compiled.error()));
  Expression out(Likeness{std::move(settled->operand), std::move(text), op.ignore_case, std::move(*compiled)});
  return op.negated ? negated(std::move(out)) : std::move(out);
}

std::expected<Expression, WhereError> like_any(Term left, Term pattern, LikeOp op, const Comparator& comparator,
                                               const Operators& operators, std::size_t position) {
  if (pattern.is_constant()) {
    auto settled = settle(std::move(pattern), Type::kText, {});
    if (!settled) return Failure(settled.error());
    if (settled->type() != Type::kText) return fail(settled->position, "the pattern of LIKE must be text");
    return like_constant(std::move(left), std::move(*settled), op, comparator, position);
  }
  if (op.ignore_case) return fail(pattern.position, "the pattern of ILIKE must be a constant");
  auto like = operators.like(std::move(left), std::move(pattern), position);
  if (!like) return Failure(like.error());
  Expression out(Predicate{operand_of(std::move(*like))});
  return op.negated ? negated(std::move(out)) : std::move(out);
}

}  // namespace sluice::sql

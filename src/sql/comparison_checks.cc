#include <fmt/format.h>

#include <algorithm>

#include "sql/comparison.h"
#include "sql/operators.h"
#include "sql/parse_tree.h"

namespace sluice::sql {
namespace {

using Failure = std::unexpected<WhereError>;

Failure fail(std::size_t position, std::string_view message) {
  return Failure(error_at(position, message));
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

WhereError invalid_label(std::size_t position, const Operand& constant) {
  return error_at(position, fmt::format("invalid value for enum {}: {}", constant.enum_name, constant.constant.text));
}

std::expected<void, WhereError> Comparator::check_label(const Term& term, bool beside_column) const {
  if (!term.is_constant() || term.type() != Type::kEnum) return {};
  if (!beside_column) return fail(term.position, "a constant of an enum can only be compared with a column");
  if (term.operand.constant.null) return {};
  // There may be enums of one name in several schemas.
  bool known = false;
  for (const Column& column : table.columns) {
    if (type_of(column) != Type::kEnum || column.type_name != term.operand.enum_name) continue;
    const auto& labels = column.enum_labels;
    if (labels.empty() || std::ranges::find(labels, term.operand.constant.text) != labels.end()) return {};
    known = true;
  }
  if (known) return Failure(invalid_label(term.position, term.operand));
  return {};
}

std::expected<void, WhereError> Comparator::check_collation(const Term& term, bool ordering) const {
  bool enum_column = term.type() == Type::kEnum && term.operand.source == Operand::Source::kColumn;
  if (enum_column && ordering && table.columns[term.operand.column].enum_labels.empty()) {
    return fail(term.position, "the order of this enum's labels is not known: it can only be compared for equality");
  }
  if (term.type() != Type::kText && term.type() != Type::kBpchar) return {};
  bool column = !term.is_constant();
  Collation collation = collation_of(term.operand, table);
  if (!collation.deterministic) return fail(term.position, "text of a nondeterministic collation cannot be compared");
  if (ordering && column && !collation.orders_bytes) {
    return fail(term.position, kUnknownOrder);
  }
  return {};
}

std::expected<void, WhereError> Comparator::check_folded(const Term& term, const Term& other, bool ordering) const {
  if (!term.operand.call || !term.operand.call->folded) return {};
  bool ascii = other.is_constant() && is_ascii(other.operand.constant.text);
  if (ascii && !ordering) return {};
  return fail(term.position, "lower() and upper() can only be compared for equality with text of ASCII characters");
}

}  // namespace sluice::sql

// Comparisons: which operator Postgres would choose, and the same comparison in one form.
//
// The rules are those of "Type Conversion: Operators" in Postgres's manual (and of its parse_oper.c, parse_coerce.c),
// reduced to the types of value.h: an unknown literal takes the other side's type; integers and numerics compare exactly;
// with a float on either side both become float8; a list of IN has one common type, which is why `real_column IN (0.1, 0.2)`
// and `real_column = 0.1` differ.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sql/expression.h"
#include "sql/where.h"

namespace sluice::sql {

// Something that can stand beside an operator: a column, a constant, a condition, or what is computed.
struct Term {
  Operand operand;                        // unless there is a condition
  std::unique_ptr<Expression> condition;  // of type bool
  std::size_t position = 0;               // offset into the clause

  bool is_constant() const { return !condition && operand.source == Operand::Source::kConstant; }
  Type type() const { return condition ? Type::kBool : operand.type; }
};

// What stands in ANY(…) and beside @>, <@, &&, and is compared whole: an array column, or constants.
struct ArrayTerm {
  std::optional<std::uint32_t> column = {};
  Type element = Type::kUnknown;  // unknown: of a quoted literal or parameter, which takes the other side's type
  std::string element_name = {};  // as element_name_of() says
  std::vector<Term> items = {};   // unless there is a column: constants of one type, or without a type yet
  ArrayBounds bounds = {};        // theirs; none: flat_bounds()
  std::size_t position = 0;
  std::vector<ArrayPart> parts = {};  // in place of both, where it is put together (array_terms.h)

  bool is_constant() const { return !column && parts.empty(); }
};

Term term_of(Constant constant, std::size_t position);
Term term_of(Expression condition, std::size_t position);
// A copy; makes the condition shared.
Term share(Term& term);
// Refuses what would be written out, and computed, more than once: nested, it would grow without bound.
std::expected<void, WhereError> check_repeatable(const Term& term, std::size_t times);
// As an operand, a condition included.
Operand operand_of(Term term);

// `term`, a constant without a type yet, as a constant of `type`. Other terms are left alone.
std::expected<Term, WhereError> settle(Term term, Type type, const std::string& enum_name);

inline constexpr std::string_view kUnknownOrder =
    "the order of text depends on its collation: only =, <>, IN and LIKE are supported";

bool is_ordering(CompareOp op);
// As which `a op b` is `b mirrored(op) a`.
CompareOp mirrored(CompareOp op);

// What the elements of an array are compared as, with their like.
std::optional<Domain> domain_of_elements(Type element);

// No label of its enum.
WhereError invalid_label(std::size_t position, const Operand& constant);

// In three files: comparison.cc, what is checked of its operands (comparison_checks.cc), arrays (array_terms.cc).
struct Comparator {
  const Table& table;

  std::expected<Expression, WhereError> compare(CompareOp op, Term left, Term right) const;
  // kNotEqual: IS DISTINCT FROM; kEqual: IS NOT DISTINCT FROM.
  std::expected<Expression, WhereError> compare_null_safe(CompareOp op, Term left, Term right) const;
  // value BETWEEN [SYMMETRIC] low AND high
  std::expected<Expression, WhereError> between(Term& value, Term& low, Term& high, bool symmetric) const;
  // left IN (items)
  std::expected<Expression, WhereError> among(Term left, std::vector<Term> items) const;
  // left = ANY(array)
  std::expected<Expression, WhereError> any_of(Term left, ArrayTerm array) const;
  // left op ANY(array), left op ALL(array)
  std::expected<Expression, WhereError> each_of(CompareOp op, bool all, Term left, ArrayTerm array) const;
  // left op right, of which one is no constant. `loosely`, where one is a column: arrays of two types of numbers may meet,
  // and of text and varchar, which Postgres has no operator for.
  std::expected<Expression, WhereError> array_test(ArrayOp op, ArrayTerm left, ArrayTerm right, bool loosely) const;
  // left op right, of whole arrays; `null_safe` as in Comparison.
  std::expected<Expression, WhereError> compare_arrays(CompareOp op, bool null_safe, ArrayTerm left, ArrayTerm right) const;
  // ARRAY[items]: gives them their one type. No item has none.
  std::expected<void, WhereError> make_array(ArrayTerm& array) const;

  // Constants as constants of one type, those without a type read as it.
  std::expected<void, WhereError> unify(std::vector<Term>& items, Type common, const std::string& enum_name,
                                        bool beside_column) const;

  // A constant of an enum that has no such label, or that no column stands beside to give it its type when printed.
  std::expected<void, WhereError> check_label(const Term& term, bool beside_column) const;
  // lower() and upper(), whose letters beyond ASCII are not known, beside anything but a constant of ASCII.
  std::expected<void, WhereError> check_folded(const Term& term, const Term& other, bool ordering) const;
  // Text whose equality is not that of its bytes, or whose order is not known here.
  std::expected<void, WhereError> check_collation(const Term& term, bool ordering) const;

 private:
  std::expected<Expression, WhereError> within(Term& value, Term& low, Term& high) const;
  std::expected<Expression, WhereError> build(CompareOp op, bool null_safe, Term left, Term right) const;
  std::expected<void, WhereError> check_pair(CompareOp op, const Term& left, const Term& right) const;
  std::expected<Expression, WhereError> among_constants(Term left, std::vector<Term> items) const;
  std::expected<Expression, WhereError> each_of_value(CompareOp op, bool all, Term left, ArrayTerm array) const;
  std::expected<void, WhereError> check_arrays(std::initializer_list<const ArrayTerm*> arrays) const;
  std::expected<void, WhereError> settle_arrays(ArrayTerm& left, ArrayTerm& right) const;
  std::expected<std::optional<Collation>, WhereError> collation_of_arrays(
      std::initializer_list<const ArrayTerm*> arrays) const;
  std::expected<void, WhereError> check_texts(CompareOp op, const ArrayTerm& left, const ArrayTerm& right) const;
  std::expected<Expression, WhereError> arrays_test(ArrayOp op, ArrayTerm left, ArrayTerm right) const;
  std::expected<Expression, WhereError> each_of_column(CompareOp op, bool all, Term left, const ArrayTerm& array) const;
  std::expected<Expression, WhereError> set_of(Domain domain, Term left, std::vector<Term> items) const;
};

}  // namespace sluice::sql

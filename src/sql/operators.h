// Operators, casts and functions: which one Postgres would choose for its operands' types, as a call (call.h), or a refusal.
//
// The rules are comparison.h's: an unknown literal takes the other side's type; integers become the wider of the two, or
// numeric beside a numeric; a list (coalesce, CASE) has one common type. A call of constants is computed here and now, and
// refused where Postgres would raise an error for it.
//
// Refused, because the answer could not be known to be Postgres's: numeric ^ (its digits depend on the version), ^ of two
// floats that are no constants (which of them fail cannot be told to Postgres), casts from text, casts whose result depends
// on settings.
//
// In three files: this one's, operators_real.cc (floats) and operators_calendar.cc (dates, times, intervals).
#pragma once

#include <expected>
#include <string_view>
#include <vector>

#include "sql/call.h"
#include "sql/comparison.h"
#include "sql/where.h"

namespace sluice::sql {

class Operators {
 public:
  explicit Operators(const Table& table) : table_(table) {}

  // Whether there is such a one here at all.
  static bool knows_operator(std::string_view name);
  static bool knows_function(std::string_view name, std::size_t args);

  std::expected<Term, WhereError> binary(std::string_view name, Term left, Term right, std::size_t position) const;
  std::expected<Term, WhereError> prefix(std::string_view name, Term arg, std::size_t position) const;
  std::expected<Term, WhereError> function(std::string_view name, std::vector<Term> args, std::size_t position) const;
  // coalesce(), greatest(), least()
  std::expected<Term, WhereError> choice(Function function, std::vector<Term> args, std::size_t position) const;
  std::expected<Term, WhereError> null_if(Term left, Term right, std::size_t position) const;
  // Values are the results of WHEN, and then of ELSE.
  std::expected<Term, WhereError> case_of(std::vector<Expression> conditions, std::vector<Term> values,
                                          std::size_t position) const;
  // Of what is no constant.
  std::expected<Term, WhereError> cast(Term term, Type to, std::size_t position) const;
  // Cast, where it is not of that type.
  std::expected<Term, WhereError> as_type(Term term, Type type, std::size_t position) const;
  // text LIKE pattern
  std::expected<Term, WhereError> like(Term text, Term pattern, std::size_t position) const;

 private:
  std::expected<Term, WhereError> make(Call call, std::vector<Term> args, std::size_t position) const;
  std::expected<Term, WhereError> arithmetic(Function function, Term left, Term right, std::size_t position) const;
  std::expected<Term, WhereError> shift(Function function, Term left, Term right, std::size_t position) const;
  std::expected<Term, WhereError> concat(Term left, Term right, std::size_t position) const;
  std::expected<std::vector<Term>, WhereError> in_common(std::vector<Term> args, std::size_t position) const;
  std::expected<Term, WhereError> as_numeric(Term term, std::size_t position) const;
  std::expected<Term, WhereError> as_text(Term term, std::size_t position) const;
  std::expected<Term, WhereError> calendar(std::string_view name, Term left, Term right, std::size_t position) const;
  std::expected<Term, WhereError> with_interval(std::string_view name, Term left, Term right, std::size_t position) const;
  std::expected<Term, WhereError> moved_by(Term moment, Term interval, bool back, std::size_t position) const;
  std::expected<Term, WhereError> apart(std::string_view name, Term later, Term earlier, std::size_t position) const;
  std::expected<Term, WhereError> bounded_interval(Term term, std::size_t position) const;
  std::expected<Term, WhereError> justify(std::string_view name, Term interval, std::size_t position) const;
  std::expected<Term, WhereError> real_arithmetic(Function function, std::string_view name, Term left, Term right,
                                                  std::size_t position) const;
  std::expected<Term, WhereError> power(Term base, Term exponent, std::size_t position) const;
  std::expected<Term, WhereError> in_zone(Term zone, Term moment, std::size_t position) const;
  std::expected<void, WhereError> measure(Call& call) const;

  const Table& table_;
};

// justify_days() and its like.
std::optional<Function> justification_named(std::string_view name);
WhereError no_operator(std::string_view name, const Term& left, const Term& right, std::size_t position);

// A computed term as a value of the domain that it is compared in. Others are left alone.
std::expected<Term, WhereError> brought_beside(Term term, Domain domain, const Table& table);
// Of a text: a column's own, or what a call's arguments agree on.
Collation collation_of(const Operand& operand, const Table& table);

}  // namespace sluice::sql

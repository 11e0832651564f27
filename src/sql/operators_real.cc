#include <cmath>

#include "sql/operators.h"
#include "sql/parse_tree.h"

namespace sluice::sql {
namespace {

using Failure = std::unexpected<WhereError>;
using Bound = std::expected<Term, WhereError>;

Failure fail(std::size_t position, std::string_view message) {
  return Failure(error_at(position, message));
}

}  // namespace

// Of two float4 it is a float4's, a literal without a type being the other's; of any other two numbers a float8's.
Bound Operators::real_arithmetic(Function function, std::string_view name, Term left, Term right,
                                 std::size_t position) const {
  bool known = function <= Function::kDivide;
  for (const Term* term : {&left, &right}) known = known && (is_number(term->type()) || term->type() == Type::kUnknown);
  if (!known) return Failure(no_operator(name, left, right, position));
  auto single = [](const Term& term) { return term.type() == Type::kFloat4 || term.type() == Type::kUnknown; };
  Type type = single(left) && single(right) ? Type::kFloat4 : Type::kFloat8;
  std::vector<Term> args;
  for (Term* term : {&left, &right}) {
    auto settled = settle(std::move(*term), type, {});
    if (!settled) return settled;
    auto brought = as_type(std::move(*settled), type, position);
    if (!brought) return brought;
    args.push_back(std::move(*brought));
  }
  return make(Call{.function = function, .type = type, .args = {}}, std::move(args), position);
}

// Integers and floats are raised as float8. One side is a constant: then it is known which numbers of the other have a power
// within float8, and can be said to Postgres (real_math.h).
Bound Operators::power(Term base, Term exponent, std::size_t position) const {
  bool real = is_float(base.type()) || is_float(exponent.type());
  bool numeric = base.type() == Type::kNumeric || exponent.type() == Type::kNumeric;
  bool unknown = base.type() == Type::kUnknown && exponent.type() == Type::kUnknown;
  bool known = !unknown;
  for (const Term* term : {&base, &exponent}) known = known && (is_number(term->type()) || term->type() == Type::kUnknown);
  if (!known) return Failure(no_operator("^", base, exponent, position));
  if (numeric && !real) return fail(position, "the digits of numeric ^ depend on the server's version: cast to float8");
  std::vector<Term> args;
  for (Term* term : {&base, &exponent}) {
    auto settled = settle(std::move(*term), Type::kFloat8, {});
    if (!settled) return settled;
    auto brought = as_type(std::move(*settled), Type::kFloat8, position);
    if (!brought) return brought;
    args.push_back(std::move(*brought));
  }
  if (!args[0].is_constant() && !args[1].is_constant()) {
    return fail(position, "one of the sides of ^ must be a constant");
  }
  bool both = args[0].is_constant() && args[1].is_constant();
  const Constant& fixed = args[args[0].is_constant() ? 0 : 1].operand.constant;
  bool raisable = fixed.null || (std::isfinite(fixed.real) && (!args[0].is_constant() || fixed.real > 0));
  if (!both && !raisable) return fail(position, "the constant beside ^ must be finite, and as a base positive");
  return make(Call{.function = Function::kPower, .type = Type::kFloat8, .args = {}}, std::move(args), position);
}

}  // namespace sluice::sql

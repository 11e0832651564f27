#include "sql/operators.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sql/numeric.h"
#include "sql/parse_tree.h"

namespace sluice::sql {
namespace {

using Failure = std::unexpected<WhereError>;
using Bound = std::expected<Term, WhereError>;

constexpr int kIntegerDigitsMax = 19;
constexpr int kUnboundedDigits = 200'000;  // more than numeric has

Failure fail(std::size_t position, std::string_view message) {
  return Failure(error_at(position, message));
}

struct NamedFunction {
  std::string_view name;
  Function function;
};

constexpr std::array<NamedFunction, 8> kArithmetic{{{"+", Function::kAdd},
                                                    {"-", Function::kSubtract},
                                                    {"*", Function::kMultiply},
                                                    {"/", Function::kDivide},
                                                    {"%", Function::kModulo},
                                                    {"&", Function::kBitAnd},
                                                    {"|", Function::kBitOr},
                                                    {"#", Function::kBitXor}}};

std::optional<Function> arithmetic_named(std::string_view name) {
  auto found = std::ranges::find(kArithmetic, name, &NamedFunction::name);
  return found == kArithmetic.end() ? std::nullopt : std::optional(found->function);
}

bool on_bits(Function function) {
  return function == Function::kBitAnd || function == Function::kBitOr || function == Function::kBitXor;
}

// Types whose text does not depend on settings.
bool has_one_text(Type type) {
  return is_integer(type) || type == Type::kNumeric || type == Type::kBool || type == Type::kUuid || type == Type::kText ||
         type == Type::kBpchar;
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_calendar(Type type) {
  return type == Type::kDate || type == Type::kTimestamp || type == Type::kTimestamptz || type == Type::kInterval;
}

// Digits that a numeric operand may have.
struct Digits {
  int whole = kIntegerDigitsMax;
  int scale = 0;
};

// A column of a declared precision (at most 1,000, with a scale of -1,000 to 1,000) is bounded by it.
Digits digits_of(const Operand& operand, const Table& table) {
  if (operand.type != Type::kNumeric) return {};
  if (operand.source == Operand::Source::kCall) return {operand.call->whole, operand.call->scale};
  if (operand.source == Operand::Source::kConstant) return {kColumnDigitsMax, kColumnDigitsMax};
  const Column& column = table.columns[operand.column];
  bool declared = column.type_mod > 0 && column.base_type == 0;
  return declared ? Digits{2 * kColumnDigitsMax, kColumnDigitsMax} : Digits{kUnboundedDigits, kUnboundedDigits};
}

std::optional<Constant> constant_of(const Value& value, Type type) {
  Constant out{.type = type,
               .null = value.null,
               .integer = value.integer,
               .months = value.months,
               .days = value.days,
               .real = value.real,
               .text = std::string(value.text)};
  return value.null || type != Type::kNumeric ? out : read_constant(value.text, type);
}

// What a call of constants is. An error of Postgres's is one at once.
Bound folded(const Call& call, std::size_t position) {
  std::pmr::monotonic_buffer_resource arena;
  Evaluation evaluation{{}, arena};
  Value value = value_of(call, evaluation);
  bool chosen = call.function >= Function::kCoalesce;
  bool null_arg = std::ranges::any_of(call.args, [](const Operand& arg) { return arg.constant.null; });
  auto constant = constant_of(value, call.type);
  bool error = value.null && !chosen && !null_arg;
  if (error || !constant) return fail(position, "division by zero, or a value is out of range");
  return term_of(std::move(*constant), position);
}

}  // namespace

WhereError no_operator(std::string_view name, const Term& left, const Term& right, std::size_t position) {
  return error_at(position, fmt::format("unknown or unsupported operator {} for {} and {}", name, name_of(left.type()),
                                        name_of(right.type())));
}

bool Operators::knows_operator(std::string_view name) {
  return arithmetic_named(name) || name == "||" || name == "<<" || name == ">>" || name == "~" || name == "@" ||
         name == "|/" || name == "^";
}

bool Operators::knows_function(std::string_view name, std::size_t args) {
  if (args == 2 && name == "timezone") return true;
  return args == 1 && (name == "lower" || name == "upper" || name == "length" || name == "char_length" || name == "abs" ||
                       justification_named(name));
}

Collation collation_of(const Operand& operand, const Table& table) {
  if (operand.source == Operand::Source::kColumn) return table.columns[operand.column].collation;
  if (operand.source == Operand::Source::kCall) return operand.call->collation;
  return {};
}

// The call with its operands, its collation, and what bounds it.
Bound Operators::make(Call call, std::vector<Term> args, std::size_t position) const {
  bool constant = true;
  std::optional<Collation> collation;
  for (Term& arg : args) {
    constant = constant && arg.is_constant();
    std::size_t at = arg.position;
    Operand operand = operand_of(std::move(arg));
    if (operand.source == Operand::Source::kCall) {
      if (operand.call->folded)
        return fail(at, "lower() and upper() can only be compared with text of ASCII characters here");
      call.nodes += operand.call->nodes;
      call.conditional = call.conditional || operand.call->conditional;
    }
    call.conditional = call.conditional || operand.source == Operand::Source::kCondition;
    bool text = operand.type == Type::kText || operand.type == Type::kBpchar;
    if (text && operand.source != Operand::Source::kConstant) {
      Collation own = collation_of(operand, table_);
      if (collation && *collation != own) return fail(at, "texts of different collations meet");
      collation = own;
    }
    if (operand.source == Operand::Source::kConstant && operand.type == Type::kNumeric) {
      operand.constant.text = with_scale(operand.constant.text, operand.constant.scale);
    }
    call.args.push_back(std::move(operand));
  }
  call.collation = collation.value_or(Collation());
  if (call.nodes > kExpressionNodesMax) return fail(position, "the clause has too many terms");
  if (constant) return folded(call, position);
  if (auto ok = measure(call); !ok) return fail(position, ok.error().message);
  Term out;
  out.position = position;
  out.operand.source = Operand::Source::kCall;
  out.operand.type = call.type;
  out.operand.call = std::make_shared<const Call>(std::move(call));
  return out;
}

std::expected<void, WhereError> Operators::measure(Call& call) const {
  if (call.type != Type::kNumeric) return {};
  Digits most{0, 0};
  Digits sum{1, 0};
  for (const Operand& arg : call.args) {
    if (arg.type != Type::kNumeric && !is_integer(arg.type)) continue;
    Digits digits = digits_of(arg, table_);
    most = {std::max(most.whole, digits.whole), std::max(most.scale, digits.scale)};
    sum = {sum.whole + digits.whole, sum.scale + digits.scale};
  }
  switch (call.function) {
    case Function::kMultiply: most = sum; break;
    case Function::kDivide: most = {sum.whole + sum.scale, std::max(most.scale, kColumnDigitsMax)}; break;
    case Function::kAdd:
    case Function::kSubtract: ++most.whole; break;
    default: break;
  }
  call.whole = most.whole;
  call.scale = most.scale;
  bool computed = call.function <= Function::kModulo;
  if (call.function == Function::kBounded) call.whole = call.scale = kColumnDigitsMax;
  if (computed && (call.whole > kNumericWholeMax || call.scale > kNumericScaleMax)) {
    return Failure(WhereError{0, "the result could have too many digits"});
  }
  return {};
}

Bound Operators::binary(std::string_view name, Term left, Term right, std::size_t position) const {
  if (name == "||") return concat(std::move(left), std::move(right), position);
  if (name == "<<") return shift(Function::kShiftLeft, std::move(left), std::move(right), position);
  if (name == ">>") return shift(Function::kShiftRight, std::move(left), std::move(right), position);
  if (is_calendar(left.type()) || is_calendar(right.type())) {
    return calendar(name, std::move(left), std::move(right), position);
  }
  if (name == "^") return power(std::move(left), std::move(right), position);
  auto function = arithmetic_named(name);
  if (!function) return Failure(no_operator(name, left, right, position));
  if (is_float(left.type()) || is_float(right.type())) {
    return real_arithmetic(*function, name, std::move(left), std::move(right), position);
  }
  Type other = left.type() == Type::kUnknown ? right.type() : left.type();
  if (!is_integer(other) && other != Type::kNumeric) return Failure(no_operator(name, left, right, position));
  auto settled_left = settle(std::move(left), other, {});
  if (!settled_left) return settled_left;
  auto settled_right = settle(std::move(right), other, {});
  if (!settled_right) return settled_right;
  return arithmetic(*function, std::move(*settled_left), std::move(*settled_right), position);
}

Bound Operators::arithmetic(Function function, Term left, Term right, std::size_t position) const {
  bool integers = is_integer(left.type()) && is_integer(right.type());
  bool numbers = (is_integer(left.type()) || left.type() == Type::kNumeric) &&
                 (is_integer(right.type()) || right.type() == Type::kNumeric);
  if (!numbers || (on_bits(function) && !integers)) {
    auto named = std::ranges::find(kArithmetic, function, &NamedFunction::function);
    return Failure(no_operator(named->name, left, right, position));
  }
  Type type = std::max(left.type(), right.type());  // declared in the order of promotion
  auto bring = [&](Term term) -> Bound { return integers ? std::move(term) : as_numeric(std::move(term), position); };
  auto a = bring(std::move(left));
  if (!a) return a;
  auto b = bring(std::move(right));
  if (!b) return b;
  std::vector<Term> args;
  args.push_back(std::move(*a));
  args.push_back(std::move(*b));
  return make(Call{.function = function, .type = type, .args = {}}, std::move(args), position);
}

// As a numeric of so many digits at most.
Bound Operators::as_numeric(Term term, std::size_t position) const {
  auto out = as_type(std::move(term), Type::kNumeric, position);
  if (!out || out->is_constant() || digits_of(out->operand, table_).whole < kUnboundedDigits) return out;
  std::vector<Term> args;
  args.push_back(std::move(*out));
  return make(Call{.function = Function::kBounded, .type = Type::kNumeric, .args = {}}, std::move(args), position);
}

Bound Operators::as_type(Term term, Type type, std::size_t position) const {
  if (term.type() == type) return term;
  if (!term.is_constant()) return cast(std::move(term), type, position);
  auto value = cast_constant(term.operand.constant, type);
  if (!value) return fail(term.position, fmt::format("value is out of range for type {}", name_of(type)));
  return term_of(std::move(*value), term.position);
}

// By a constant number of places within the type: what more does is the processor's.
Bound Operators::shift(Function function, Term left, Term right, std::size_t position) const {
  if (left.type() == Type::kUnknown || !is_integer(left.type())) return Failure(no_operator("<<", left, right, position));
  auto places = settle(std::move(right), Type::kInt4, {});
  if (!places) return places;
  std::int64_t most = left.type() == Type::kInt8 ? 63 : 31;
  const Constant& constant = places->operand.constant;
  bool within = places->is_constant() && !constant.null && constant.integer >= 0 && constant.integer <= most &&
                (places->type() == Type::kInt4 || places->type() == Type::kInt2);
  if (!within) return fail(position, "bits can only be shifted by a constant number of places, within the type");
  places->operand.constant.type = places->operand.type = Type::kInt4;
  Type type = left.type();
  std::vector<Term> args;
  args.push_back(std::move(left));
  args.push_back(std::move(*places));
  return make(Call{.function = function, .type = type, .args = {}}, std::move(args), position);
}

// As || and LIKE see it.
Bound Operators::as_text(Term term, std::size_t position) const {
  auto settled = settle(std::move(term), Type::kText, {});
  if (!settled || settled->type() == Type::kText) return settled;
  if (!has_one_text(settled->type())) {
    return fail(position, fmt::format("the text of {} depends on settings", name_of(settled->type())));
  }
  if (!settled->is_constant()) return cast(std::move(*settled), Type::kText, position);
  // A constant's own text, as its output function has it.
  Constant& constant = settled->operand.constant;
  std::string text = constant.type == Type::kBool      ? std::string(constant.integer != 0 ? "true" : "false")
                     : constant.type == Type::kNumeric ? with_scale(constant.text, constant.scale)
                                                       : text_of(constant);
  if (constant.type == Type::kBpchar) text.erase(text.find_last_not_of(' ') + 1);
  return term_of(Constant{.type = Type::kText, .null = constant.null, .text = constant.null ? "" : text}, settled->position);
}

Bound Operators::concat(Term left, Term right, std::size_t position) const {
  auto textual = [](const Term& term) {
    return term.type() == Type::kUnknown || term.type() == Type::kText || term.type() == Type::kBpchar;
  };
  bool text = left.type() == Type::kText || right.type() == Type::kText || (textual(left) && textual(right));
  if (!text && !textual(left) && !textual(right)) return Failure(no_operator("||", left, right, position));
  auto a = as_text(std::move(left), position);
  if (!a) return a;
  auto b = as_text(std::move(right), position);
  if (!b) return b;
  std::vector<Term> args;
  args.push_back(std::move(*a));
  args.push_back(std::move(*b));
  return make(Call{.function = Function::kConcat, .type = Type::kText, .args = {}}, std::move(args), position);
}

Bound Operators::prefix(std::string_view name, Term arg, std::size_t position) const {
  Type type = arg.type();
  bool number = is_integer(type) || type == Type::kNumeric || is_float(type);
  auto call = [&](Function function, Type result) -> Bound {
    std::vector<Term> args;
    args.push_back(std::move(arg));
    return make(Call{.function = function, .type = result, .args = {}}, std::move(args), position);
  };
  if (name == "+" && number) return arg;
  if (name == "-" && number) return call(Function::kNegate, type);
  if (name == "-" && type == Type::kInterval) {
    auto bounded = bounded_interval(std::move(arg), position);
    if (!bounded) return bounded;
    arg = std::move(*bounded);
    return call(Function::kNegate, type);
  }
  if (name == "@" && number) return call(Function::kAbsolute, type);
  if (name == "~" && is_integer(type)) return call(Function::kBitNot, type);
  if (name == "|/" && number) {
    auto real = as_type(std::move(arg), Type::kFloat8, position);
    if (!real) return real;
    arg = std::move(*real);
    return call(Function::kSquareRoot, Type::kFloat8);
  }
  return fail(position, fmt::format("unknown or unsupported operator {}/1 for {}", name, name_of(type)));
}

Bound Operators::function(std::string_view name, std::vector<Term> args, std::size_t position) const {
  if (name == "timezone") return in_zone(std::move(args[0]), std::move(args[1]), position);
  if (name == "abs") return prefix("@", std::move(args[0]), position);
  if (justification_named(name)) return justify(name, std::move(args[0]), position);
  bool other = args[0].type() != Type::kText && args[0].type() != Type::kBpchar && args[0].type() != Type::kUnknown;
  if (other) return fail(position, fmt::format("there is no {}({}) here", name, name_of(args[0].type())));
  auto text = as_text(std::move(args[0]), position);
  if (!text) return text;
  bool length = name == "length" || name == "char_length";
  Call call{.function = Function::kLength, .type = length ? Type::kInt4 : Type::kText, .args = {}};
  if (!length) {
    call.function = name == "lower" ? Function::kLower : Function::kUpper;
    Collation::Casing casing = collation_of(text->operand, table_).casing;
    if (text->is_constant()) casing = is_ascii(text->operand.constant.text) ? Collation::Casing::kAscii : casing;
    if (casing == Collation::Casing::kOther) return fail(position, "the case of letters depends on the collation");
    call.folded = casing != Collation::Casing::kAscii;
    if (call.folded && text->is_constant())
      return fail(position, "the case of letters beyond ASCII depends on the collation");
  }
  std::vector<Term> one;
  one.push_back(std::move(*text));
  return make(std::move(call), std::move(one), position);
}

// select_common_type(), for what may be computed with.
std::expected<std::vector<Term>, WhereError> Operators::in_common(std::vector<Term> args, std::size_t position) const {
  Type common = Type::kUnknown;
  for (const Term& arg : args) {
    Type type = arg.type();
    if (type == Type::kUnknown || type == common) continue;
    bool numbers = is_number(common) && is_number(type);
    if (common != Type::kUnknown && !numbers) return fail(arg.position, "the values have no common type here");
    common = std::max(common, type);
  }
  if (common == Type::kUnknown) common = Type::kText;
  bool excluded = common == Type::kEnum || common == Type::kOther || common == Type::kBpchar;
  if (excluded) return fail(position, fmt::format("values of {} cannot be chosen from here", name_of(common)));
  std::vector<Term> out;
  for (Term& arg : args) {
    auto settled = settle(std::move(arg), common, {});
    if (!settled) return Failure(settled.error());
    auto brought = as_type(std::move(*settled), common, position);
    if (!brought) return Failure(brought.error());
    out.push_back(std::move(*brought));
  }
  return out;
}

Bound Operators::choice(Function function, std::vector<Term> args, std::size_t position) const {
  auto values = in_common(std::move(args), position);
  if (!values) return Failure(values.error());
  Type type = values->front().type();
  auto out = make(Call{.function = function, .type = type, .args = {}}, std::move(*values), position);
  if (!out || function == Function::kCoalesce || type != Type::kText) return out;
  bool known = !out->is_constant() && out->operand.call->collation.orders_bytes;
  if (!known) return fail(position, "the order of text depends on its collation");
  return out;
}

Bound Operators::null_if(Term left, Term right, std::size_t position) const {
  bool same = left.type() == right.type() || left.type() == Type::kUnknown || right.type() == Type::kUnknown ||
              (is_integer(left.type()) && is_integer(right.type()));
  if (!same) return fail(position, "the values of NULLIF must be of one type here");
  Type type = left.type();
  std::vector<Term> args;
  args.push_back(std::move(left));
  args.push_back(std::move(right));
  bool integers = is_integer(type) && is_integer(args[1].type());
  if (!integers) {
    auto values = in_common(std::move(args), position);
    if (!values) return Failure(values.error());
    args = std::move(*values);
    type = args[0].type();
    for (const Term& arg : args) {
      bool text = type == Type::kText && !arg.is_constant();
      if (text && !collation_of(arg.operand, table_).deterministic) {
        return fail(position, "text of a nondeterministic collation cannot be compared");
      }
    }
  }
  return make(Call{.function = Function::kNullIf, .type = type, .args = {}}, std::move(args), position);
}

Bound Operators::case_of(std::vector<Expression> conditions, std::vector<Term> values, std::size_t position) const {
  auto common = in_common(std::move(values), position);
  if (!common) return Failure(common.error());
  Type type = common->front().type();
  std::vector<Term> args;
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    args.push_back(term_of(std::move(conditions[i]), position));
    args.push_back(std::move((*common)[i]));
  }
  args.push_back(std::move(common->back()));
  return make(Call{.function = Function::kCase, .type = type, .args = {}}, std::move(args), position);
}

Bound Operators::cast(Term term, Type to, std::size_t position) const {
  Type from = term.type();
  if (from == to) return term;
  bool integer = is_integer(from);
  bool known = false;
  switch (to) {
    case Type::kInt2:
    case Type::kInt4:
    case Type::kInt8: known = is_number(from) || (from == Type::kBool && to == Type::kInt4); break;
    case Type::kBool: known = from == Type::kInt4; break;
    case Type::kNumeric: known = integer; break;
    case Type::kFloat4:
    case Type::kFloat8: known = is_number(from); break;
    case Type::kText: known = has_one_text(from); break;
    case Type::kTimestamp: known = from == Type::kDate; break;
    case Type::kDate:
    case Type::kTime: known = from == Type::kTimestamp; break;
    default: break;
  }
  if (!known) {
    return fail(position,
                fmt::format("casts of {} to {} are not supported for what is no constant", name_of(from), name_of(to)));
  }
  std::vector<Term> args;
  args.push_back(std::move(term));
  return make(Call{.function = Function::kCast, .type = to, .args = {}}, std::move(args), position);
}

Bound Operators::like(Term text, Term pattern, std::size_t position) const {
  auto a = settle(std::move(text), Type::kText, {});
  if (!a) return a;
  if (a->type() != Type::kText) return fail(position, fmt::format("LIKE is for text, not for {}", name_of(a->type())));
  if (!a->is_constant() && !collation_of(a->operand, table_).deterministic) {
    return fail(position, "text of a nondeterministic collation cannot be compared");
  }
  auto b = as_text(std::move(pattern), position);
  if (!b) return b;
  std::vector<Term> args;
  args.push_back(std::move(*a));
  args.push_back(std::move(*b));
  return make(Call{.function = Function::kLike, .type = Type::kBool, .args = {}}, std::move(args), position);
}

Bound brought_beside(Term term, Domain domain, const Table& table) {
  Type type = term.type();
  // A numeric may be beyond the floats.
  bool column = term.operand.source == Operand::Source::kColumn && domain == Domain::kReal && type == Type::kNumeric;
  if (term.condition || (term.operand.source != Operand::Source::kCall && !column)) return term;
  std::size_t position = term.position;
  Operators operators(table);
  if (domain == Domain::kDecimal && is_integer(type)) return operators.cast(std::move(term), Type::kNumeric, position);
  if (domain == Domain::kReal && type != Type::kFloat8) return operators.cast(std::move(term), Type::kFloat8, position);
  if (domain == Domain::kTimestamp && type == Type::kDate) {
    return operators.cast(std::move(term), Type::kTimestamp, position);
  }
  return term;
}

}  // namespace sluice::sql

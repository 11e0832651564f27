#include "sql/comparison.h"

#include <fmt/format.h>

#include <algorithm>

#include "sql/datetime.h"
#include "sql/operators.h"
#include "sql/parse_tree.h"
#include "sql/text_input.h"

namespace sluice::sql {
namespace {

using Failure = std::unexpected<WhereError>;

Failure fail(std::size_t position, std::string_view message) {
  return Failure(error_at(position, message));
}

// Of a computed operand that stands in several comparisons, all together.
constexpr std::size_t kRepeatedNodesMax = 1024;

bool is_calendar(Type type) {
  return type == Type::kDate || type == Type::kTimestamp || type == Type::kTimestamptz;
}

std::optional<Domain> same_type_domain(Type type) {
  switch (type) {
    case Type::kBool: return Domain::kBool;
    case Type::kText:
    case Type::kUuid:
    case Type::kEnum: return Domain::kBytes;
    case Type::kBpchar: return Domain::kBlankPadded;
    case Type::kDate: return Domain::kDate;
    case Type::kTime: return Domain::kTime;
    case Type::kTimestamp: return Domain::kTimestamp;
    case Type::kTimestamptz: return Domain::kTimestamptz;
    case Type::kInterval: return Domain::kInterval;
    default: return std::nullopt;
  }
}

std::optional<Domain> domain_of(Type left, Type right) {
  if (is_number(left) && is_number(right)) {
    if (is_float(left) || is_float(right)) return Domain::kReal;
    return is_integer(left) && is_integer(right) ? Domain::kInteger : Domain::kDecimal;
  }
  if (left == right) return same_type_domain(left);
  bool dates = (left == Type::kDate && right == Type::kTimestamp) || (left == Type::kTimestamp && right == Type::kDate);
  return dates ? std::optional(Domain::kTimestamp) : std::nullopt;
}

WhereError mismatch(const Term& left, const Term& right) {
  Type a = left.type();
  Type b = right.type();
  if (a == Type::kOther || b == Type::kOther) {
    return error_at((a == Type::kOther ? left : right).position, "columns of this type can only be tested with IS NULL");
  }
  if (is_calendar(a) && is_calendar(b)) {
    return error_at(right.position,
                    "comparing timestamptz with another type depends on the session's time zone: not supported");
  }
  return error_at(right.position, fmt::format("cannot compare {} with {}", name_of(a), name_of(b)));
}

// The smallest of the column's type, int4 and int8 that holds the integer: one spelling for `a = 7` and `a = '7'`.
Constant fitted_integer(const Constant& value, Type column) {
  for (Type type : {column, Type::kInt4}) {
    if (auto fitted = cast_constant(value, type)) return *fitted;
  }
  return *cast_constant(value, Type::kInt8);
}

// A constant as a value of the domain. Fails where a numeric is beyond float8.
std::optional<Constant> brought_into(Domain domain, const Constant& value, Type column) {
  switch (domain) {
    case Domain::kInteger: return is_integer(column) ? fitted_integer(value, column) : value;
    case Domain::kDecimal: return cast_constant(value, Type::kNumeric);
    case Domain::kReal: return cast_constant(value, Type::kFloat8);
    case Domain::kBlankPadded: {
      Constant out = value;
      out.text = without_trailing_blanks(value.text);
      return out;
    }
    case Domain::kTimestamp:
      if (column == Type::kTimestamp && value.type == Type::kDate) {
        if (auto moment = cast_constant(value, Type::kTimestamp)) return moment;
      }
      return value;
    default: return value;
  }
}

bool all_fit_integers(const std::vector<const Constant*>& values) {
  return std::all_of(values.begin(), values.end(),
                     [](const Constant* value) { return value->null || cast_constant(*value, Type::kInt8).has_value(); });
}

// Exact comparison of an integer column with whole numbers is integer comparison.
Domain simplified(Domain domain, const Operand& left, const std::vector<const Constant*>& values) {
  bool integer_column = left.source == Operand::Source::kColumn && is_integer(left.type);
  return domain == Domain::kDecimal && integer_column && all_fit_integers(values) ? Domain::kInteger : domain;
}

std::expected<void, WhereError> bring(Domain domain, Operand& operand, Type other, std::size_t position) {
  if (operand.source != Operand::Source::kConstant) return {};
  Constant& constant = operand.constant;
  if (constant.null) {
    if (other != Type::kUnknown) constant.type = other;
  } else {
    auto value = brought_into(domain, constant, other);
    if (!value) return fail(position, fmt::format("value is out of range for type {}", name_of(Type::kFloat8)));
    constant = *value;
  }
  operand.type = constant.type;
  return {};
}

// parse_coerce.c's select_common_type() over the types of value.h, whose numbers are declared in the order of promotion.
std::optional<Type> common_type(const Term& left, const std::vector<Term>& items) {
  Type common = left.type();
  for (const Term& item : items) {
    Type type = item.type();
    if (type == Type::kUnknown || type == common) continue;
    if (common == Type::kUnknown || (is_number(common) && is_number(type))) {
      common = std::max(common, type);
    } else if (domain_of(common, type) == Domain::kTimestamp) {
      common = Type::kTimestamp;
    } else {
      return std::nullopt;
    }
  }
  return common == Type::kUnknown ? Type::kText : common;
}

// A list of one value is a comparison with it.
Expression single(Membership set) {
  Operand right{.type = set.left.type, .enum_name = set.left.enum_name};
  right.constant = set.has_null ? Constant{.type = set.left.type, .null = true} : std::move(set.items[0]);
  right.type = right.constant.type;
  return Expression(
      Comparison{.op = CompareOp::kEqual, .domain = set.domain, .left = std::move(set.left), .right = std::move(right)});
}

ArrayOp mirrored(ArrayOp op) {
  switch (op) {
    case ArrayOp::kContains: return ArrayOp::kContainedBy;
    case ArrayOp::kContainedBy: return ArrayOp::kContains;
    case ArrayOp::kOverlaps: return op;
  }
  __builtin_unreachable();
}

// Constants of one domain, ascending, none twice.
void make_set(Domain domain, std::vector<Constant>& items) {
  auto before = [&](const Constant& a, const Constant& b) { return compare_constants(a, b, domain) < 0; };
  auto equal = [&](const Constant& a, const Constant& b) { return compare_constants(a, b, domain) == 0; };
  std::sort(items.begin(), items.end(), before);
  items.erase(std::unique(items.begin(), items.end(), equal), items.end());
}

std::string enum_name_of(const Term& left, const std::vector<Term>& items) {
  if (!left.operand.enum_name.empty()) return left.operand.enum_name;
  for (const Term& item : items) {
    if (!item.operand.enum_name.empty()) return item.operand.enum_name;
  }
  return {};
}

}  // namespace

CompareOp mirrored(CompareOp op) {
  switch (op) {
    case CompareOp::kLess: return CompareOp::kGreater;
    case CompareOp::kLessEqual: return CompareOp::kGreaterEqual;
    case CompareOp::kGreaterEqual: return CompareOp::kLessEqual;
    case CompareOp::kGreater: return CompareOp::kLess;
    default: return op;
  }
}

bool is_ordering(CompareOp op) {
  return op != CompareOp::kEqual && op != CompareOp::kNotEqual;
}

std::optional<Domain> domain_of_elements(Type element) {
  return domain_of(element, element);
}

Term term_of(Constant constant, std::size_t position) {
  Term out;
  out.operand.type = constant.type;
  out.operand.constant = std::move(constant);
  out.position = position;
  return out;
}

Term term_of(Expression condition, std::size_t position) {
  Term out;
  out.position = position;
  // A null that a condition comes to is printed as a constant, and so is one here too.
  auto* plain = std::get_if<Predicate>(&condition.node());
  if (plain != nullptr && plain->operand.source == Operand::Source::kConstant) {
    out.operand = std::move(plain->operand);
  } else {
    out.condition = std::make_unique<Expression>(std::move(condition));
  }
  return out;
}

Operand operand_of(Term term) {
  if (!term.condition) return std::move(term.operand);
  Operand out;
  out.source = Operand::Source::kCondition;
  out.type = Type::kBool;
  out.condition = std::move(term.condition);
  return out;
}

Term share(Term& term) {
  std::size_t position = term.position;
  term.operand = operand_of(std::move(term));
  term.condition = nullptr;
  Term out;
  out.operand = term.operand;
  out.position = position;
  return out;
}

std::expected<void, WhereError> check_repeatable(const Term& term, std::size_t times) {
  if (times <= 1) return {};
  const Call* call = term.operand.call.get();
  bool within = term.condition || (call != nullptr && call->conditional);
  if (within) return fail(term.position, "a condition cannot be an operand of BETWEEN, or of IN with more than constants");
  bool large = call != nullptr && call->nodes * times > kRepeatedNodesMax;
  if (large) return fail(term.position, "what is computed here is too long to be compared so often");
  return {};
}

std::expected<Term, WhereError> settle(Term term, Type type, const std::string& enum_name) {
  if (!term.is_constant() || term.type() != Type::kUnknown) return term;
  if (type == Type::kOther) return fail(term.position, "columns of this type can only be tested with IS NULL");
  Constant& constant = term.operand.constant;
  if (constant.null) {
    constant.type = type;
  } else {
    auto value = read_constant(constant.text, type);
    if (!value) return fail(term.position, fmt::format("invalid syntax for type {}: {}", name_of(type), constant.text));
    constant = std::move(*value);
  }
  term.operand.type = type;
  term.operand.enum_name = enum_name;
  return term;
}

namespace {

// Gives an unknown literal the type of the other side; two of them are text.
std::expected<void, WhereError> settle_pair(Term& left, Term& right) {
  auto settle_as = [](Term& term, Type type, const std::string& enum_name) -> std::expected<void, WhereError> {
    auto settled = settle(std::move(term), type, enum_name);
    if (!settled) return Failure(settled.error());
    term = std::move(*settled);
    return {};
  };
  bool untyped = left.type() == Type::kUnknown && right.type() == Type::kUnknown;
  if (auto ok = settle_as(left, untyped ? Type::kText : right.type(), right.operand.enum_name); !ok) return ok;
  return settle_as(right, left.type(), left.operand.enum_name);
}

}  // namespace

std::expected<void, WhereError> Comparator::check_pair(CompareOp op, const Term& left, const Term& right) const {
  if (!domain_of(left.type(), right.type())) return Failure(mismatch(left, right));
  bool constants = left.is_constant() && right.is_constant();
  for (const Term* term : {&left, &right}) {
    if (auto ok = check_collation(*term, is_ordering(op)); !ok) return ok;
    if (auto ok = check_label(*term, !constants); !ok) return ok;
  }
  if (auto ok = check_folded(left, right, is_ordering(op)); !ok) return ok;
  if (auto ok = check_folded(right, left, is_ordering(op)); !ok) return ok;
  bool text = left.type() == Type::kText || left.type() == Type::kBpchar;
  if (text && is_ordering(op) && constants) return fail(left.position, kUnknownOrder);
  if (left.type() != Type::kEnum) return {};
  bool columns = !left.is_constant() && !right.is_constant();
  bool same = left.operand.enum_name == right.operand.enum_name &&
              (!columns || table.columns[left.operand.column].type == table.columns[right.operand.column].type);
  if (!same) return fail(right.position, "cannot compare two enum types");
  return {};
}

std::expected<Expression, WhereError> Comparator::build(CompareOp op, bool null_safe, Term left, Term right) const {
  if (auto ok = settle_pair(left, right); !ok) return Failure(ok.error());
  if (auto ok = check_pair(op, left, right); !ok) return Failure(ok.error());
  Domain domain = *domain_of(left.type(), right.type());
  if (left.is_constant() && !right.is_constant()) {
    std::swap(left, right);
    op = mirrored(op);
  }
  for (Term* term : {&left, &right}) {
    auto brought = brought_beside(std::move(*term), domain, table);
    if (!brought) return Failure(brought.error());
    *term = std::move(*brought);
  }
  std::size_t position = right.position;
  Comparison out{.op = op,
                 .domain = domain,
                 .null_safe = null_safe,
                 .left = operand_of(std::move(left)),
                 .right = operand_of(std::move(right))};
  bool constant = out.right.source == Operand::Source::kConstant;
  if (constant) out.domain = simplified(domain, out.left, {&out.right.constant});
  if (auto ok = bring(out.domain, out.left, Type::kUnknown, position); !ok) return Failure(ok.error());
  if (auto ok = bring(out.domain, out.right, out.left.type, position); !ok) return Failure(ok.error());
  if (is_ordering(op) && out.left.type == Type::kEnum) {
    out.labels = std::make_shared<const EnumOrder>(table.columns[out.left.column].enum_labels);
    bool label = constant && !out.right.constant.null;
    if (label && !out.labels->place_of(out.right.constant.text)) return Failure(invalid_label(position, out.right));
  }
  if (null_safe && constant && out.right.constant.null) {
    return Expression(NullTest{.operand = std::move(out.left), .negated = op == CompareOp::kNotEqual});
  }
  return Expression(std::move(out));
}

std::expected<Expression, WhereError> Comparator::compare(CompareOp op, Term left, Term right) const {
  return build(op, false, std::move(left), std::move(right));
}

std::expected<Expression, WhereError> Comparator::compare_null_safe(CompareOp op, Term left, Term right) const {
  return build(op, true, std::move(left), std::move(right));
}

std::expected<Expression, WhereError> Comparator::within(Term& value, Term& low, Term& high) const {
  auto above = compare(CompareOp::kGreaterEqual, share(value), share(low));
  if (!above) return above;
  auto below = compare(CompareOp::kLessEqual, share(value), share(high));
  if (!below) return below;
  std::vector<Expression> terms;
  terms.push_back(std::move(*above));
  terms.push_back(std::move(*below));
  return joined(true, std::move(terms));
}

std::expected<Expression, WhereError> Comparator::between(Term& value, Term& low, Term& high, bool symmetric) const {
  auto out = within(value, low, high);
  if (!out || !symmetric) return out;
  auto swapped = within(value, high, low);
  if (!swapped) return swapped;
  std::vector<Expression> terms;
  terms.push_back(std::move(*out));
  terms.push_back(std::move(*swapped));
  return joined(false, std::move(terms));
}

// Postgres gives a common type only to what is no column, and only where there are two of them; columns in the list are
// compared one by one.
std::expected<Expression, WhereError> Comparator::among(Term left, std::vector<Term> items) const {
  std::vector<Term> constants;
  std::vector<Term> others;
  for (Term& item : items) (item.is_constant() ? constants : others).push_back(std::move(item));
  if (constants.size() == 1) {
    others.insert(others.begin(), std::move(constants[0]));
    constants.clear();
  }
  if (auto ok = check_repeatable(left, others.size() + (constants.empty() ? 0 : 1)); !ok) return Failure(ok.error());
  std::vector<Expression> terms;
  if (!constants.empty()) {
    auto set = among_constants(share(left), std::move(constants));
    if (!set) return Failure(set.error());
    terms.push_back(std::move(*set));
  }
  for (Term& other : others) {
    auto equal = compare(CompareOp::kEqual, share(left), std::move(other));
    if (!equal) return Failure(equal.error());
    terms.push_back(std::move(*equal));
  }
  return joined(false, std::move(terms));
}

// The items as constants of the common type.
std::expected<void, WhereError> Comparator::unify(std::vector<Term>& items, Type common, const std::string& enum_name,
                                                  bool beside_column) const {
  for (Term& item : items) {
    auto settled = settle(std::move(item), common, enum_name);
    if (!settled) return Failure(settled.error());
    item = std::move(*settled);
    if (item.operand.enum_name != enum_name) return fail(item.position, "cannot compare two enum types");
    if (auto ok = check_label(item, beside_column); !ok) return ok;
    auto value = cast_constant(item.operand.constant, common);
    if (!value) return fail(item.position, fmt::format("value is out of range for type {}", name_of(common)));
    item.operand.constant = std::move(*value);
    item.operand.type = common;
  }
  return {};
}

std::expected<Expression, WhereError> Comparator::among_constants(Term left, std::vector<Term> items) const {
  auto common = common_type(left, items);
  if (!common) return fail(items[0].position, "the values of IN have no common type");
  std::string enum_name = enum_name_of(left, items);
  auto settled_left = settle(std::move(left), *common, enum_name);
  if (!settled_left) return Failure(settled_left.error());
  left = std::move(*settled_left);
  auto domain = domain_of(left.type(), *common);
  if (!domain) return Failure(mismatch(left, items[0]));
  if (auto ok = check_collation(left, false); !ok) return Failure(ok.error());
  if (auto ok = unify(items, *common, enum_name, !left.is_constant()); !ok) return Failure(ok.error());
  for (const Term& item : items) {
    if (auto ok = check_folded(left, item, false); !ok) return Failure(ok.error());
  }
  return set_of(*domain, std::move(left), std::move(items));
}

// The set in one form: ascending, none twice.
std::expected<Expression, WhereError> Comparator::set_of(Domain domain, Term left, std::vector<Term> items) const {
  auto brought = brought_beside(std::move(left), domain, table);
  if (!brought) return Failure(brought.error());
  left = std::move(*brought);
  std::vector<const Constant*> values;
  for (const Term& item : items) values.push_back(&item.operand.constant);
  Membership out{.domain = simplified(domain, left.operand, values), .left = operand_of(std::move(left)), .items = {}};
  if (auto ok = bring(out.domain, out.left, Type::kUnknown, items[0].position); !ok) return Failure(ok.error());
  for (Term& item : items) {
    if (auto ok = bring(out.domain, item.operand, out.left.type, item.position); !ok) return Failure(ok.error());
    if (item.operand.constant.null)
      out.has_null = true;
    else
      out.items.push_back(std::move(item.operand.constant));
  }
  make_set(out.domain, out.items);
  if (out.items.size() + (out.has_null ? 1 : 0) == 1) return single(std::move(out));
  return Expression(std::move(out));
}

std::expected<void, WhereError> Comparator::make_array(ArrayTerm& array) const {
  Term untyped;
  auto common = common_type(untyped, array.items);
  if (!common) return fail(array.position, "the elements of the array have no common type");
  // An element that has a cast may be varchar, and then so may the array.
  bool cast =
      std::any_of(array.items.begin(), array.items.end(), [](const Term& item) { return item.type() == Type::kText; });
  array.element = *common;
  array.element_name = cast ? "text or varchar" : name_of(*common);
  return unify(array.items, *common, {}, false);
}

// make_scalar_array_op(): the operator is that of the left side and one element.
std::expected<Expression, WhereError> Comparator::any_of(Term left, ArrayTerm array) const {
  if (array.column) return each_of_column(CompareOp::kEqual, false, std::move(left), array);
  if (!array.parts.empty()) return each_of_value(CompareOp::kEqual, false, std::move(left), std::move(array));
  Type element = array.element != Type::kUnknown ? array.element : left.type();
  if (element == Type::kUnknown) element = Type::kText;
  std::string enum_name = array.element == Type::kUnknown ? left.operand.enum_name : std::string();
  auto settled = settle(std::move(left), element, enum_name);
  if (!settled) return Failure(settled.error());
  left = std::move(*settled);
  if (auto ok = check_collation(left, false); !ok) return Failure(ok.error());
  if (auto ok = unify(array.items, element, enum_name, !left.is_constant()); !ok) return Failure(ok.error());
  auto domain = domain_of(left.type(), element);
  if (!domain) {
    Term one = term_of(Constant{.type = element}, array.position);
    return Failure(mismatch(left, one));
  }
  for (const Term& item : array.items) {
    if (auto ok = check_folded(left, item, false); !ok) return Failure(ok.error());
  }
  if (array.items.empty()) return Expression(Predicate{term_of(Constant{.type = Type::kBool}, array.position).operand});
  return set_of(*domain, std::move(left), std::move(array.items));
}

// The comparisons with each element, in one junction; of no element, what no comparison decides.
std::expected<Expression, WhereError> Comparator::each_of(CompareOp op, bool all, Term left, ArrayTerm array) const {
  if (array.column) return each_of_column(op, all, std::move(left), array);
  if (!array.parts.empty()) return each_of_value(op, all, std::move(left), std::move(array));
  if (array.element == Type::kUnknown) array.element = left.type() == Type::kUnknown ? Type::kText : left.type();
  std::string enum_name = array.element == Type::kEnum ? left.operand.enum_name : std::string();
  auto settled = settle(std::move(left), array.element, enum_name);
  if (!settled) return Failure(settled.error());
  if (auto ok = check_repeatable(*settled, array.items.size()); !ok) return Failure(ok.error());
  if (auto ok = unify(array.items, array.element, enum_name, !settled->is_constant()); !ok) return Failure(ok.error());
  if (array.items.empty()) {
    Term none = term_of(Constant{.type = array.element}, array.position);
    if (!domain_of(settled->type(), array.element)) return Failure(mismatch(*settled, none));
    return Expression(Predicate{term_of(Constant{.type = Type::kBool, .integer = all}, array.position).operand});
  }
  std::vector<Expression> terms;
  for (Term& item : array.items) {
    auto term = compare(op, share(*settled), std::move(item));
    if (!term) return term;
    terms.push_back(std::move(*term));
  }
  return joined(all, std::move(terms));
}

std::expected<Expression, WhereError> Comparator::each_of_column(CompareOp op, bool all, Term left,
                                                                 const ArrayTerm& array) const {
  auto settled = settle(std::move(left), array.element, {});
  if (!settled) return Failure(settled.error());
  left = std::move(*settled);
  Term one;
  one.operand.source = Operand::Source::kColumn;
  one.operand.column = *array.column;
  one.operand.type = array.element;
  one.position = array.position;
  for (const Term* term : {&left, &one}) {
    if (auto ok = check_collation(*term, is_ordering(op)); !ok) return Failure(ok.error());
  }
  if (auto ok = check_folded(left, one, is_ordering(op)); !ok) return Failure(ok.error());
  auto domain = domain_of(left.type(), array.element);
  if (!domain) return Failure(mismatch(left, one));
  auto brought = brought_beside(std::move(left), *domain, table);
  if (!brought) return Failure(brought.error());
  left = std::move(*brought);
  std::size_t position = left.position;
  ElementTest out{.op = op,
                  .all = all,
                  .domain = *domain,
                  .left = operand_of(std::move(left)),
                  .array = *array.column,
                  .element = array.element};
  if (auto ok = bring(*domain, out.left, array.element, position); !ok) return Failure(ok.error());
  return Expression(std::move(out));
}

std::expected<Expression, WhereError> Comparator::array_test(ArrayOp op, ArrayTerm left, ArrayTerm right,
                                                             bool loosely) const {
  if (left.is_constant() && right.is_constant()) return fail(right.position, "one of two arrays must be no constant");
  bool simple = (left.column && right.is_constant()) || (right.column && left.is_constant());
  if (!simple && loosely) return fail(right.position, "of two arrays one must be a constant");
  if (!simple) return arrays_test(op, std::move(left), std::move(right));
  if (right.column) {
    std::swap(left, right);
    op = mirrored(op);
  }
  bool numbers = is_number(left.element) && is_number(right.element);
  bool near = loosely && (left.element == right.element || numbers);
  if (right.element != Type::kUnknown && right.element_name != left.element_name && !near) {
    return fail(right.position,
                fmt::format("there is no such operator for arrays of {} and of {}", left.element_name, right.element_name));
  }
  const Column& column = table.columns[*left.column];
  if (!column.collation.deterministic) {
    return fail(left.position, "text of a nondeterministic collation cannot be compared");
  }
  Domain domain = *domain_of(left.element, left.element);
  if (auto ok = unify(right.items, left.element, {}, true); !ok) return Failure(ok.error());
  ArrayTest out{.op = op, .domain = domain, .array = *left.column, .element = left.element, .items = {}};
  for (Term& item : right.items) {
    if (auto ok = bring(domain, item.operand, left.element, item.position); !ok) return Failure(ok.error());
    out.has_null = out.has_null || item.operand.constant.null;
    if (!item.operand.constant.null) out.items.push_back(std::move(item.operand.constant));
  }
  make_set(domain, out.items);
  return Expression(std::move(out));
}

}  // namespace sluice::sql

#include "sql/array_terms.h"

#include <fmt/format.h>

#include "sql/parse_tree.h"

namespace sluice::sql {
namespace {

using Failure = std::unexpected<WhereError>;

Failure fail(std::size_t position, std::string_view message) {
  return Failure(error_at(position, message));
}

std::vector<ArrayPart> parts_of(ArrayTerm array) {
  if (!array.parts.empty()) return std::move(array.parts);
  ArrayPart part;
  if (array.column) {
    part.column = *array.column;
  } else {
    part.source = ArrayPart::Source::kConstants;
    for (Term& item : array.items) part.items.push_back(std::move(item.operand.constant));
    part.bounds = array.bounds;
  }
  std::vector<ArrayPart> out;
  out.push_back(std::move(part));
  return out;
}

// Constants beside one another as one array.
std::vector<ArrayPart> merged(std::vector<ArrayPart> parts) {
  std::vector<ArrayPart> out;
  for (ArrayPart& part : parts) {
    if (part.source == ArrayPart::Source::kElement && part.element.source == Operand::Source::kConstant) {
      part.source = ArrayPart::Source::kConstants;
      part.items.push_back(std::move(part.element.constant));
      part.element = {};
    }
    bool joins = part.source == ArrayPart::Source::kConstants && !out.empty() && out.back().source == part.source;
    if (!joins) {
      out.push_back(std::move(part));
      continue;
    }
    std::move(part.items.begin(), part.items.end(), std::back_inserter(out.back().items));
  }
  return out;
}

// Of ARRAY['a'::text] it is not known whether it is varchar's, and that does not matter here.
std::string_view name_of_elements(const ArrayTerm& array) {
  return array.element_name == "text or varchar" ? std::string_view("text") : std::string_view(array.element_name);
}

// Constants as an array of that type, where Postgres would make them one.
std::expected<void, WhereError> bring(ArrayTerm& array, Type element, const Comparator& comparator) {
  bool wider = is_number(array.element) && is_number(element) && array.element < element;
  bool open = array.element == Type::kUnknown || wider;
  if (!array.is_constant() || !open) return {};
  if (auto ok = comparator.unify(array.items, element, {}, false); !ok) return ok;
  array.element = element;
  array.element_name = name_of(element);
  return {};
}

// A value that is certainly text: of varchar, Postgres may make the array one of varchar.
bool is_text(const Term& term, const Table& table) {
  if (term.condition || term.type() != Type::kText) return true;
  const Operand& operand = term.operand;
  if (operand.source == Operand::Source::kColumn) {
    const Column& column = table.columns[operand.column];
    return (column.base_type != 0 ? column.base_type : column.type) == oid::kText;
  }
  if (operand.source != Operand::Source::kCall) return false;
  Function function = operand.call->function;
  return function == Function::kConcat || (function == Function::kCast && operand.call->args[0].type != Type::kText);
}

// varchar and char(n) would become text; the elements of an enum have no type's name here.
std::expected<void, WhereError> check_element(const ArrayTerm& array, std::size_t position) {
  if (array.element == Type::kUnknown) return fail(position, "the type of the array is not known: cast it");
  bool known = array.element_name == name_of(array.element) && array.element != Type::kBpchar;
  return known ? std::expected<void, WhereError>()
               : fail(position, fmt::format("arrays of {} cannot be put together here", array.element_name));
}

}  // namespace

std::expected<ArrayTerm, WhereError> array_of_column(const Column& column, std::size_t index, std::size_t position) {
  auto element = element_type_of(column);
  if (!element) return fail(position, "an array is expected here, of a type that can be compared");
  return ArrayTerm{.column = static_cast<std::uint32_t>(index),
                   .element = *element,
                   .element_name = std::string(element_name_of(column)),
                   .position = position};
}

std::expected<ArrayTerm, WhereError> array_cat(ArrayTerm left, ArrayTerm right, const Comparator& comparator,
                                               std::size_t position) {
  if (auto ok = bring(left, right.element, comparator); !ok) return Failure(ok.error());
  if (auto ok = bring(right, left.element, comparator); !ok) return Failure(ok.error());
  for (const ArrayTerm* term : {&left, &right}) {
    if (auto ok = check_element(*term, position); !ok) return Failure(ok.error());
  }
  if (left.element != right.element) {
    return fail(position,
                fmt::format("arrays of {} and of {} cannot be put together here", left.element_name, right.element_name));
  }
  ArrayTerm out{.element = left.element, .element_name = std::string(name_of(left.element)), .position = position};
  if (left.is_constant() && right.is_constant()) {
    out.items = std::move(left.items);
    std::move(right.items.begin(), right.items.end(), std::back_inserter(out.items));
    return out;
  }
  out.parts = parts_of(std::move(left));
  for (ArrayPart& part : parts_of(std::move(right))) out.parts.push_back(std::move(part));
  out.parts = merged(std::move(out.parts));
  return out;
}

std::expected<ArrayTerm, WhereError> with_element(ArrayTerm array, Term element, bool in_front, const Comparator& comparator,
                                                  std::size_t position) {
  Type given = element.type();
  if (array.element == Type::kUnknown && given == Type::kUnknown)
    return fail(position, "the type of the array is not known");
  if (given != Type::kUnknown) {
    if (auto ok = bring(array, given, comparator); !ok) return Failure(ok.error());
  }
  if (auto ok = check_element(array, position); !ok) return Failure(ok.error());
  bool widens = is_number(given) && is_number(array.element) && given < array.element;
  if (given != Type::kUnknown && given != array.element && !widens) {
    return fail(element.position,
                fmt::format("a value of {} cannot be put to an array of {} here", name_of(given), array.element_name));
  }
  if (!is_text(element, comparator.table)) {
    return fail(element.position,
                "a text that is put to an array must be a column of type text, or a literal without a type");
  }
  auto settled = settle(std::move(element), array.element, {});
  if (!settled) return Failure(settled.error());
  auto brought = Operators(comparator.table).as_type(std::move(*settled), array.element, position);
  if (!brought) return Failure(brought.error());
  if (auto ok = comparator.check_folded(*brought, Term(), true); !ok) return Failure(ok.error());
  ArrayTerm out{.element = array.element, .element_name = std::string(name_of(array.element)), .position = position};
  if (array.is_constant() && brought->is_constant()) {
    out.items = std::move(array.items);
    out.items.insert(in_front ? out.items.begin() : out.items.end(), std::move(*brought));
    return out;
  }
  ArrayPart part{.source = ArrayPart::Source::kElement, .element = operand_of(std::move(*brought))};
  out.parts = parts_of(std::move(array));
  out.parts.insert(in_front ? out.parts.begin() : out.parts.end(), std::move(part));
  out.parts = merged(std::move(out.parts));
  return out;
}

std::expected<Term, WhereError> dimensions_of(ArrayTerm array, std::size_t position) {
  if (array.is_constant()) return fail(position, "array_ndims() of a constant is not supported");
  Call call{.function = Function::kDimensions, .type = Type::kInt4, .args = {}};
  for (const ArrayPart& part : array.parts) {
    const Call* within = part.element.call.get();
    call.nodes += within == nullptr ? 1 : within->nodes;
    call.conditional = call.conditional || part.element.condition || (within != nullptr && within->conditional);
  }
  call.array = std::make_shared<const ArrayValue>(array_value(std::move(array)));
  Term out;
  out.position = position;
  out.operand.source = Operand::Source::kCall;
  out.operand.type = Type::kInt4;
  out.operand.call = std::make_shared<const Call>(std::move(call));
  return out;
}

ArrayValue array_value(ArrayTerm array) {
  ArrayValue out{.parts = {}, .element = array.element, .element_name = std::string(name_of_elements(array))};
  out.parts = parts_of(std::move(array));
  return out;
}

// Constants without a type take the other's.
std::expected<void, WhereError> Comparator::settle_arrays(ArrayTerm& left, ArrayTerm& right) const {
  for (auto [array, other] : {std::pair(&left, &right), std::pair(&right, &left)}) {
    if (!array->is_constant() || array->element != Type::kUnknown) continue;
    if (auto ok = unify(array->items, other->element, {}, true); !ok) return Failure(ok.error());
    array->element = other->element;
    array->element_name = name_of_elements(*other);
  }
  return {};
}

// One of them is put together, or both are columns.
std::expected<Expression, WhereError> Comparator::arrays_test(ArrayOp op, ArrayTerm left, ArrayTerm right) const {
  if (auto ok = settle_arrays(left, right); !ok) return Failure(ok.error());
  if (name_of_elements(left) != name_of_elements(right)) {
    return fail(right.position,
                fmt::format("there is no such operator for arrays of {} and of {}", left.element_name, right.element_name));
  }
  if (auto ok = check_arrays({&left, &right}); !ok) return Failure(ok.error());
  Domain domain = *domain_of_elements(left.element);
  return Expression(
      ArraysTest{.op = op, .domain = domain, .left = array_value(std::move(left)), .right = array_value(std::move(right))});
}

// The collations of all that is not constant, which have to be one.
std::expected<std::optional<Collation>, WhereError> Comparator::collation_of_arrays(
    std::initializer_list<const ArrayTerm*> arrays) const {
  std::optional<Collation> out;
  for (const ArrayTerm* array : arrays) {
    std::vector<Collation> all;
    if (array->column) all.push_back(table.columns[*array->column].collation);
    for (const ArrayPart& part : array->parts) {
      if (part.source == ArrayPart::Source::kColumn) all.push_back(table.columns[part.column].collation);
      bool constant = part.element.source == Operand::Source::kConstant;
      if (part.source == ArrayPart::Source::kElement && !constant) all.push_back(collation_of(part.element, table));
    }
    for (const Collation& collation : all) {
      if (out && *out != collation) return fail(array->position, "texts of different collations meet");
      out = collation;
    }
  }
  return out;
}

std::expected<void, WhereError> Comparator::check_texts(CompareOp op, const ArrayTerm& left, const ArrayTerm& right) const {
  if (left.element != Type::kText && left.element != Type::kBpchar) return {};
  auto collation = collation_of_arrays({&left, &right});
  if (!collation) return Failure(collation.error());
  bool known = *collation && (*collation)->orders_bytes;
  if (is_ordering(op) && !known) return fail(left.position, "the order of text depends on its collation");
  return {};
}

std::expected<Expression, WhereError> Comparator::compare_arrays(CompareOp op, bool null_safe, ArrayTerm left,
                                                                 ArrayTerm right) const {
  if (auto ok = settle_arrays(left, right); !ok) return Failure(ok.error());
  if (left.element_name != right.element_name) {
    return fail(right.position,
                fmt::format("cannot compare an array of {} with one of {}", left.element_name, right.element_name));
  }
  if (auto ok = check_arrays({&left, &right}); !ok) return Failure(ok.error());
  if (auto ok = check_texts(op, left, right); !ok) return Failure(ok.error());
  if (left.is_constant() && !right.is_constant()) {
    std::swap(left, right);
    op = mirrored(op);
  }
  Domain domain = *domain_of_elements(left.element);
  ArrayComparison out{.op = op,
                      .domain = domain,
                      .null_safe = null_safe,
                      .left = array_value(std::move(left)),
                      .right = array_value(std::move(right))};
  for (ArrayValue* array : {&out.left, &out.right}) array->from_one = array->parts.size() > 1;
  return Expression(std::move(out));
}

std::expected<Expression, WhereError> Comparator::each_of_value(CompareOp op, bool all, Term left, ArrayTerm array) const {
  auto settled = settle(std::move(left), array.element, {});
  if (!settled) return Failure(settled.error());
  if (settled->type() != array.element) {
    return fail(settled->position, fmt::format("{} cannot be compared with the elements of an array of {} here",
                                               name_of(settled->type()), array.element_name));
  }
  bool ordering = op != CompareOp::kEqual && op != CompareOp::kNotEqual;
  bool text = array.element == Type::kText;
  if (ordering && text) return fail(array.position, "the order of text depends on its collation");
  if (auto ok = check_collation(*settled, ordering); !ok) return Failure(ok.error());
  if (auto ok = check_folded(*settled, Term(), true); !ok) return Failure(ok.error());
  if (auto ok = check_arrays({&array}); !ok) return Failure(ok.error());
  Domain domain = *domain_of_elements(array.element);
  return Expression(ElementOf{.op = op,
                              .all = all,
                              .domain = domain,
                              .left = operand_of(std::move(*settled)),
                              .array = array_value(std::move(array))});
}

std::expected<void, WhereError> Comparator::check_arrays(std::initializer_list<const ArrayTerm*> arrays) const {
  for (const ArrayTerm* array : arrays) {
    std::vector<std::uint32_t> columns;
    if (array->column) columns.push_back(*array->column);
    for (const ArrayPart& part : array->parts) {
      if (part.source == ArrayPart::Source::kColumn) columns.push_back(part.column);
      bool text = part.source == ArrayPart::Source::kElement && part.element.source != Operand::Source::kConstant &&
                  part.element.type == Type::kText;
      if (text && !collation_of(part.element, table).deterministic) {
        return fail(array->position, "text of a nondeterministic collation cannot be compared");
      }
    }
    for (std::uint32_t column : columns) {
      if (table.columns[column].collation.deterministic) continue;
      return fail(array->position, "text of a nondeterministic collation cannot be compared");
    }
  }
  return {};
}

}  // namespace sluice::sql

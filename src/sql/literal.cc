#include "sql/literal.h"

#include <fmt/format.h>

#include <algorithm>

#include "sql/array.h"
#include "sql/text_input.h"

namespace sluice::sql {
namespace {

using Failure = std::unexpected<WhereError>;

Failure fail(std::size_t position, std::string_view message) {
  return Failure(error_at(position, message));
}

// Drops white space and comments from the front, as the scanner does.
std::string_view skip_blank(std::string_view text) {
  for (;;) {
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    if (text.starts_with("--")) {
      text.remove_prefix(std::min(text.find_first_of("\r\n"), text.size()));
      continue;
    }
    if (!text.starts_with("/*")) return text;
    int open = 0;
    do {
      if (text.starts_with("/*")) {
        ++open;
        text.remove_prefix(2);
      } else if (text.starts_with("*/")) {
        --open;
        text.remove_prefix(2);
      } else {
        text.remove_prefix(1);
      }
    } while (open > 0 && !text.empty());
  }
}

std::string_view digits_of(std::string_view text) {
  return text.substr(0, std::min(text.find_first_not_of("0123456789"), text.size()));
}

// libpg_query 15 leaves an integer out of its JSON where it is not above zero: 0 and -5 look alike. The parser folds the
// minus signs (and parentheses) before a number into it, and the node's location is that of the first; so the number
// stands in the source.
std::optional<std::int64_t> integer_in_source(std::string_view text) {
  bool negative = false;
  for (text = skip_blank(text); text.starts_with('-') || text.starts_with('('); text = skip_blank(text.substr(1))) {
    if (text[0] == '-') negative = !negative;
  }
  auto value = read_integer(digits_of(text));
  if (!value) return std::nullopt;
  return negative ? -*value : *value;
}

std::expected<Term, WhereError> bind_integer(const ParseTree& tree, const TreeNode& node, std::size_t position) {
  simdjson::dom::object field;
  std::int64_t value = 0;
  bool printed = node.element("ival").get(field) == simdjson::SUCCESS && field["ival"].get(value) == simdjson::SUCCESS;
  if (!printed) {
    auto source = integer_in_source(tree.source(position));
    if (!source || *source > 0) return fail(position, "the number cannot be read");
    value = *source;
  }
  return term_of(Constant{.type = Type::kInt4, .integer = value}, position);
}

// A member such as {"sval": {"sval": "x"}}.
std::string_view inner_text(const TreeNode& node, std::string_view name) {
  std::string_view text;
  simdjson::dom::object field;
  bool found = node.element(name).get(field) == simdjson::SUCCESS && field[name].get(text) == simdjson::SUCCESS;
  return found ? text : std::string_view();
}

struct TypeNamed {
  std::string_view name;
  bool builtin = false;  // said to be in pg_catalog
};

// A name without a schema but pg_catalog, and without any of the members refused.
std::optional<TypeNamed> named_type(const simdjson::dom::object& type, std::initializer_list<std::string_view> refusals) {
  simdjson::dom::array names;
  if (type["names"].get(names) != simdjson::SUCCESS) return std::nullopt;
  for (std::string_view refused : refusals) {
    if (!type[refused].error()) return std::nullopt;
  }
  std::vector<std::string_view> parts;
  for (auto name : names) parts.push_back(TreeNode::of(name).text("sval"));
  bool builtin = parts.size() == 2 && parts[0] == "pg_catalog";
  if (parts.size() != 1 && !builtin) return std::nullopt;
  return TypeNamed{parts.back(), builtin};
}

// A plain name: no modifier, no array.
std::optional<TypeNamed> plain_type(const simdjson::dom::object& type) {
  return named_type(type, {"typmods", "arrayBounds", "setof", "pct_type"});
}

// The same for an array of one dimension. Postgres does not look at the bound that may stand in the brackets.
std::optional<TypeNamed> plain_array_type(const simdjson::dom::object& type) {
  simdjson::dom::array bounds;
  if (type["arrayBounds"].get(bounds) != simdjson::SUCCESS || bounds.size() != 1) return std::nullopt;
  return named_type(type, {"typmods", "setof", "pct_type"});
}

bool has_enum(const Table& table, std::string_view name) {
  return std::any_of(table.columns.begin(), table.columns.end(),
                     [&](const Column& column) { return type_of(column) == Type::kEnum && column.type_name == name; });
}

}  // namespace

std::expected<Term, WhereError> bind_literal(const ParseTree& tree, const TreeNode& node) {
  std::size_t position = tree.position(node.number("location"));
  if (node.flag("isnull")) return term_of(Constant{.null = true}, position);
  if (node.has("ival")) return bind_integer(tree, node, position);
  if (node.has("fval")) {
    auto value = number_literal(inner_text(node, "fval"));
    if (!value) return fail(position, "the number is too long");
    return term_of(std::move(*value), position);
  }
  if (node.has("boolval")) {
    simdjson::dom::object field;
    bool value = node.element("boolval").get(field) == simdjson::SUCCESS && !field["boolval"].error();
    return term_of(Constant{.type = Type::kBool, .integer = value}, position);
  }
  if (node.has("sval")) return term_of(Constant{.text = std::string(inner_text(node, "sval"))}, position);
  return fail(position, "bit strings are not supported");
}

std::expected<Term, WhereError> bind_param(const ParseTree& tree, const TreeNode& node,
                                           const std::vector<std::string>& params) {
  std::size_t position = tree.position(node.number("location"));
  // The scanner lets a number of more than 32 bits wrap around, so it is read again here.
  std::string_view source = tree.source(position);
  std::string_view digits = source.starts_with('$') ? digits_of(source.substr(1)) : std::string_view();
  auto number = read_integer(digits);
  if (!number || *number < 1 || static_cast<std::uint64_t>(*number) > params.size()) {
    return fail(position, fmt::format("parameter ${} was not provided", digits));
  }
  const std::string& text = params[static_cast<std::size_t>(*number) - 1];
  if (text.size() > kParamBytesMax) return fail(position, fmt::format("parameter ${} is too long", digits));
  if (text.find('\0') != std::string::npos || !simdjson::validate_utf8(text)) {
    return fail(position, fmt::format("parameter ${} is not text", digits));
  }
  return term_of(Constant{.text = text}, position);
}

bool is_null_literal(simdjson::dom::element tree) {
  TreeNode node = TreeNode::of(tree);
  return node.kind == "A_Const" && node.flag("isnull");
}

std::expected<ArrayTerm, WhereError> read_array(const Term& literal, bool shaped) {
  ArrayTerm out;
  out.position = literal.position;
  ArrayElements elements(literal.operand.constant.text);
  while (elements.next()) {
    if (out.items.size() == kExpressionNodesMax) return fail(out.position, "the array has too many elements");
    Constant element{.null = elements.null()};
    if (!element.null) element.text = elements.text();
    out.items.push_back(term_of(std::move(element), out.position));
  }
  auto bounds = elements.bounds();
  bool nested = out.items.empty() && elements.dimensions() > 1;
  if (elements.malformed() || !bounds || nested) return fail(out.position, "invalid syntax for an array");
  if (*bounds != flat_bounds(out.items.size())) out.bounds = *bounds;
  if (out.bounds.dimensions > 0 && !shaped) return fail(out.position, "invalid syntax for an array of one dimension");
  return out;
}

std::optional<std::string_view> scalar_type_named(const TreeNode& cast) {
  simdjson::dom::object type;
  if (!cast.has("typeName") || cast.element("typeName").get(type) != simdjson::SUCCESS) return std::nullopt;
  auto named = plain_type(type);
  return named ? std::optional(named->name) : std::nullopt;
}

std::optional<std::string_view> array_type_named(const TreeNode& cast) {
  simdjson::dom::object type;
  if (!cast.has("typeName") || cast.element("typeName").get(type) != simdjson::SUCCESS) return std::nullopt;
  auto named = plain_array_type(type);
  return named ? std::optional(named->name) : std::nullopt;
}

std::expected<Term, WhereError> negate(Term term, std::size_t position) {
  if (!term.is_constant() || !is_number(term.type())) return fail(position, "unknown or unsupported operator -/1");
  Constant& constant = term.operand.constant;
  if (constant.null) return term;
  if (is_float(constant.type)) {
    constant.real = -constant.real;
    return term;
  }
  std::string text = text_of(constant);
  if (text.starts_with('-'))
    text.erase(0, 1);
  else if (text != "NaN")
    text.insert(0, 1, '-');
  auto value = read_constant(text, constant.type);
  if (!value) return fail(position, fmt::format("value is out of range for type {}", name_of(constant.type)));
  constant = std::move(*value);
  return term;
}

std::expected<Term, WhereError> bind_cast(Term term, const ParseTree& tree, const TreeNode& cast, const Table& table) {
  simdjson::dom::object type;
  if (!cast.has("typeName") || cast.element("typeName").get(type) != simdjson::SUCCESS)
    return fail(term.position, "unknown type");
  std::int64_t location = 0;
  if (type["location"].get(location) != simdjson::SUCCESS) location = 0;
  std::size_t position = tree.position(location);
  auto named = plain_type(type);
  if (!named) return fail(position, "types with modifiers, of arrays or of another schema are not supported in a cast");

  auto to = type_named(named->name);
  if (!to && !named->builtin && has_enum(table, named->name)) to = Type::kEnum;
  if (!to) return fail(position, fmt::format("unknown or unsupported type {}", named->name));
  if (*to == Type::kEnum && term.type() == Type::kEnum && term.operand.enum_name == named->name) return term;
  if (*to == Type::kEnum) {
    if (term.type() != Type::kUnknown) return fail(position, "only a literal can be cast to an enum");
    return settle(std::move(term), *to, std::string(named->name));
  }
  if (term.type() == *to) return term;
  if (!term.is_constant()) return fail(position, "only constants can be cast");
  if (term.type() == Type::kUnknown) return settle(std::move(term), *to, {});
  auto value = cast_constant(term.operand.constant, *to);
  if (!value || term.type() == Type::kEnum) {
    return fail(position, fmt::format("cannot cast this {} to {}", name_of(term.type()), name_of(*to)));
  }
  return term_of(std::move(*value), term.position);
}

}  // namespace sluice::sql

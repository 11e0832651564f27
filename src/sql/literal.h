// Constants of the parse tree.
#pragma once

#include <expected>
#include <optional>
#include <string_view>

#include "sql/comparison.h"
#include "sql/parse_tree.h"
#include "sql/where.h"

namespace sluice::sql {

// An A_Const.
std::expected<Term, WhereError> bind_literal(const ParseTree& tree, const TreeNode& node);

// A ParamRef: an unknown literal with the parameter's text.
std::expected<Term, WhereError> bind_param(const ParseTree& tree, const TreeNode& node,
                                           const std::vector<std::string>& params);

// -value, for a numeric constant.
std::expected<Term, WhereError> negate(Term term, std::size_t position);

bool is_null_literal(simdjson::dom::element tree);

// A quoted literal or parameter with the text of an array, as its elements, without a type yet. Unless it is `shaped` it has
// one dimension, and begins at 1.
std::expected<ArrayTerm, WhereError> read_array(const Term& literal, bool shaped);

// The type that a TypeName node, of a cast, names, if by a plain name: no modifier, no array, no schema but pg_catalog.
std::optional<std::string_view> scalar_type_named(const TreeNode& cast);

// The element that a TypeName node, of a cast, names an array of: `int4` of int4[]. Nullopt where it names no array.
std::optional<std::string_view> array_type_named(const TreeNode& cast);

// `term` as the type that a TypeName node names.
std::expected<Term, WhereError> bind_cast(Term term, const ParseTree& tree, const TreeNode& cast, const Table& table);

}  // namespace sluice::sql

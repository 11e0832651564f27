// Constants of the parse tree.
#pragma once

#include <expected>

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

// `term` as the type that a TypeName node names.
std::expected<Term, WhereError> bind_cast(Term term, const ParseTree& tree, const TreeNode& cast, const Table& table);

}  // namespace sluice::sql

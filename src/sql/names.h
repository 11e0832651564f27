// What operators and functions are called in Postgres's parse tree, and which of them a where clause knows by themselves.
// (Those that compute a value: operators.h, call.h.)
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sql/expression.h"
#include "sql/parse_tree.h"

namespace sluice::sql {

struct LikeOp {
  bool ignore_case;
  bool negated;
};

std::optional<CompareOp> comparison_named(std::string_view name);
std::optional<ArrayOp> array_op_named(std::string_view name);
std::optional<LikeOp> like_named(std::string_view name);
// Electric's name for ILIKE as a function is ilike; Postgres has none of that name.
std::optional<LikeOp> like_function(std::string_view name);

// The last part of a name; empty where the name is in another schema than pg_catalog.
std::string_view builtin_name(const std::vector<simdjson::dom::element>& names);

// The name as it was written, for errors.
std::string dotted(const std::vector<simdjson::dom::element>& names);

}  // namespace sluice::sql

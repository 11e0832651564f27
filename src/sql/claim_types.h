// The names in a condition over claims, and what each is used as: condition.h says by which rules.
//
// Works on the parse tree alone, before anything is bound, and is lenient: what it does not understand teaches it nothing,
// and is refused when the tree is bound (binder.h).
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "sql/parse_tree.h"
#include "sql/value.h"
#include "sql/where.h"

namespace sluice::sql {

// Steps of a path, and bytes of each: Postgres's scanner cuts an identifier at 63 bytes, before a character that would not
// fit, so only one of less than 60 is certainly what was written.
inline constexpr std::size_t kPathStepsMax = 8;
inline constexpr std::size_t kPathStepBytesMax = 59;

struct ClaimType {
  std::string key;                // path_key()
  std::vector<std::string> path;  // one step or more
  Type type = Type::kText;        // of the elements where it is a list
  bool list = false;
};

// In order of first appearance. The error is a name that is used as two types.
std::expected<std::vector<ClaimType>, WhereError> infer_claim_types(const ParseTree& tree);

}  // namespace sluice::sql

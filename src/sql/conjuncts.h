// A where clause as the conditions that all must hold, each with one text for its parse tree.
//
// Two conjuncts with the same text are the same tree: the same operators, names, functions, types and constants, with
// parameters bound. Where in the clause a node stands is left out, and nothing else: what Postgres's grammar reads as the
// same tree it gives the same meaning. A parameter is equal to a parameter with the same value, never to a literal: the
// literal 7 is a number, a parameter "7" takes the type of what it stands beside.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sql/parse_tree.h"
#include "sql/where.h"

namespace sluice::sql {

// Numbers for the values of parameters, so that a long one is not written out at each use. Conjuncts are comparable where
// their texts were made with one of these.
class ParamNumbers {
 public:
  std::size_t of(const std::string& value) { return numbers_.emplace(value, numbers_.size()).first->second; }

 private:
  std::map<std::string, std::size_t> numbers_;
};

struct Conjunct {
  simdjson::dom::element tree;  // lives in the ParseTree
  std::string text;
};

// The operands of the AND at the top, and of ANDs within it. The error is a constant that cannot be read.
std::expected<std::vector<Conjunct>, WhereError> conjuncts_of(const ParseTree& tree, const std::vector<std::string>& params,
                                                              ParamNumbers& numbers);

}  // namespace sluice::sql

// A second evaluator of where clauses, slow and obvious, for tests and fuzzers alone: what it says, the other one
// (expression.h, call.h) must say.
//
// It walks the same bound tree and shares nothing else: numbers are strings of decimal digits, added and divided as on
// paper; days are counted by Julian day numbers as Postgres counts them; LIKE is a table of what matches what. It takes rows
// that Postgres could have printed: what it makes of others is not said.
#pragma once

#include <string>

#include "sql/expression.h"
#include "sql/types.h"

namespace sluice::sql::reference {

// What the two evaluators do not agree on: of the whole, or of a value that is computed anywhere within. Empty where they
// do.
std::string disagreement(const Expression& expression, Row row, const Table& table);

}  // namespace sluice::sql::reference

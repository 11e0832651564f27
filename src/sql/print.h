// The printed form of a typed tree: SQL that Postgres reads as the same condition.
#pragma once

#include <string>
#include <string_view>

#include "sql/expression.h"
#include "sql/types.h"

namespace sluice::sql {

// Every literal quoted and cast, every operator parenthesised, columns quoted and unqualified. Guarded: such that Postgres
// raises no error for any row (call_print.h); then it is longer, and not of the grammar that is read here. More than
// kPrintedBytesMax where it would be longer than that, and then not whole.
std::string print(const Expression& expression, const Table& table, bool guarded);

// "name", with quotes within doubled.
std::string quoted_identifier(std::string_view name);
// 'text', or E'text' where there is a backslash: the same whatever standard_conforming_strings says.
std::string quoted_literal(std::string_view text);

}  // namespace sluice::sql

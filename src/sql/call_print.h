// Calls as text, in the two forms that print() has.
//
// Guarded, for Postgres: an operation that Postgres raises an error for is written such that its value is NULL instead, as
// it is here (call.h), and so that its operands are written once wherever that can be had. An integer's range is kept by
// computing in a wider type, bounding the result by the two numbers next to the range (LEAST and GREATEST), and making those
// NULL (NULLIF). Postgres computes constant parts when it plans, whatever stands around them: so there is none, for a call
// of constants is a constant (operators.h).
#pragma once

#include <functional>
#include <string>

#include "sql/call.h"

namespace sluice::sql {

// `print` gives the text of an operand, in parentheses where it is more than a name or a constant.
std::string print_call(const Call& call, bool guarded, const std::function<std::string(const Operand&)>& print);

}  // namespace sluice::sql

// What guards Postgres against the errors of floats and intervals: see call_print.h. The rule of each is the one by which
// the value is NULL here, in real_math.h and interval_math.h.
//
// A guard looks at its operands more than once. Where they are not all columns they are computed once, by a subquery of one
// row that is not taken apart (OFFSET 0): so they are not written more than once either, and no part of the guard is
// computed from constants when Postgres plans, where no CASE protects it.
#pragma once

#include <string>
#include <vector>

#include "sql/call.h"

namespace sluice::sql::guard {

// + - * / of one type of float.
std::string real_operation(const Call& call, const std::vector<std::string>& args);
std::string power(const Call& call, const std::vector<std::string>& args);
std::string numeric_to_real(const Call& call, const std::vector<std::string>& args);
// A float8 as a float4.
std::string narrowed_real(const std::string& wide);

std::string bounded_interval(const Call& call, const std::vector<std::string>& args);
// An interval times, or by, a number.
std::string interval_scaled(const Call& call, const std::vector<std::string>& args);
std::string moments_apart(const Call& call, const std::vector<std::string>& args);
std::string moved_by(const Call& call, const std::vector<std::string>& args);

}  // namespace sluice::sql::guard

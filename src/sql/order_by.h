// ORDER BY of a subset: a list of columns with direction and placement of nulls, and nothing else. Expressions, positions
// ($n, 1) and functions are refused.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "sql/types.h"
#include "sql/where.h"

namespace sluice::sql {

inline constexpr std::size_t kOrderByKeysMax = 64;  // more than any index has columns

// The one printed form, columns quoted: `"priority" DESC NULLS LAST, "id" ASC`. Only `columns` may be named.
std::expected<std::string, WhereError> compile_order_by(std::string_view order_by, const Table& table,
                                                        const std::vector<std::size_t>& columns);

}  // namespace sluice::sql

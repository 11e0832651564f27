#include "sql/types.h"

namespace sluice::sql {

std::optional<std::size_t> Table::find(std::string_view column) const {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == column) return i;
  }
  return std::nullopt;
}

}  // namespace sluice::sql

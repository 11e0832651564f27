#include "sql/types.h"

#include <algorithm>

namespace sluice::sql {

std::optional<std::size_t> Table::find(std::string_view column) const {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == column) return i;
  }
  return std::nullopt;
}

bool is_still(const Table& table, const Table& before) {
  if (table.columns.size() != before.columns.size()) return false;
  Table with_labels = before;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const auto& labels = table.columns[i].enum_labels;
    const auto& known = before.columns[i].enum_labels;
    auto next = labels.begin();
    for (const std::string& label : known) {
      next = std::find(next, labels.end(), label);
      if (next == labels.end()) return false;
      ++next;
    }
    with_labels.columns[i].enum_labels = labels;
  }
  return with_labels == table;
}

}  // namespace sluice::sql

#include "sql/enum_order.h"

#include <algorithm>

namespace sluice::sql {

EnumOrder::EnumOrder(const std::vector<std::string>& labels) {
  places_.reserve(labels.size());
  for (const std::string& label : labels) places_.emplace_back(label, places_.size());
  std::ranges::sort(places_);
}

std::optional<std::size_t> EnumOrder::place_of(std::string_view label) const {
  auto at = std::ranges::lower_bound(places_, label, {}, &std::pair<std::string, std::size_t>::first);
  return at != places_.end() && at->first == label ? std::optional(at->second) : std::nullopt;
}

}  // namespace sluice::sql

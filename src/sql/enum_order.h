// The labels of an enum in their order, as the catalog had it when a clause was compiled. ALTER TYPE … ADD VALUE gives an
// enum further ones, between those that are known here too, and leaves the others as they stand to one another.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::sql {

class EnumOrder {
 public:
  explicit EnumOrder(const std::vector<std::string>& labels);

  // Nullopt where the label is not known.
  std::optional<std::size_t> place_of(std::string_view label) const;

 private:
  std::vector<std::pair<std::string, std::size_t>> places_;  // by label
};

}  // namespace sluice::sql

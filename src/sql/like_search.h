// Where a short text stands in a longer one, with A to Z equal to a to z or not: what LIKE '%word%' comes down to.
//
// Costs about a sixteenth of an instruction sequence a byte where the machine has SSE2: a clause of this kind is asked about
// every row that changes, a thousand of them a row. Allocates nothing.
#pragma once

#include <cstddef>
#include <string_view>

namespace sluice::sql {

// std::string_view::find().
std::size_t find_bytes(std::string_view text, std::string_view sought, std::size_t from);
// The same, where `sought` has no A to Z and each of them in the text counts as its small letter.
std::size_t find_folded(std::string_view text, std::string_view sought, std::size_t from);
// Whether `text`, as long as `sought`, is equal to it in that manner.
bool equal_folded(std::string_view text, std::string_view sought);
bool has_high_bit(std::string_view text);

}  // namespace sluice::sql

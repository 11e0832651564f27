// Whether what one authorizer grants lies within what was asked for, and what is left where two limit the same shape.
#pragma once

#include <expected>
#include <string>

#include "shape/granted_shape.h"

namespace sluice::policy {

// As sql::covers(asked, granted), but for one thing: where the whole table is asked for, rows may be chosen by any where
// clause. covers() mistrusts the conjuncts that a narrower shape adds, as a client's own text; here they are the server's.
// The error names the part that is wider.
std::expected<void, std::string> lies_within(const shape::Definition& asked, const shape::Definition& granted);

// `later`, with the limits on log mode and subsets that `earlier` has too. The error where they contradict each other.
std::expected<shape::GrantedShape, std::string> limited_by_both(const shape::GrantedShape& earlier,
                                                                shape::GrantedShape later);

}  // namespace sluice::policy

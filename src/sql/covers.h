// Whether one shape definition lies within another: every row and column that a request for `asked` can return, and every
// row and column it can ask questions about, is one that `granted` returns.
//
// True only where that is proven from the definitions alone, without a catalog: equal; or
//   - the same table;
//   - columns and queryable columns subsets of the granted ones (a grant that lists columns hides the others from filters
//     too, and queryable columns alone are the columns returned); each is there where it is there in the grant;
//   - replica not more disclosing;
//   - where the granted one, or a conjunction whose conjuncts include all of the granted one's, conjunct for conjunct the
//     same parse tree once parameters are bound (conjuncts.h). The further conjuncts are the client's own text, so they are
//     held to what cannot disclose: operators, comparisons and constants over columns that the grant lets be queried; no
//     subquery, no reference to the whole row, no function that is not known to be pure, and nothing that fails for some
//     rows and not for others (client_condition.h lists what is permitted).
// Log modes are not compared: see shape::GrantedShape.
//
// Any thread. Equal definitions cost one comparison; otherwise both where clauses are parsed (about 10 us each), and the
// caller may remember the answer: it depends on the arguments only.
#pragma once

#include <expected>
#include <string>

#include "shape/definition.h"

namespace sluice::sql {

// The error says which part is not covered, for the audit log and explain, not for the client: "columns: total is not
// granted".
std::expected<void, std::string> covers(const shape::Definition& granted, const shape::Definition& asked);

}  // namespace sluice::sql

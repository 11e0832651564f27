// The `shape` claim of a grant: a definition as JSON.
//
//   "shape": {"namespace": null|string, "table": string, "where": null|string, "columns": null|string|[string],
//             "params": null|object of "1".."n" to string, "replica": null|"default"|"full",
//             "queryable_columns": null|string|[string]}
//
// Absent and null are the same; any other type, an unknown member, a repeated one, an empty string where a name is
// expected makes the claim invalid (E6, E7, J32). A `namespace` beside a qualified `table` is invalid too.
// `table` is the bare name or schema-qualified, read with TableName's rules; `namespace` is a schema's name, read alike.
#pragma once

#include <simdjson.h>

#include <expected>
#include <string>

#include "shape/definition.h"

namespace sluice::shape {

// `claim` comes from a strictly parsed document (base/json.h).
std::expected<Definition, DefinitionError> read_claim(simdjson::dom::element claim);

// The JSON object that read_claim reads back to an equal definition (log mode left out: it is no part of a grant).
std::string write_claim(const Definition& definition);

// True when `grant` is for the same data as `asked`: equal but for the log mode, which the client chooses. (A grant that
// names queryable columns, and a request that does not, are different.) The narrower relation is sql::covers.
bool same_grant(const Definition& grant, const Definition& asked);

}  // namespace sluice::shape

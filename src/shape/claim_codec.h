// The `shape` and `shapes` claims of a grant: granted shapes as JSON.
//
//   "shape": {"namespace": null|string, "table": string, "where": null|string, "columns": null|string|[string],
//             "params": null|object of "1".."n" to string, "replica": null|"default"|"full",
//             "queryable_columns": null|string|[string],
//             "log": null|"full"|"changes_only", "subset": null|true|false|{"limit_max": 1..}}
//   "shapes": [shape, …], 1 to kGrantedShapesMax of them
//
// Absent and null are the same; any other type, an unknown member, a repeated one, an empty string where a name is
// expected makes the claim invalid (E6, E7, J32). A `namespace` beside a qualified `table` is invalid too.
// `table` is the bare name or schema-qualified, read with TableName's rules; `namespace` is a schema's name, read alike.
// `log` names the one log mode that may be asked for, null either. `subset` true or null: any; false: none;
// {"limit_max": n}: with a limit of at most n.
#pragma once

#include <simdjson.h>

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "shape/definition.h"
#include "shape/granted_shape.h"

namespace sluice::shape {

// A token of 8 KiB holds no more of any use; each is looked at for each request.
inline constexpr std::size_t kGrantedShapesMax = 64;
// Integers that every JSON reader holds exactly.
inline constexpr std::uint64_t kLimitMaxMax = std::uint64_t{1} << 53;

// `claim` comes from a strictly parsed document (base/json.h). The definition read has log mode kFull.
std::expected<GrantedShape, DefinitionError> read_claim(simdjson::dom::element claim);

// What a token grants, by its claims of these names (nullopt where it has none): it has exactly one of the two, and every
// shape in it is valid, or it grants nothing (E7). Never empty.
std::expected<std::vector<GrantedShape>, DefinitionError> read_shape_claims(std::optional<simdjson::dom::element> shape,
                                                                            std::optional<simdjson::dom::element> shapes);

// The JSON object that read_claim reads back to an equal grant (definition.log() left out: it is no part of one). Members
// that say nothing are left out. Precondition: limit_max, where given, is 1 to kLimitMaxMax.
std::string write_claim(const GrantedShape& granted);

// True when `grant` is for the same data as `asked`: equal but for the log mode, which the client chooses. (A grant that
// names queryable columns, and a request that does not, are different.) The narrower relation is sql::covers.
bool same_grant(const Definition& grant, const Definition& asked);

}  // namespace sluice::shape

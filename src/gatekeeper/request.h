// What a client asks the gatekeeper for: `POST /gatekeeper/<table>` with the rest of the definition in the query string, or
// in a JSON object as body; or `POST /gatekeeper` with several definitions as body, for one token for all of them.
#pragma once

#include <expected>
#include <string_view>
#include <vector>

#include "shape/definition.h"

namespace sluice::gatekeeper {

// `table` is the path's last segment. The query string takes `where`, `columns`, `replica`, `params[n]`; the body the same
// as members, with `columns` as text or list and `params` as a list or an object of "1".."n". Both at once, an unknown or
// repeated name, a member of another type: an error naming it.
std::expected<shape::Definition, shape::DefinitionError> parse_request(std::string_view table, std::string_view query,
                                                                       std::string_view body);

// As many as a page shows at once; each may be a question to an authorizer.
inline constexpr std::size_t kRequestShapesMax = 32;

// {"shapes": [{"table", "where", "params", "columns", "replica"}, …]}, 1 to kRequestShapesMax of them. `table` may be
// schema-qualified; the other members are those of parse_request's body. An error names `shapes[1].where`.
std::expected<std::vector<shape::Definition>, shape::DefinitionError> parse_requests(std::string_view body);

}  // namespace sluice::gatekeeper

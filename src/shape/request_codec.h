// Query strings and bodies to shape requests, and back.
//
// Reading is strict (SECURITY E1, E4, E5, E10, E13): a key is one of the exact protocol names or `params[<n>]`; a repeated
// key, an unknown one, a bad percent escape, invalid UTF-8 or a NUL is an error that names the key. What a request may hold
// depends on who may decide it: Dialect.
//
// Writing makes the one spelling that is sent upstream, from parsed values only: keys sorted, each once.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shape/request.h"

namespace sluice::shape {

inline constexpr std::size_t kQueryBytesMax = 64 * 1024;
inline constexpr std::size_t kQueryKeysMax = 512;

// Decoded pairs in the order they came, each key once. `+` is a space (application/x-www-form-urlencoded).
using QueryPairs = std::vector<std::pair<std::string, std::string>>;

enum class QueryErrorCode { kTooLong, kTooMany, kBadEscape, kBadUtf8, kNul, kRepeated, kUnknown, kNotAllowed, kInvalid };

struct QueryError {
  QueryErrorCode code;
  std::string parameter;  // as decoded; empty where none is to blame. Of a body too as a query spells it: subset__limit
  std::string message;
};

std::expected<QueryPairs, QueryError> parse_query(std::string_view query);
std::string percent_encode(std::string_view text);

enum class Dialect {
  kOrigin,    // the bare shape API: everything of the protocol; the server's own `secret` is taken out before
  kGrant,     // definition and protocol parameters from the client, the definition to be held against a grant
  kProtocol,  // protocol parameters only: the server defines the shape
};

// What a query string says before it is known to be whole: no definition yet in kProtocol. Parameters that only some
// servers know (experimental_compaction, subset__where_expr, subset__order_by_expr) are read and dropped.
struct QueryRequest {
  std::optional<DefinitionText> definition;  // kOrigin, kGrant: present; `table` may be empty, make() then complains
  std::optional<LogMode> log;
  Position position;
  bool offset_given = false;
  bool live_sse_given = false;   // asked for, under either of its names
  std::optional<Subset> subset;  // from subset__* keys
};

// Checks each parameter by itself. Combinations that the protocol answers with 400 (live without handle and so on) are
// check_position's.
std::expected<QueryRequest, QueryError> parse_shape_query(std::string_view query, Dialect dialect);
// The same from parse_query's pairs, for who takes a key of its own out of them first (the bare API its `secret`).
std::expected<QueryRequest, QueryError> parse_shape_query(QueryPairs pairs, Dialect dialect);

// offset is required; a handle unless offset is -1 or now; live not with -1 or now; live_sse only with live
// (PROTOCOL section 1).
std::expected<void, QueryError> check_position(const QueryRequest& request);

// A POST body: `{}` or empty is no subset; `where, params, limit, offset, order_by` flat or under `subset`; anything else
// is an error (E1). `where_expr` and `order_by_expr` are dropped.
std::expected<std::optional<Subset>, QueryError> parse_subset_body(std::string_view body);

// The query string (without `?`) that asks a remote origin for this, keys sorted. The secret is the caller's to add.
std::string print_query(const Request& request);
// The body of a subset asked for by POST: {"subset":{…}}.
std::string print_subset_body(const Subset& subset);

}  // namespace sluice::shape

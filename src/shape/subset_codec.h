// The parts of a subset, read alike from a query string and from a body. For request_codec only.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "shape/request_codec.h"

namespace sluice::shape {

inline constexpr std::size_t kOrderByBytesMax = 4 * 1024;
// Postgres counts rows in a signed bigint.
inline constexpr std::uint64_t kRowCountMax = (std::uint64_t{1} << 63) - 1;

// `name` is without its prefix: "where". The error carries "subset__where".
QueryError subset_error(std::string_view name, std::string_view message);

std::expected<std::string, QueryError> subset_where(std::string_view text);
std::expected<std::string, QueryError> subset_order_by(std::string_view text);
// An object of "1".."n" to strings, without a gap.
std::expected<std::map<unsigned, std::string>, QueryError> subset_params(simdjson::dom::element value);
std::expected<std::uint64_t, QueryError> subset_limit(std::uint64_t value);
std::expected<std::uint64_t, QueryError> subset_offset(std::uint64_t value);
// limit and offset need order_by.
std::expected<void, QueryError> check_subset(const Subset& subset);

// {"1":"a","2":"b"}
std::string print_subset_params(const std::map<unsigned, std::string>& params);

}  // namespace sluice::shape

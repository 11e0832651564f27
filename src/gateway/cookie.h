// One cookie of a request (RFC 6265 section 4.2.1: `name=value; name=value`), by its exact name.
//
// Fields may be split in two (RFC 9113 section 8.2.3). A name that comes twice is an error, not a choice: a cookie set for
// a parent domain by another host there would otherwise win or lose by its place.
#pragma once

#include <expected>
#include <optional>
#include <string_view>

#include "http/message.h"

namespace sluice::gateway {

enum class CookieError { kRepeated };

// Without quotes around it (section 4.1.1). Valid as long as the fields.
std::expected<std::optional<std::string_view>, CookieError> find_cookie(const http::Fields& fields, std::string_view name);

}  // namespace sluice::gateway

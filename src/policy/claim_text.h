// A claim's value as one text, where it has exactly one: strings as they are, whole numbers in decimal, true and false.
#pragma once

#include <simdjson.h>

#include <optional>
#include <string>

namespace sluice::policy {

inline std::optional<std::string> claim_text(simdjson::dom::element claim) {
  switch (claim.type()) {
    case simdjson::dom::element_type::STRING: return std::string(claim.get_string().value_unsafe());
    case simdjson::dom::element_type::INT64: return std::to_string(claim.get_int64().value_unsafe());
    case simdjson::dom::element_type::UINT64: return std::to_string(claim.get_uint64().value_unsafe());
    case simdjson::dom::element_type::BOOL: return claim.get_bool().value_unsafe() ? "true" : "false";
    default: return std::nullopt;
  }
}

}  // namespace sluice::policy

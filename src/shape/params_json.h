// Parameters of a where clause as JSON: {"1":"a","2":"b"}, as tokens and bodies carry them.
#pragma once

#include <simdjson.h>

#include <map>
#include <optional>
#include <string>

namespace sluice::shape {

// nullopt for anything but an object whose names are numbers from 1 without leading zeros and whose values are strings, or
// for more than kParamsMax of them. Whether the numbers have gaps is the reader's to check.
std::optional<std::map<unsigned, std::string>> read_params_json(simdjson::dom::element value);

// `1` to kParamsMax in its one spelling.
std::optional<unsigned> parse_param_number(std::string_view text);

}  // namespace sluice::shape

#include "shape/params_json.h"

#include <charconv>

#include "shape/definition.h"

namespace sluice::shape {

std::optional<unsigned> parse_param_number(std::string_view text) {
  unsigned number = 0;
  if (text.empty() || text.front() == '0') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number > kParamsMax) return std::nullopt;
  return number;
}

std::optional<std::map<unsigned, std::string>> read_params_json(simdjson::dom::element value) {
  simdjson::dom::object object;
  if (value.get(object) != simdjson::SUCCESS) return std::nullopt;
  std::map<unsigned, std::string> params;
  for (const auto member : object) {
    const auto number = parse_param_number(member.key);
    std::string_view text;
    if (!number || member.value.get(text) != simdjson::SUCCESS) return std::nullopt;
    params.emplace(*number, text);
  }
  return params;
}

}  // namespace sluice::shape

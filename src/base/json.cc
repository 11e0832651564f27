#include "base/json.h"

#include <unordered_set>
#include <vector>

namespace sluice {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

bool has_nul(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

// Up to this many members are compared pairwise; more go through a hash set, so a large object stays linear.
constexpr std::size_t kPairwiseMax = 16;

bool has_duplicate(const std::vector<std::string_view>& names) {
  if (names.size() <= kPairwiseMax) {
    for (std::size_t i = 1; i < names.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (names[i] == names[j]) return true;
    return false;
  }
  std::unordered_set<std::string_view> seen(names.begin(), names.end());
  return seen.size() != names.size();
}

// `depth_left` counts the containers that may still open. The parser's own limit is not exact: it does not count empty ones.
std::expected<void, JsonError> check(element value, std::size_t depth_left);

std::expected<void, JsonError> check_object(simdjson::dom::object object, std::size_t depth_left) {
  std::vector<std::string_view> names;
  for (const auto member : object) {
    if (has_nul(member.key)) return std::unexpected(JsonError::kNul);
    names.push_back(member.key);
    if (auto inner = check(member.value, depth_left); !inner) return inner;
  }
  if (has_duplicate(names)) return std::unexpected(JsonError::kDuplicateName);
  return {};
}

std::expected<void, JsonError> check_array(simdjson::dom::array array, std::size_t depth_left) {
  for (const element item : array)
    if (auto inner = check(item, depth_left); !inner) return inner;
  return {};
}

std::expected<void, JsonError> check(element value, std::size_t depth_left) {
  if ((value.is_object() || value.is_array()) && depth_left == 0) return std::unexpected(JsonError::kTooDeep);
  switch (value.type()) {
    case element_type::OBJECT: return check_object(value.get_object().value_unsafe(), depth_left - 1);
    case element_type::ARRAY: return check_array(value.get_array().value_unsafe(), depth_left - 1);
    case element_type::STRING:
      if (has_nul(value.get_string().value_unsafe())) return std::unexpected(JsonError::kNul);
      return {};
    default: return {};
  }
}

}  // namespace

std::string_view to_string(JsonError error) {
  switch (error) {
    case JsonError::kSyntax: return "not valid JSON";
    case JsonError::kTooLong: return "too long";
    case JsonError::kTooDeep: return "nested too deeply";
    case JsonError::kDuplicateName: return "a member name is repeated";
    case JsonError::kNul: return "a string holds U+0000";
  }
  return "invalid";
}

Json::Json(std::unique_ptr<simdjson::dom::parser> parser, element root) : parser_(std::move(parser)), root_(root) {}

std::expected<Json, JsonError> Json::parse(std::string_view text, JsonLimits limits) {
  if (text.size() > limits.bytes_max) return std::unexpected(JsonError::kTooLong);
  auto parser = std::make_unique<simdjson::dom::parser>();
  if (parser->allocate(text.size() + 1, limits.depth_max + 1) != simdjson::SUCCESS)
    return std::unexpected(JsonError::kTooLong);
  element root;
  const auto error = parser->parse(simdjson::padded_string(text)).get(root);
  if (error == simdjson::DEPTH_ERROR) return std::unexpected(JsonError::kTooDeep);
  if (error) return std::unexpected(JsonError::kSyntax);
  if (auto checked = check(root, limits.depth_max); !checked) return std::unexpected(checked.error());
  return Json(std::move(parser), root);
}

}  // namespace sluice

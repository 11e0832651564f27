#include "identity/cache_lifetime.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

#include "http/syntax.h"

namespace sluice::identity {
namespace {

// RFC 9111 section 1.2.2: a larger number counts as this.
constexpr std::int64_t kDeltaSecondsMax = std::int64_t{1} << 31;

std::optional<std::int64_t> delta_seconds(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc()) return kDeltaSecondsMax;
  return std::min(value, kDeltaSecondsMax);
}

// The directive before the next comma, which is taken off. A comma within quotes ends none.
std::string_view take_directive(std::string_view& list) {
  bool quoted = false;
  std::size_t end = 0;
  for (; end < list.size() && (quoted || list[end] != ','); ++end) {
    if (list[end] == '"') quoted = !quoted;
    if (quoted && list[end] == '\\' && end + 1 < list.size()) ++end;
  }
  const std::string_view directive = http::without_ows(list.substr(0, end));
  list.remove_prefix(std::min(end + 1, list.size()));
  return directive;
}

struct Said {
  bool not_kept = false;
  std::optional<std::int64_t> max_age_s;
};

void read_directives(std::string_view list, Said& said) {
  while (!list.empty()) {
    const std::string_view directive = take_directive(list);
    const std::size_t equals = std::min(directive.find('='), directive.size());
    const std::string_view name = directive.substr(0, equals);
    if (http::equal_ignoring_case(name, "no-store") || http::equal_ignoring_case(name, "no-cache")) said.not_kept = true;
    if (!http::equal_ignoring_case(name, "max-age")) continue;
    const std::int64_t age_s = delta_seconds(directive.substr(std::min(equals + 1, directive.size()))).value_or(0);
    said.max_age_s = std::min(said.max_age_s.value_or(age_s), age_s);
  }
}

}  // namespace

std::chrono::seconds cache_lifetime(const http::Fields& answer, std::chrono::seconds min, std::chrono::seconds max) {
  Said said;
  for (std::size_t i = 0; i < answer.size(); ++i)
    if (http::equal_ignoring_case(answer.at(i).name, "cache-control")) read_directives(answer.at(i).value, said);
  if (said.not_kept || !said.max_age_s) return min;
  const std::int64_t age_s = delta_seconds(http::without_ows(answer.get("age").value_or("0"))).value_or(kDeltaSecondsMax);
  return std::clamp(std::chrono::seconds(*said.max_age_s - age_s), min, max);
}

}  // namespace sluice::identity

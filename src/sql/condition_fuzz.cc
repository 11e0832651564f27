// Any text as a condition, over values from the input: compiling and evaluating must not crash; compiling again gives the
// same names, of which no two are one; and a condition and its negation are never both true.
#include <cstdio>
#include <cstdlib>

#include "sql/condition.h"

namespace {

using sluice::sql::Condition;

void require(bool holds, const char* what, std::string_view text) {
  if (holds) return;
  std::fprintf(stderr, "%s: %.*s\n", what, static_cast<int>(text.size()), text.data());
  std::abort();
}

std::string_view next_field(std::string_view& bytes) {
  std::size_t end = std::min(bytes.find('\0'), bytes.size());
  std::string_view field = bytes.substr(0, end);
  bytes.remove_prefix(std::min(end + 1, bytes.size()));
  return field;
}

void check_names(const Condition& condition, std::string_view text) {
  const auto& names = condition.names();
  for (std::size_t i = 0; i < names.size(); ++i) {
    require(!names[i].path.empty() && names[i].type != 0, "a name without a path or a type", text);
    for (std::size_t j = 0; j < i; ++j) require(names[i].path != names[j].path, "a name twice", text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string_view text = next_field(bytes);
  auto condition = Condition::compile(text);
  if (!condition) return 0;
  check_names(*condition, text);

  auto negation = Condition::compile("NOT (" + std::string(text) + "\n)");
  require(!negation || negation->names() == condition->names(), "other names when negated", text);
  std::vector<std::optional<std::string_view>> values(condition->names().size());
  for (int round = 0; round < 4; ++round) {
    bool holds = condition->holds(values);
    require(!holds || !negation || !negation->holds(values), "true, and its negation too", text);
    for (auto& value : values) {
      std::string_view field = next_field(bytes);
      value = field == "N" ? std::nullopt : std::optional(field);
    }
  }
  return 0;
}

#include "policy/spicedb/check_template.h"

#include <algorithm>

namespace sluice::policy::spicedb {
namespace {

constexpr std::size_t kIdBytesMax = 1024;
constexpr std::size_t kTypeBytesMax = 128;
constexpr std::size_t kNameBytesMax = 64;
constexpr std::size_t kZedTokenBytesMax = 1024;  // SpiceDB's are below a hundred
constexpr std::string_view kFresh = "at_least_as_fresh:";

constexpr std::array<std::string_view, CheckTemplate::kParts> kPartNames = {
    "resource type", "resource id", "permission", "subject type", "subject id", "subject relation"};

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// [a-zA-Z0-9/_|\-=+]{1,1024}; not the `*` that the API also takes.
bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= kIdBytesMax && std::ranges::all_of(text, [](char c) {
    return is_lower(c) || (c >= 'A' && c <= 'Z') || is_digit(c) || std::string_view("/_|-=+").contains(c);
  });
}

// [a-z][a-z0-9_]{1,62}[a-z0-9]
bool is_name(std::string_view text) {
  return text.size() >= 3 && text.size() <= kNameBytesMax && is_lower(text.front()) && text.back() != '_' &&
         std::ranges::all_of(text, [](char c) { return is_lower(c) || is_digit(c) || c == '_'; });
}

// Names with slashes between them: prefixes, then the type.
bool is_type(std::string_view text) {
  if (text.size() > kTypeBytesMax) return false;
  for (std::size_t slash = text.find('/'); slash != text.npos; slash = text.find('/')) {
    if (!is_name(text.substr(0, slash))) return false;
    text.remove_prefix(slash + 1);
  }
  return is_name(text);
}

// Opaque to us: printable ASCII.
bool is_zed_token(std::string_view text) {
  return !text.empty() && text.size() <= kZedTokenBytesMax &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

bool is_valid(CheckTemplate::Part part, std::string_view text) {
  switch (part) {
    case CheckTemplate::kResourceType:
    case CheckTemplate::kSubjectType: return is_type(text);
    case CheckTemplate::kResourceId:
    case CheckTemplate::kSubjectId: return is_id(text);
    case CheckTemplate::kPermission:
    case CheckTemplate::kSubjectRelation: return is_name(text);
  }
  return false;
}

// Cuts `text` after the first of this separator outside braces, and returns what was before; nothing where there is none.
std::optional<std::string_view> take_until(std::string_view& text, char separator) {
  int depth = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '{') ++depth;
    if (text[at] == '}') --depth;
    if (text[at] != separator || depth != 0) continue;
    const std::string_view taken = text.substr(0, at);
    text.remove_prefix(at + 1);
    return taken;
  }
  return std::nullopt;
}

using Texts = std::array<std::optional<std::string_view>, CheckTemplate::kParts>;

std::optional<Texts> split(std::string_view text) {
  Texts parts;
  constexpr std::string_view kSeparators = ":#@:";
  for (std::size_t i = 0; i < kSeparators.size(); ++i) {
    parts[i] = take_until(text, kSeparators[i]);
    if (!parts[i]) return std::nullopt;
  }
  parts[CheckTemplate::kSubjectId] = take_until(text, '#');
  if (parts[CheckTemplate::kSubjectId]) {
    parts[CheckTemplate::kSubjectRelation] = text;
  } else {
    parts[CheckTemplate::kSubjectId] = text;
  }
  return parts;
}

// What means the same for every caller is looked at here and now.
std::expected<Template, std::string> parse_part(CheckTemplate::Part part, std::string_view text) {
  auto made = Template::parse(text);
  if (!made || !made->constant()) return made;
  const Principal nobody = Principal::anonymous();
  if (is_valid(part, made->fill({.principal = nobody}).value_or(""))) return made;
  return std::unexpected(std::string("not one that SpiceDB takes"));
}

}  // namespace

std::expected<CheckTemplate, std::string> CheckTemplate::parse(std::string_view check, std::string_view consistency) {
  CheckTemplate made;
  const auto texts = split(check);
  if (!texts) return std::unexpected(std::string("check: not type:id#permission@type:id"));
  for (std::size_t i = 0; i < kParts; ++i) {
    if (!(*texts)[i]) continue;
    auto part = parse_part(Part(i), *(*texts)[i]);
    if (!part) return std::unexpected("check: " + std::string(kPartNames[i]) + ": " + part.error());
    made.parts_[i] = std::move(*part);
  }
  if (auto read = made.read_consistency(consistency); !read) return std::unexpected("consistency: " + read.error());
  return made;
}

std::expected<void, std::string> CheckTemplate::read_consistency(std::string_view text) {
  if (text == "minimize_latency") return {};
  if (text == "fully_consistent") {
    consistency_ = Consistency::Kind::kFullyConsistent;
    return {};
  }
  if (!text.starts_with(kFresh)) {
    return std::unexpected(std::string("not minimize_latency, fully_consistent or at_least_as_fresh:…"));
  }
  auto token = Template::parse(text.substr(kFresh.size()));
  if (!token) return std::unexpected(std::move(token.error()));
  consistency_ = Consistency::Kind::kAtLeastAsFresh;
  zed_token_ = std::move(*token);
  return {};
}

std::expected<std::string, std::string> CheckTemplate::fill_part(Part part, const Sources& sources) const {
  if (!parts_[part]) return std::string();
  const std::string name(kPartNames[part]);
  auto text = parts_[part]->fill(sources);
  if (!text) return std::unexpected("the check's " + name + ": " + text.error());
  if (!is_valid(part, *text)) return std::unexpected("the check's " + name + " is none that SpiceDB takes");
  return text;
}

std::expected<Check, std::string> CheckTemplate::fill(const Sources& sources) const {
  std::array<std::string, kParts> filled;
  for (std::size_t i = 0; i < kParts; ++i) {
    auto text = fill_part(Part(i), sources);
    if (!text) return std::unexpected(std::move(text.error()));
    filled[i] = std::move(*text);
  }
  Consistency consistency{.kind = consistency_};
  if (zed_token_) {
    auto token = zed_token_->fill(sources);
    if (!token) return std::unexpected("the check's ZedToken: " + token.error());
    if (!is_zed_token(*token)) return std::unexpected(std::string("the check's ZedToken is none"));
    consistency.zed_token = std::move(*token);
  }
  return Check{.resource_type = std::move(filled[kResourceType]),
               .resource_id = std::move(filled[kResourceId]),
               .permission = std::move(filled[kPermission]),
               .subject_type = std::move(filled[kSubjectType]),
               .subject_id = std::move(filled[kSubjectId]),
               .subject_relation = std::move(filled[kSubjectRelation]),
               .consistency = std::move(consistency)};
}

}  // namespace sluice::policy::spicedb

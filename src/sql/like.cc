#include "sql/like.h"

#include <algorithm>

#include "sql/like_search.h"
#include "sql/text_input.h"

namespace sluice::sql {
namespace {

// Bytes of the character that begins with `lead`.
std::size_t character_width(char lead) {
  auto byte = static_cast<unsigned char>(lead);
  if (byte < 0xC0) return 1;
  return byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

std::size_t character_width(std::string_view text, std::size_t at) {
  return std::min(character_width(text[at]), text.size() - at);
}

// The two characters outside ASCII that lower-case into it.
constexpr std::string_view kKelvinSign = "\xE2\x84\xAA";
constexpr std::string_view kCapitalIWithDot = "\xC4\xB0";

}  // namespace

std::string_view to_string(LikeError error) {
  switch (error) {
    case LikeError::kTrailingEscape: return "LIKE pattern must not end with escape character";
    case LikeError::kUnknowableCase:
      return "ILIKE is supported for patterns of ASCII characters, and not for ICU or Turkic collations";
    case LikeError::kTooLong: return "the pattern of LIKE is too long";
    case LikeError::kEscapeTooLong: return "ESCAPE must be one character or empty";
  }
  return "";
}

std::expected<LikePattern, LikeError> LikePattern::compile(std::string_view pattern, bool ignore_case,
                                                           Collation::Casing casing) {
  LikePattern out;
  out.ignore_case_ = ignore_case;
  out.casing_ = casing;
  if (ignore_case && casing == Collation::Casing::kOther) return std::unexpected(LikeError::kUnknowableCase);
  if (pattern.size() > kLikePatternBytesMax) return std::unexpected(LikeError::kTooLong);
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    char c = pattern[i];
    if (c == '%') {
      if (out.elements_.empty() || out.elements_.back().step != Step::kMany) out.elements_.push_back({Step::kMany, 0});
      continue;
    }
    if (c == '_') {
      out.elements_.push_back({Step::kOne, 0});
      continue;
    }
    if (c == '\\') {
      if (++i == pattern.size()) return std::unexpected(LikeError::kTrailingEscape);
      c = pattern[i];
    }
    bool ascii = static_cast<unsigned char>(c) < 0x80;
    if (ignore_case && casing == Collation::Casing::kLibc && !ascii) return std::unexpected(LikeError::kUnknowableCase);
    out.elements_.push_back({Step::kLiteral, ignore_case ? ascii_lower(c) : c});
  }
  out.find_parts();
  return out;
}

void LikePattern::find_parts() {
  std::vector<std::string> parts{""};
  for (const Element& element : elements_) {
    if (element.step == Step::kOne) return;
    if (element.step == Step::kMany)
      parts.emplace_back();
    else
      parts.back() += element.byte;
    bool reached = element.step == Step::kLiteral && (element.byte == 'k' || element.byte == 'i');
    folds_into_ascii_ = folds_into_ascii_ || (reached && ignore_case_ && casing_ == Collation::Casing::kLibc);
  }
  parts_ = std::move(parts);
}

LikePattern::Unit LikePattern::unit(std::string_view text, std::size_t at) const {
  char c = text[at];
  if (!ignore_case_) return {c, 1};
  if (static_cast<unsigned char>(c) < 0x80) return {ascii_lower(c), 1};
  if (casing_ == Collation::Casing::kLibc) {
    if (text.substr(at).starts_with(kKelvinSign)) return {'k', kKelvinSign.size()};
    if (text.substr(at).starts_with(kCapitalIWithDot)) return {'i', kCapitalIWithDot.size()};
  }
  return {c, 1};
}

bool LikePattern::matches(std::string_view text) const {
  if (parts_.empty() || (folds_into_ascii_ && has_high_bit(text))) return matches_stepwise(text);
  return matches_parts(text);
}

// The first part at the begin, the last at the end, and those between as early as they come.
bool LikePattern::matches_parts(std::string_view text) const {
  auto equal = [&](std::string_view piece, std::string_view part) {
    return ignore_case_ ? equal_folded(piece, part) : piece == part;
  };
  const std::string& first = parts_.front();
  const std::string& last = parts_.back();
  if (parts_.size() == 1) return text.size() == first.size() && equal(text, first);
  if (text.size() < first.size() + last.size()) return false;
  if (!equal(text.substr(0, first.size()), first)) return false;
  std::size_t end = text.size() - last.size();
  if (!equal(text.substr(end), last)) return false;
  std::string_view within = text.substr(0, end);
  std::size_t at = first.size();
  for (std::size_t i = 1; i + 1 < parts_.size(); ++i) {
    at = ignore_case_ ? find_folded(within, parts_[i], at) : find_bytes(within, parts_[i], at);
    if (at == std::string_view::npos) return false;
    at += parts_[i].size();
  }
  return true;
}

// Greedy with one point of return: a later % makes every earlier one's choice final, so only the last is ever tried again.
bool LikePattern::matches_stepwise(std::string_view text) const {
  std::size_t at = 0;
  std::size_t element = 0;
  std::size_t retry_element = elements_.size() + 1;  // none yet
  std::size_t retry_at = 0;
  while (at < text.size()) {
    if (element < elements_.size()) {
      const Element& e = elements_[element];
      if (e.step == Step::kMany) {
        retry_element = ++element;
        retry_at = at;
        continue;
      }
      if (e.step == Step::kOne) {
        at += character_width(text, at);
        ++element;
        continue;
      }
      if (Unit u = unit(text, at); u.byte == e.byte) {
        at += u.width;
        ++element;
        continue;
      }
    }
    if (retry_element > elements_.size()) return false;
    retry_at += character_width(text, retry_at);
    at = retry_at;
    element = retry_element;
  }
  while (element < elements_.size() && elements_[element].step == Step::kMany) ++element;
  return element == elements_.size();
}

std::expected<std::string, LikeError> with_backslash_escapes(std::string_view pattern, std::string_view escape) {
  if (!escape.empty() && character_width(escape[0]) != escape.size()) return std::unexpected(LikeError::kEscapeTooLong);
  if (escape == "\\") return std::string(pattern);
  std::string out;
  bool after_escape = false;
  for (std::size_t i = 0; i < pattern.size();) {
    if (!escape.empty() && !after_escape && pattern.substr(i).starts_with(escape)) {
      out += '\\';
      i += escape.size();
      after_escape = true;
      continue;
    }
    if (pattern[i] == '\\' && !after_escape) out += '\\';
    std::size_t width = character_width(pattern, i);
    out += pattern.substr(i, width);
    i += width;
    after_escape = false;
  }
  return out;
}

}  // namespace sluice::sql

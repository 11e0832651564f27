// LIKE and ILIKE over UTF-8.
//
// A pattern is % (any characters), _ (one character) and literal ones; a backslash makes the next character literal. ILIKE
// compares lower-case: see Collation::Casing for what that means.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "sql/types.h"

namespace sluice::sql {

// A pattern and a text that are both long take the product of their lengths: with a text of a megabyte, a second.
inline constexpr std::size_t kLikePatternBytesMax = 1000;

enum class LikeError {
  kTrailingEscape,  // "LIKE pattern must not end with escape character"
  kUnknowableCase,  // ILIKE where folding depends on what is not known here
  kTooLong,         // more than kLikePatternBytesMax
  kEscapeTooLong,   // ESCAPE takes one character or none
};

std::string_view to_string(LikeError error);

class LikePattern {
 public:
  static std::expected<LikePattern, LikeError> compile(std::string_view pattern, bool ignore_case, Collation::Casing casing);

  // Takes at most time proportional to both lengths multiplied. A pattern without _ is a search for its literal parts
  // (like_search.h).
  bool matches(std::string_view text) const;

 private:
  enum class Step : std::uint8_t { kLiteral, kOne, kMany };
  struct Element {
    Step step;
    char byte;  // of a literal
  };
  // One character or byte of the text as the pattern sees it, and how many bytes it took.
  struct Unit {
    char byte;
    std::size_t width;
  };

  Unit unit(std::string_view text, std::size_t at) const;
  void find_parts();
  bool matches_parts(std::string_view text) const;
  bool matches_stepwise(std::string_view text) const;

  std::vector<Element> elements_;
  // Of a pattern without _: what stands before, between and after its %s. One part: no % at all.
  std::vector<std::string> parts_;
  bool folds_into_ascii_ = false;  // a character beyond ASCII may be equal to one of the pattern
  bool ignore_case_ = false;
  Collation::Casing casing_ = Collation::Casing::kLibc;
};

// The pattern with its escape character replaced by a backslash: Postgres's like_escape().
std::expected<std::string, LikeError> with_backslash_escapes(std::string_view pattern, std::string_view escape);

}  // namespace sluice::sql

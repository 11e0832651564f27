// Text with places to be filled from the caller's claims: `{claims.org_id}`, `team-{claims.team.id}`.
//
// A filled template is a value, never SQL: it is only ever bound as a parameter. A claim that is absent, null, a list or
// an object fills nothing, and neither does a number with a fraction: the request is then denied, not asked with a guess.
// `{{` and `}}` are the braces themselves.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "token/verifier.h"

namespace sluice::policy {

class Template {
 public:
  // The error says what is wrong with the text, for the configuration's author.
  static std::expected<Template, std::string> parse(std::string_view text);

  // `claims` is null for a caller without any. The error names the claim that could not be used.
  std::expected<std::string, std::string> fill(const token::Claims* claims) const;

  // True where the text holds no place to fill: it means the same for every caller.
  bool constant() const;

 private:
  struct Piece {
    bool is_claim;
    std::string text;  // literal text, or the claim's dotted path
  };
  std::vector<Piece> pieces_;
};

}  // namespace sluice::policy

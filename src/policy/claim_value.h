// Values of claims as Postgres would write them: what templates and conditions are filled with.
//
// A claim is read as a type only where it plainly is one: a JSON string that the type's input function reads, a JSON number
// for the number types (a fraction only for numeric), a JSON boolean for bool. Nothing is rounded, and nothing is guessed.
#pragma once

#include <simdjson.h>

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sql/condition.h"
#include "sql/value.h"
#include "token/verifier.h"

namespace sluice::policy {

// Steps through objects. Written with dots; a step in double quotes may hold dots itself, as namespaced claims do:
// `org.id`, `"https://example.com/org".id` (two quotes inside quotes are one).
using ClaimPath = std::vector<std::string>;
std::expected<ClaimPath, std::string> parse_claim_path(std::string_view text);
std::string print_claim_path(const ClaimPath& path);

// The claim at the path, nullopt where a step is absent or null. `blocked` is set where a step before the last is there and
// is no object: the path then leads nowhere, which is not the same as absent.
struct FoundClaim {
  std::optional<simdjson::dom::element> value;
  bool blocked = false;
};
FoundClaim find_claim(const token::Claims* claims, const ClaimPath& path);

// The value as one text, where it has exactly one: strings as they are, whole numbers in decimal, true and false.
std::optional<std::string> claim_text(simdjson::dom::element claim);
// The same, unchanged, where Postgres reads it as a value of `type`; numbers with a fraction where that is numeric.
std::optional<std::string> claim_text(simdjson::dom::element claim, sql::Type type);

// What a condition's name stands for: the text that Postgres prints for the claim, an array literal for a list, nullopt for
// NULL (absent or null; every claim where `claims` is null). The error, "claim 'role' is not text", is for a claim that is
// there and is not of the name's type: taking it for NULL would let `role IS DISTINCT FROM 'guest'` pass.
std::expected<std::optional<std::string>, std::string> condition_value(const token::Claims* claims,
                                                                       const sql::Condition::Name& name);

}  // namespace sluice::policy

// Text with places to be filled in from the caller and the shape asked for:
//
//   {claims.org_id}  {claims.org.id}   a claim, by path
//   {claims."https://a.com/org".id}    a step that holds dots, in double quotes
//   {sub}  {iss}  {identity}           the caller's subject, issuer, configured identity
//   {params.1}                         a parameter of the shape that is asked for
//   {query.project}                    a query parameter of a named shape
//   {claims.org_id::int8}              the same, which must be a value of that type, as Postgres reads it (int2, int4, int8,
//                                      numeric, uuid, bool, date, timestamptz, text)
//   {{  }}                             the braces themselves
//
// A filled template is a value, never SQL: it is only ever bound as a parameter, or sent as one field of a message. A place
// that has no value (absent, null, a list, an object, a number with a fraction where no type says numeric, another type
// than asked for) fills nothing: the request is then denied, not asked with a guess. A type only checks: what is filled in
// is spelled as it came, so that an authorizer and the database are asked about the very same bytes.
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/claim_value.h"
#include "policy/principal.h"
#include "shape/definition.h"

namespace sluice::policy {

inline constexpr std::size_t kQueryNameBytesMax = 64;

// What a template may be filled from. All must outlive the call.
struct Sources {
  const Principal& principal;
  const std::vector<std::string>* params = nullptr;                        // of the shape asked for
  const std::map<std::string, std::string, std::less<>>* query = nullptr;  // of a named shape's request
};

class Template {
 public:
  enum class Place { kLiteral, kClaim, kSubject, kIssuer, kIdentity, kParam, kQuery };

  // The error says what is wrong with the text, for the configuration's author.
  static std::expected<Template, std::string> parse(std::string_view text);

  // The error names the place that could not be filled, never its value.
  std::expected<std::string, std::string> fill(const Sources& sources) const;

  // True where the text holds no place to fill: it means the same for every caller.
  bool constant() const;
  // True where it holds a place of this kind.
  bool uses(Place place) const;
  // The names after `query.`.
  std::vector<std::string> query_names() const;
  // The highest n of its {params.n}; 0 without any.
  unsigned param_max() const;
  // {params.n} and nothing else, untyped: n. Whatever the client asks for there.
  std::optional<unsigned> open_param() const;

 private:
  struct Piece {
    Place place = Place::kLiteral;
    std::string text = {};  // literal text, or the query parameter's name
    ClaimPath path = {};
    unsigned param = 0;
    std::optional<sql::Type> type = {};
  };
  static std::expected<Piece, std::string> parse_place(std::string_view text);
  static std::expected<std::string, std::string> value_of(const Piece& piece, const Sources& sources);

  std::vector<Piece> pieces_;
};

}  // namespace sluice::policy

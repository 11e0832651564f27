#include "policy/template.h"

#include <algorithm>
#include <array>

#include "shape/params_json.h"

namespace sluice::policy {
namespace {

using Place = Template::Place;
using Filled = std::expected<std::string, std::string>;

constexpr std::string_view kClaims = "claims.", kParams = "params.", kQuery = "query.";

constexpr std::array kTypes = {sql::Type::kInt2,    sql::Type::kInt4, sql::Type::kInt8,
                               sql::Type::kNumeric, sql::Type::kUuid, sql::Type::kBool,
                               sql::Type::kDate,    sql::Type::kText, sql::Type::kTimestamptz};

std::expected<std::optional<sql::Type>, std::string> parse_type(std::string_view name) {
  const auto type = sql::type_named(name);
  if (!type || std::ranges::find(kTypes, *type) == kTypes.end())
    return std::unexpected("'" + std::string(name) + "' is no type that a place can have");
  return type;
}

bool is_query_name(std::string_view name) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  return !name.empty() && name.size() <= kQueryNameBytesMax && name.find_first_not_of(kAllowed) == std::string_view::npos;
}

// Where a place that began before `text` ends: the first brace outside of quotes.
std::size_t end_of_place(std::string_view text) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == '}' && !quoted) return i;
  }
  return std::string_view::npos;
}

// The type stands after the last `::` outside of quotes.
std::size_t type_mark(std::string_view place) {
  const std::size_t mark = place.rfind("::");
  const std::size_t quote = place.rfind('"');
  const bool inside = quote != std::string_view::npos && mark != std::string_view::npos && mark < quote;
  return inside ? std::string_view::npos : mark;
}

Filled missing(std::string place) {
  return std::unexpected(std::move(place) + " is missing");
}

Filled not_of(std::string place, sql::Type type) {
  return std::unexpected(std::move(place) + " is not " + std::string(sql::name_of(type)));
}

Filled claim_value(const ClaimPath& path, std::optional<sql::Type> type, const token::Claims* claims) {
  const auto place = [&] { return "claim '" + print_claim_path(path) + "'"; };
  const auto claim = find_claim(claims, path).value;
  if (!claim) return missing(place());
  auto text = type ? claim_text(*claim, *type) : claim_text(*claim);
  if (text) return std::move(*text);
  if (type) return not_of(place(), *type);
  return std::unexpected(place() + " is no string, whole number or boolean");
}

// Of a place whose value is text to begin with.
Filled text_value(std::string place, std::string_view value, std::optional<sql::Type> type) {
  if (type && !sql::read_constant(value, *type)) return not_of(std::move(place), *type);
  return std::string(value);
}

Filled param_value(unsigned number, std::optional<sql::Type> type, const std::vector<std::string>* params) {
  std::string place = "the shape's param " + std::to_string(number);
  if (!params || number > params->size()) return missing(std::move(place));
  return text_value(std::move(place), (*params)[number - 1], type);
}

Filled query_value(const std::string& name, std::optional<sql::Type> type, decltype(Sources::query) query) {
  std::string place = "query parameter '" + name + "'";
  if (!query) return missing(std::move(place));
  const auto found = query->find(name);
  return found == query->end() ? missing(std::move(place)) : text_value(std::move(place), found->second, type);
}

}  // namespace

std::expected<Template::Piece, std::string> Template::parse_place(std::string_view text) {
  Piece piece;
  std::string_view place = text;
  if (const std::size_t mark = type_mark(place); mark != std::string_view::npos) {
    auto type = parse_type(place.substr(mark + 2));
    if (!type) return std::unexpected(std::move(type.error()));
    piece.type = *type;
    place = place.substr(0, mark);
  }
  if (place == "sub") {
    piece.place = Place::kSubject;
  } else if (place == "iss") {
    piece.place = Place::kIssuer;
  } else if (place == "identity") {
    piece.place = Place::kIdentity;
  } else if (place.starts_with(kParams)) {
    const auto number = shape::parse_param_number(place.substr(kParams.size()));
    if (!number) return std::unexpected("a param's number is 1 or more");
    piece.place = Place::kParam;
    piece.param = *number;
  } else if (place.starts_with(kQuery)) {
    piece.place = Place::kQuery;
    piece.text = place.substr(kQuery.size());
    if (!is_query_name(piece.text)) return std::unexpected("a query parameter's name has letters, digits, _ and -");
  } else if (place.starts_with(kClaims)) {
    auto path = parse_claim_path(place.substr(kClaims.size()));
    if (!path) return std::unexpected(std::move(path.error()));
    piece.place = Place::kClaim;
    piece.path = std::move(*path);
  } else {
    return std::unexpected("a place is claims.NAME, sub, iss, identity, params.N or query.NAME");
  }
  return piece;
}

std::expected<Template, std::string> Template::parse(std::string_view text) {
  Template parsed;
  std::string literal;
  const auto flush = [&] {
    if (!literal.empty()) parsed.pieces_.push_back({.text = std::move(literal)});
    literal.clear();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool doubled = i + 1 < text.size() && text[i + 1] == c;
    if ((c == '{' || c == '}') && doubled) {
      literal += c;
      ++i;
    } else if (c == '{') {
      const std::size_t bytes = end_of_place(text.substr(i + 1));
      if (bytes == std::string_view::npos) return std::unexpected("'{' is never closed; write '{{' for a brace");
      const std::string_view place = text.substr(i + 1, bytes);
      auto piece = parse_place(place);
      if (!piece) return std::unexpected("'{" + std::string(place) + "}': " + piece.error());
      flush();
      parsed.pieces_.push_back(std::move(*piece));
      i += bytes + 1;
    } else if (c == '}') {
      return std::unexpected("'}' closes nothing; write '}}' for a brace");
    } else {
      literal += c;
    }
  }
  flush();
  return parsed;
}

Filled Template::value_of(const Piece& piece, const Sources& sources) {
  const auto of_principal = [&](const char* place, std::string_view value) {
    return value.empty() ? missing(place) : text_value(place, value, piece.type);
  };
  switch (piece.place) {
    case Place::kLiteral: return piece.text;
    case Place::kClaim: return claim_value(piece.path, piece.type, sources.principal.claims());
    case Place::kSubject: return of_principal("the subject", sources.principal.subject());
    case Place::kIssuer: return of_principal("the issuer", sources.principal.issuer());
    case Place::kIdentity: return of_principal("the identity", sources.principal.identity());
    case Place::kParam: return param_value(piece.param, piece.type, sources.params);
    case Place::kQuery: return query_value(piece.text, piece.type, sources.query);
  }
  return missing("a place");
}

Filled Template::fill(const Sources& sources) const {
  std::string filled;
  for (const Piece& piece : pieces_) {
    auto value = value_of(piece, sources);
    if (!value) return value;
    if (filled.empty())
      filled = std::move(*value);
    else
      filled += *value;
  }
  return filled;
}

bool Template::constant() const {
  return std::ranges::all_of(pieces_, [](const Piece& p) { return p.place == Place::kLiteral; });
}

bool Template::uses(Place place) const {
  return std::ranges::any_of(pieces_, [place](const Piece& p) { return p.place == place; });
}

std::vector<std::string> Template::query_names() const {
  std::vector<std::string> names;
  for (const Piece& piece : pieces_)
    if (piece.place == Place::kQuery) names.push_back(piece.text);
  return names;
}

unsigned Template::param_max() const {
  unsigned max = 0;
  for (const Piece& piece : pieces_) max = std::max(max, piece.param);
  return max;
}

std::optional<unsigned> Template::open_param() const {
  if (pieces_.size() != 1 || pieces_.front().place != Place::kParam || pieces_.front().type) return std::nullopt;
  return pieces_.front().param;
}

}  // namespace sluice::policy

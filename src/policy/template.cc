#include "policy/template.h"

#include <algorithm>

#include "policy/claim_text.h"

namespace sluice::policy {
namespace {

constexpr std::string_view kClaims = "claims.";

std::expected<std::string, std::string> claim_path(std::string_view place) {
  if (!place.starts_with(kClaims) || place.size() == kClaims.size())
    return std::unexpected("'{" + std::string(place) + "}': only {claims.NAME} can be filled in");
  place.remove_prefix(kClaims.size());
  if (place.front() == '.' || place.back() == '.' || place.find("..") != std::string_view::npos)
    return std::unexpected("'{claims." + std::string(place) + "}': a name is missing beside a dot");
  return std::string(place);
}

}  // namespace

std::expected<Template, std::string> Template::parse(std::string_view text) {
  Template parsed;
  std::string literal;
  const auto flush = [&] {
    if (!literal.empty()) parsed.pieces_.push_back({false, std::move(literal)});
    literal.clear();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool doubled = i + 1 < text.size() && text[i + 1] == c;
    if ((c == '{' || c == '}') && doubled) {
      literal += c;
      ++i;
    } else if (c == '{') {
      const std::size_t end = text.find('}', i);
      if (end == std::string_view::npos) return std::unexpected("'{' is never closed; write '{{' for a brace");
      auto path = claim_path(text.substr(i + 1, end - i - 1));
      if (!path) return std::unexpected(path.error());
      flush();
      parsed.pieces_.push_back({true, std::move(*path)});
      i = end;
    } else if (c == '}') {
      return std::unexpected("'}' closes nothing; write '}}' for a brace");
    } else {
      literal += c;
    }
  }
  flush();
  return parsed;
}

std::expected<std::string, std::string> Template::fill(const token::Claims* claims) const {
  std::string filled;
  for (const Piece& piece : pieces_) {
    if (!piece.is_claim) {
      filled += piece.text;
      continue;
    }
    const auto claim = claims ? claims->find_path(piece.text) : std::nullopt;
    const auto text = claim ? claim_text(*claim) : std::nullopt;
    if (!text) return std::unexpected("claim '" + piece.text + "' is missing or is no string, whole number or boolean");
    filled += *text;
  }
  return filled;
}

bool Template::constant() const {
  return std::none_of(pieces_.begin(), pieces_.end(), [](const Piece& p) { return p.is_claim; });
}

}  // namespace sluice::policy

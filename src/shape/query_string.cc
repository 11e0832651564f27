// Query strings to pairs, and text to percent escapes.
#include <simdjson.h>

#include <algorithm>
#include <unordered_set>

#include "shape/request_codec.h"

namespace sluice::shape {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::optional<QueryErrorCode> text_fault(const std::string& text) {
  if (text.find('\0') != std::string::npos) return QueryErrorCode::kNul;
  if (!simdjson::validate_utf8(text)) return QueryErrorCode::kBadUtf8;
  return std::nullopt;
}

std::unexpected<QueryError> fail(QueryErrorCode code, std::string parameter) {
  const auto message = [code] {
    switch (code) {
      case QueryErrorCode::kTooLong: return "the query string is too long";
      case QueryErrorCode::kTooMany: return "the query string has too many parameters";
      case QueryErrorCode::kBadEscape: return "has a bad percent escape";
      case QueryErrorCode::kBadUtf8: return "is not UTF-8";
      case QueryErrorCode::kNul: return "has a NUL";
      default: return "is given more than once";
    }
  };
  return std::unexpected(QueryError{code, std::move(parameter), message()});
}

using Pair = std::pair<std::string, std::string>;

std::expected<Pair, QueryError> decode_pair(std::string_view text) {
  const std::size_t split = text.find('=');
  auto key = percent_decode(text.substr(0, split));
  if (!key) return fail(QueryErrorCode::kBadEscape, "");
  if (const auto fault = text_fault(*key)) return fail(*fault, "");
  if (split == std::string_view::npos) return Pair(std::move(*key), "");
  auto value = percent_decode(text.substr(split + 1));
  if (!value) return fail(QueryErrorCode::kBadEscape, std::move(*key));
  if (const auto fault = text_fault(*value)) return fail(*fault, std::move(*key));
  return Pair(std::move(*key), std::move(*value));
}

// Up to so many keys are compared with one another: of the few that a request has, quicker than a table of them.
constexpr std::size_t kComparedMax = 16;

const std::string* find_repeated(const QueryPairs& pairs) {
  if (pairs.size() <= kComparedMax) {
    for (auto pair = pairs.begin(); pair != pairs.end(); ++pair)
      if (std::any_of(pairs.begin(), pair, [&](const Pair& before) { return before.first == pair->first; }))
        return &pair->first;
    return nullptr;
  }
  std::unordered_set<std::string_view> seen;
  for (const auto& [key, value] : pairs)
    if (!seen.insert(key).second) return &key;
  return nullptr;
}

}  // namespace

std::expected<QueryPairs, QueryError> parse_query(std::string_view query) {
  if (query.size() > kQueryBytesMax) return fail(QueryErrorCode::kTooLong, "");
  QueryPairs pairs;
  pairs.reserve(std::min<std::size_t>(1 + std::ranges::count(query, '&'), kQueryKeysMax));
  bool more = !query.empty();
  while (more) {
    if (pairs.size() == kQueryKeysMax) return fail(QueryErrorCode::kTooMany, "");
    const std::size_t end = query.find('&');
    auto pair = decode_pair(query.substr(0, end));
    if (!pair) return std::unexpected(std::move(pair.error()));
    pairs.push_back(std::move(*pair));
    more = end != std::string_view::npos;
    if (more) query.remove_prefix(end + 1);
  }
  if (const std::string* key = find_repeated(pairs)) return fail(QueryErrorCode::kRepeated, *key);
  return pairs;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
      continue;
    }
    out += '%';
    out += kHex[static_cast<unsigned char>(c) >> 4];
    out += kHex[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

}  // namespace sluice::shape

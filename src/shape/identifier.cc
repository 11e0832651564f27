#include "shape/identifier.h"

#include <simdjson.h>

#include <algorithm>
#include <optional>

namespace sluice::shape {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}
bool is_high(char c) {
  return static_cast<unsigned char>(c) >= 0x80;
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_high(c);
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
char fold(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Reads identifiers off the front of a text.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  // White space, one identifier, white space.
  std::expected<std::string, IdentifierError> next() {
    skip_space();
    auto name = !rest_.empty() && rest_.front() == '"' ? quoted() : bare();
    if (!name) return name;
    if (name->empty()) return std::unexpected(IdentifierError::kEmpty);
    if (name->size() > kIdentifierBytesMax) return std::unexpected(IdentifierError::kTooLong);
    skip_space();
    return name;
  }

  bool at_end() const { return rest_.empty(); }

  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

 private:
  void skip_space() {
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
  }

  std::expected<std::string, IdentifierError> bare() {
    if (rest_.empty() || rest_.front() == '.' || rest_.front() == ',') return std::string();
    if (!is_letter(rest_.front())) return std::unexpected(IdentifierError::kBadCharacter);
    std::string name;
    while (!rest_.empty() && (is_letter(rest_.front()) || is_digit(rest_.front()) || rest_.front() == '$')) {
      name += fold(rest_.front());
      rest_.remove_prefix(1);
    }
    return name;
  }

  std::expected<std::string, IdentifierError> quoted() {
    rest_.remove_prefix(1);
    std::string name;
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '\0') return std::unexpected(IdentifierError::kBadCharacter);
      if (c == '"' && !take('"')) return name;
      name += c;
    }
    return std::unexpected(IdentifierError::kUnterminatedQuote);
  }

  std::string_view rest_;
};

bool is_utf8(std::string_view text) {
  return simdjson::validate_utf8(text.data(), text.size());
}

// What is left over after a complete name.
IdentifierError leftover(Reader& reader) {
  return reader.take('.') ? IdentifierError::kTooManyParts : IdentifierError::kBadCharacter;
}

}  // namespace

std::string_view to_string(IdentifierError error) {
  switch (error) {
    case IdentifierError::kEmpty: return "a name is empty";
    case IdentifierError::kTooLong: return "a name is longer than 63 bytes";
    case IdentifierError::kUnterminatedQuote: return "a quoted name does not end";
    case IdentifierError::kBadCharacter: return "a name has a character that needs quotes, or that no name may have";
    case IdentifierError::kTooManyParts: return "a name has too many parts";
    case IdentifierError::kDuplicate: return "a name is repeated";
    case IdentifierError::kTooMany: return "too many names";
  }
  return "invalid";
}

std::expected<std::string, IdentifierError> parse_identifier(std::string_view text) {
  if (!is_utf8(text)) return std::unexpected(IdentifierError::kBadCharacter);
  Reader reader(text);
  auto name = reader.next();
  if (name && !reader.at_end()) return std::unexpected(leftover(reader));
  return name;
}

std::expected<TableName, IdentifierError> TableName::parse(std::string_view text) {
  if (!is_utf8(text)) return std::unexpected(IdentifierError::kBadCharacter);
  Reader reader(text);
  auto first = reader.next();
  if (!first) return std::unexpected(first.error());
  if (reader.at_end()) return TableName{"public", std::move(*first)};
  if (!reader.take('.')) return std::unexpected(IdentifierError::kBadCharacter);
  auto second = reader.next();
  if (!second) return std::unexpected(second.error());
  if (!reader.at_end()) return std::unexpected(leftover(reader));
  return TableName{std::move(*first), std::move(*second)};
}

std::string TableName::print() const {
  return quote_identifier(schema) + "." + quote_identifier(name);
}

std::expected<std::vector<std::string>, IdentifierError> parse_columns(std::string_view text) {
  if (!is_utf8(text)) return std::unexpected(IdentifierError::kBadCharacter);
  Reader reader(text);
  std::vector<std::string> columns;
  do {
    if (columns.size() == kColumnsMax) return std::unexpected(IdentifierError::kTooMany);
    auto name = reader.next();
    if (!name) return std::unexpected(name.error());
    columns.push_back(std::move(*name));
  } while (reader.take(','));
  if (!reader.at_end()) return std::unexpected(leftover(reader));
  std::ranges::sort(columns);
  if (std::ranges::adjacent_find(columns) != columns.end()) return std::unexpected(IdentifierError::kDuplicate);
  return columns;
}

std::string print_columns(const std::vector<std::string>& columns) {
  std::string out;
  for (const std::string& column : columns) {
    if (!out.empty()) out += ',';
    out += quote_identifier(column);
  }
  return out;
}

std::string quote_identifier(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out += '"';
}

}  // namespace sluice::shape

// Table names and column lists, read as Postgres reads them.
//
// An identifier is folded to lower case unless it is in double quotes; two quotes inside quotes are one. So `items`,
// `Items` and `public.items` are one table and `"Items"` is another. Spelling is free on the way in and single on the way
// out: print() always quotes and always qualifies.
//
// White space around a name, a dot or a comma means nothing, as in Postgres's own lists of names.
//
// Limits: an identifier has 1 to 63 bytes (NAMEDATALEN - 1), as Postgres would silently cut a longer one.
#pragma once

#include <compare>
#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::shape {

inline constexpr std::size_t kIdentifierBytesMax = 63;
inline constexpr std::size_t kColumnsMax = 1600;  // Postgres: MaxHeapAttributeNumber

enum class IdentifierError { kEmpty, kTooLong, kUnterminatedQuote, kBadCharacter, kTooManyParts, kDuplicate, kTooMany };

std::string_view to_string(IdentifierError error);

struct TableName {
  std::string schema;
  std::string name;

  // `name`, `schema.name`, either part quoted or not. Without a schema: "public".
  static std::expected<TableName, IdentifierError> parse(std::string_view text);

  // "schema"."name", always quoted.
  std::string print() const;

  auto operator<=>(const TableName&) const = default;
};

// One unqualified name.
std::expected<std::string, IdentifierError> parse_identifier(std::string_view text);

// `a, "B", c` as a sorted set. A column named twice is an error, and so is an empty item.
std::expected<std::vector<std::string>, IdentifierError> parse_columns(std::string_view text);

// "a","B","c": always quoted, in the given order.
std::string print_columns(const std::vector<std::string>& columns);

// "a" with inner quotes doubled.
std::string quote_identifier(std::string_view name);

}  // namespace sluice::shape

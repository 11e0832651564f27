// The types that a where clause computes with, and constants of them.
//
// A Constant is read once, at compile time, by the rules of the type's input function in Postgres, or refused. Where
// Postgres reads more spellings than are read here, the difference is an error, never another value.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "sql/types.h"

namespace sluice::sql {

enum class Type : std::uint8_t {
  kUnknown,  // a quoted literal or parameter that has met no other type yet
  kBool,
  kInt2,
  kInt4,
  kInt8,
  kNumeric,
  kFloat4,
  kFloat8,
  kText,  // and varchar: they compare alike
  kBpchar,
  kUuid,
  kDate,
  kTime,
  kTimestamp,
  kTimestamptz,
  kInterval,
  kEnum,
  kOther,  // a column of a type that only IS NULL understands
};

// The type's name in pg_type: "int8". "enum" and "unknown" where it has no one name.
std::string_view name_of(Type type);
std::optional<Type> type_named(std::string_view pg_type_name);
// In pg_type, and that of the arrays of it; 0 where there is no one.
Oid oid_of(Type type);
Oid array_oid_of(Type type);
// What a where clause sees a column as; a domain is its base type.
Type type_of(const Column& column);
// What the elements of an array column are; nullopt for a column that is no array, or of a type not known here.
std::optional<Type> element_type_of(const Column& column);
// Their name in pg_type, for such a column: varchar is not text here, for Postgres has no @> between arrays of the two.
std::string_view element_name_of(const Column& column);

inline bool is_integer(Type type) {
  return type >= Type::kInt2 && type <= Type::kInt8;
}
inline bool is_float(Type type) {
  return type == Type::kFloat4 || type == Type::kFloat8;
}
inline bool is_number(Type type) {
  return type >= Type::kInt2 && type <= Type::kFloat8;
}

struct Constant {
  Type type = Type::kUnknown;
  bool null = false;
  std::int64_t integer = 0;  // bool, integers, dates and times (datetime.h)
  std::int32_t months = 0;   // interval, whose microseconds are the integer
  std::int32_t days = 0;     // interval
  double real = 0;           // float4 and float8
  std::string text = {};     // numeric (canonical), text, bpchar, uuid (canonical), enum label, unknown (as written)
  unsigned scale = 0;        // numeric: digits after the point as written, at which arithmetic looks
};

// An unknown literal as a constant of `type`: the type's input function.
std::optional<Constant> read_constant(std::string_view text, Type type);

// 7, 3000000000 and 1.5 as Postgres types them: int4, int8 or numeric.
std::optional<Constant> number_literal(std::string_view digits);

// An explicit or implicit cast of a typed constant, where its result does not depend on settings. Nullopt also where the
// value does not fit.
std::optional<Constant> cast_constant(const Constant& value, Type to);

// The value's one spelling: what read_constant() reads as the same value. Not for a null.
std::string text_of(const Constant& value);

// Rows. Each returns nullopt where the text is not one that Postgres prints.
std::optional<std::int64_t> read_integer(std::string_view text);
std::optional<double> read_real(std::string_view text, Type type);

}  // namespace sluice::sql

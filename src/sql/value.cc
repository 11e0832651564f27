#include "sql/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "sql/datetime.h"
#include "sql/decimal.h"
#include "sql/interval.h"
#include "sql/text_input.h"

namespace sluice::sql {
namespace {

struct Named {
  Type type;
  Oid oid;
  Oid array;
  std::string_view name;
};

constexpr Named kTypes[] = {
    {Type::kBool, oid::kBool, oid::kBoolArray, "bool"},
    {Type::kInt2, oid::kInt2, oid::kInt2Array, "int2"},
    {Type::kInt4, oid::kInt4, oid::kInt4Array, "int4"},
    {Type::kInt8, oid::kInt8, oid::kInt8Array, "int8"},
    {Type::kNumeric, oid::kNumeric, oid::kNumericArray, "numeric"},
    {Type::kFloat4, oid::kFloat4, oid::kFloat4Array, "float4"},
    {Type::kFloat8, oid::kFloat8, oid::kFloat8Array, "float8"},
    {Type::kText, oid::kText, oid::kTextArray, "text"},
    {Type::kText, oid::kVarchar, oid::kVarcharArray, "varchar"},
    {Type::kBpchar, oid::kBpchar, oid::kBpcharArray, "bpchar"},
    {Type::kUuid, oid::kUuid, oid::kUuidArray, "uuid"},
    {Type::kDate, oid::kDate, oid::kDateArray, "date"},
    {Type::kTime, oid::kTime, oid::kTimeArray, "time"},
    {Type::kTimestamp, oid::kTimestamp, oid::kTimestampArray, "timestamp"},
    {Type::kTimestamptz, oid::kTimestamptz, oid::kTimestamptzArray, "timestamptz"},
    {Type::kInterval, oid::kInterval, oid::kIntervalArray, "interval"},
};

bool fits(std::int64_t value, Type type) {
  switch (type) {
    case Type::kInt2: return value == static_cast<std::int16_t>(value);
    case Type::kInt4: return value == static_cast<std::int32_t>(value);
    default: return type == Type::kInt8;
  }
}

Constant integer_of(std::int64_t value, Type type) {
  return {.type = type, .integer = value};
}
Constant real_of(double value, Type type) {
  return {.type = type, .real = value};
}
Constant text_as(std::string text, Type type) {
  return {.type = type, .text = std::move(text)};
}

// What from_chars reads of a number: no white space around it, no plus sign before it.
std::string_view signed_digits(std::string_view text) {
  text = trimmed(text);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  return text;
}

std::optional<Constant> read_integer_constant(std::string_view text, Type type) {
  auto value = read_integer(signed_digits(text));
  if (!value || !fits(*value, type)) return std::nullopt;
  return integer_of(*value, type);
}

// Decimal notation only: what strtod() reads beyond it (hexadecimal, nan(...)) is refused.
std::optional<Constant> read_real_constant(std::string_view text, Type type) {
  std::string word = lowered(signed_digits(text));
  if (word == "inf" || word == "infinity") return real_of(std::numeric_limits<double>::infinity(), type);
  if (word == "-inf" || word == "-infinity") return real_of(-std::numeric_limits<double>::infinity(), type);
  if (word == "nan" && trimmed(text).size() == 3) return real_of(std::numeric_limits<double>::quiet_NaN(), type);
  if (word.find_first_not_of("0123456789.e+-") != std::string::npos || word.starts_with('e')) return std::nullopt;
  auto value = read_real(word, type);
  if (!value) return std::nullopt;
  return real_of(*value, type);
}

// parse_bool_with_len(): any prefix that is unambiguous.
std::optional<Constant> read_bool_constant(std::string_view text) {
  std::string word = lowered(trimmed(text));
  if (word.empty()) return std::nullopt;
  auto prefix_of = [&](std::string_view whole) { return whole.starts_with(word); };
  if (prefix_of("true") || prefix_of("yes") || word == "on" || word == "1") return integer_of(1, Type::kBool);
  bool off = word.size() >= 2 && prefix_of("off");
  if (prefix_of("false") || prefix_of("no") || off || word == "0") return integer_of(0, Type::kBool);
  return std::nullopt;
}

bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f');
}

// uuid_in(): 32 digits, with a hyphen or none after every fourth, in braces or not.
std::optional<Constant> read_uuid_constant(std::string_view input) {
  std::string text = lowered(input);
  if (text.starts_with('{')) {
    if (!text.ends_with('}')) return std::nullopt;
    text = text.substr(1, text.size() - 2);
  }
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '-' && !digits.empty() && digits.size() % 4 == 0 && digits.size() < 32 && text[i - 1] != '-') continue;
    if (!is_hex(text[i]) || digits.size() == 32) return std::nullopt;
    digits += text[i];
  }
  if (digits.size() != 32) return std::nullopt;
  for (std::size_t at : {20, 16, 12, 8}) digits.insert(at, 1, '-');
  return text_as(std::move(digits), Type::kUuid);
}

std::optional<Constant> moment_constant(std::optional<std::int64_t> value, Type type) {
  if (!value) return std::nullopt;
  return integer_of(*value, type);
}

// Of a numeric that canonical_decimal() reads: its digits after the point, moved by the exponent.
unsigned written_scale(std::string_view text) {
  text = trimmed(text);
  std::size_t exponent_at = std::min(text.find_first_of("eE"), text.size());
  std::size_t point = text.find('.');
  auto scale = point < exponent_at ? static_cast<long>(exponent_at - point - 1) : 0;
  if (exponent_at < text.size()) scale -= read_integer(signed_digits(text.substr(exponent_at + 1))).value_or(0);
  return static_cast<unsigned>(std::clamp(scale, 0L, static_cast<long>(kDecimalDigitsMax)));
}

std::string print_real(double value, Type type) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  if (value == 0) return "0";  // the zeros are equal
  return type == Type::kFloat4 ? fmt::format("{}", static_cast<float>(value)) : fmt::format("{}", value);
}

// Integers and numerics as integers of `to`; only whole numbers, so that no rounding is needed.
std::optional<Constant> cast_to_integer(const Constant& value, Type to) {
  if (is_integer(value.type)) {
    if (!fits(value.integer, to)) return std::nullopt;
    return integer_of(value.integer, to);
  }
  if (value.type == Type::kNumeric || value.type == Type::kText) return read_constant(value.text, to);
  return std::nullopt;
}

std::optional<Constant> cast_to_text(const Constant& value, Type to) {
  if (value.type == Type::kBool) return text_as(value.integer ? "true" : "false", to);
  if (is_integer(value.type) || value.type == Type::kUuid) return text_as(text_of(value), to);
  if (value.type == Type::kText) return text_as(value.text, to);
  return std::nullopt;
}

}  // namespace

std::string_view name_of(Type type) {
  for (const Named& named : kTypes) {
    if (named.type == type) return named.name;
  }
  return type == Type::kEnum ? "enum" : "unknown";
}

std::optional<Type> type_named(std::string_view pg_type_name) {
  for (const Named& named : kTypes) {
    if (named.name == pg_type_name) return named.type;
  }
  return std::nullopt;
}

Oid oid_of(Type type) {
  for (const Named& named : kTypes) {
    if (named.type == type) return named.oid;
  }
  return 0;
}

Oid array_oid_of(Type type) {
  for (const Named& named : kTypes) {
    if (named.type == type) return named.array;
  }
  return 0;
}

Type type_of(const Column& column) {
  if (column.dimensions > 0) return Type::kOther;
  Oid base = column.base_type != 0 ? column.base_type : column.type;
  for (const Named& named : kTypes) {
    if (named.oid == base) return named.type;
  }
  return column.is_enum && column.base_type == 0 ? Type::kEnum : Type::kOther;
}

std::optional<Type> element_type_of(const Column& column) {
  if (column.dimensions == 0 || column.is_enum) return std::nullopt;
  for (const Named& named : kTypes) {
    if (named.array == column.type) return named.type;
  }
  return std::nullopt;
}

std::string_view element_name_of(const Column& column) {
  for (const Named& named : kTypes) {
    if (named.array == column.type) return named.name;
  }
  return name_of(Type::kUnknown);
}

std::optional<std::int64_t> read_integer(std::string_view text) {
  std::int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> read_real(std::string_view text, Type type) {
  const char* end = text.data() + text.size();
  if (type == Type::kFloat4) {
    float value = 0;
    auto read = std::from_chars(text.data(), end, value);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
    return value;
  }
  double value = 0;
  auto read = std::from_chars(text.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return value;
}

std::optional<Constant> read_constant(std::string_view text, Type type) {
  switch (type) {
    case Type::kBool: return read_bool_constant(text);
    case Type::kInt2:
    case Type::kInt4:
    case Type::kInt8: return read_integer_constant(text, type);
    case Type::kFloat4:
    case Type::kFloat8: return read_real_constant(text, type);
    case Type::kNumeric: {
      auto digits = canonical_decimal(text);
      if (!digits) return std::nullopt;
      Constant out = text_as(std::move(*digits), type);
      out.scale = written_scale(text);
      return out;
    }
    case Type::kUuid: return read_uuid_constant(text);
    case Type::kDate: return moment_constant(read_date(text), type);
    case Type::kTime: return moment_constant(read_time(text), type);
    case Type::kTimestamp: return moment_constant(read_timestamp(text), type);
    case Type::kTimestamptz: return moment_constant(read_timestamptz(text), type);
    case Type::kInterval: {
      auto interval = read_interval(text);
      if (!interval) return std::nullopt;
      return Constant{.type = type, .integer = interval->microseconds, .months = interval->months, .days = interval->days};
    }
    case Type::kText:
    case Type::kBpchar:
    case Type::kEnum:
    case Type::kUnknown: return text_as(std::string(text), type);
    case Type::kOther: return std::nullopt;
  }
  return std::nullopt;
}

std::optional<Constant> number_literal(std::string_view digits) {
  if (auto value = read_integer(digits)) return integer_of(*value, fits(*value, Type::kInt4) ? Type::kInt4 : Type::kInt8);
  return read_constant(digits, Type::kNumeric);
}

std::optional<Constant> cast_constant(const Constant& value, Type to) {
  if (value.type == to) return value;
  if (value.type == Type::kUnknown && !value.null) return read_constant(value.text, to);
  if (value.null) return Constant{.type = to, .null = true};
  if (is_integer(to)) return cast_to_integer(value, to);
  if (to == Type::kText) return cast_to_text(value, to);
  if (value.type == Type::kText) return read_constant(value.text, to);
  if (to == Type::kNumeric && is_integer(value.type)) return read_constant(text_of(value), to);
  if (is_float(to) && (is_integer(value.type) || value.type == Type::kNumeric)) {
    return read_constant(text_of(value), to);  // the nearest value, as a C conversion rounds
  }
  if (to == Type::kFloat8 && value.type == Type::kFloat4) return real_of(value.real, to);
  if (to == Type::kFloat4 && value.type == Type::kFloat8) {
    auto narrowed = static_cast<float>(value.real);
    if (std::isinf(narrowed) != std::isinf(value.real) || (narrowed == 0) != (value.real == 0)) return std::nullopt;
    return real_of(narrowed, to);
  }
  if (to == Type::kTimestamp && value.type == Type::kDate) {
    std::int64_t moment = timestamp_of_date(value.integer);
    if (moment == kInfinityLate - 1) return std::nullopt;
    return integer_of(moment, to);
  }
  return std::nullopt;
}

std::string text_of(const Constant& value) {
  switch (value.type) {
    case Type::kBool: return value.integer ? "t" : "f";
    case Type::kInt2:
    case Type::kInt4:
    case Type::kInt8: return fmt::format("{}", value.integer);
    case Type::kFloat4:
    case Type::kFloat8: return print_real(value.real, value.type);
    case Type::kDate: return print_date(value.integer);
    case Type::kTime: return print_time(value.integer);
    case Type::kTimestamp: return print_timestamp(value.integer);
    case Type::kTimestamptz: return print_timestamptz(value.integer);
    case Type::kInterval: return print_interval({value.months, value.days, value.integer});
    default: return value.text;
  }
}

}  // namespace sluice::sql

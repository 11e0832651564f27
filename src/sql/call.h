// Values that are computed: operators, casts, functions, CASE.
//
// Every decision about types has been taken (operators.h): a call knows its function, the types of its arguments and its
// own.
//
// Where Postgres raises an error for some rows and not for others (an integer beyond its type, a division by zero), the
// value is NULL, and the call is printed for Postgres such that it is NULL there too (call_print.h): a snapshot never
// fails for what a row holds, and selects what is selected here. Where Postgres raises none, the value is the one that
// Postgres computes.
//
// A call's value lives in the arena of its evaluation. That is bounded by the clause: a text is as long as the row's values
// that it is put together of, a numeric has at most kNumericWholeMax and kNumericScaleMax digits.
#pragma once

#include <cstdint>
#include <memory_resource>
#include <optional>
#include <string_view>
#include <vector>

#include "sql/expression.h"

namespace sluice::sql {

enum class Function : std::uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kNegate,
  kAbsolute,
  kBitAnd,
  kBitOr,
  kBitXor,
  kBitNot,
  kShiftLeft,   // by a constant
  kShiftRight,  // by a constant
  kSquareRoot,
  kPower,       // of float8, of which one side is a constant
  kMove,        // a timestamp, with or without zone, by a constant interval
  kDaysAfter,   // a date and so many days
  kDaysBefore,  // a date less so many days
  kMoveBy,      // a timestamp by an interval that is no such constant
  kMoveBack,
  kApart,  // one date less another, in days; one timestamp less another, as an interval
  kJustifyDays,
  kJustifyHours,
  kJustifyInterval,
  kInZone,   // a timestamp as one with zone, or back: UTC's, or that so far to its east (a constant interval)
  kBounded,  // NULL where a numeric column has more than kColumnDigitsMax digits on one side, or an interval is beyond
             // interval_math.h's bounds
  kCast,     // from the type of its argument to its own
  kConcat,
  kLower,
  kUpper,
  kLength,      // in characters
  kLike,        // by a pattern that is no constant
  kDimensions,  // of an array, which is no argument
  kCoalesce,
  kGreatest,
  kLeast,
  kNullIf,
  kCase,  // condition, value, condition, value, …, otherwise
};

// Of a numeric column beside an arithmetic operator, on either side of the point.
inline constexpr int kColumnDigitsMax = 1000;
// Of what is computed; well below numeric's own 131,072 and 16,383, so that no operation overflows.
inline constexpr int kNumericWholeMax = 100'000;
inline constexpr int kNumericScaleMax = 16'000;

struct Call {
  Function function;
  Type type;
  std::vector<Operand> args;
  Collation collation = {};  // of a text
  bool folded = false;       // lower() or upper() of what may not be ASCII: known only as far as ASCII goes
  std::uint32_t nodes = 1;   // calls within, itself included
  bool conditional = false;  // a condition is within
  int whole = 0;             // numeric: digits before the point, at most
  int scale = 0;             // and after it
  std::shared_ptr<const ArrayValue> array = {};  // kDimensions
};

// What a row, and the memory for what is computed from it, are for one evaluation.
struct Evaluation {
  Row row;
  std::pmr::memory_resource& arena;
  bool unjudged = false;  // the order of a label was asked that is not known
};

// A value of a known type; of which type says which members count.
struct Value {
  bool null = true;
  std::int64_t integer = 0;    // bool, integers, dates and times; the microseconds of an interval
  std::int32_t months = 0;     // interval
  std::int32_t days = 0;       // interval
  double real = 0;             // float4, float8
  std::string_view text = {};  // text, uuid, and numeric as Postgres prints it
};

Value value_of(const Operand& operand, Evaluation& evaluation);
Value value_of(const Call& call, Evaluation& evaluation);

}  // namespace sluice::sql

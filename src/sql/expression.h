// The typed tree of a where clause, and its evaluation over rows.
//
// Every decision about types has been taken (binder.h, comparison.h): a comparison knows the domain that it compares in, and
// its constants are of that domain. Evaluation reads the columns' text lazily; a clause that computes nothing (call.h)
// allocates nothing. Immutable once built; any number of threads may evaluate.
//
// SQL's logic has three values. A column whose text Postgres could not have printed counts as null.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "sql/array.h"
#include "sql/enum_order.h"
#include "sql/like.h"
#include "sql/types.h"
#include "sql/value.h"

namespace sluice::sql {

enum class Truth : signed char { kFalse, kTrue, kUnknown };

class Expression;
struct Call;        // call.h
struct Evaluation;  // call.h

// What is compared or tested: a column, a constant, a condition within, or what is computed.
struct Operand {
  enum class Source : std::uint8_t { kColumn, kConstant, kCondition, kCall };
  Source source = Source::kConstant;
  Type type = Type::kUnknown;
  std::uint32_t column = 0;                          // kColumn: index into the table
  Constant constant = {};                            // kConstant
  std::shared_ptr<const Expression> condition = {};  // kCondition, of type bool
  std::shared_ptr<const Call> call = {};             // kCall
  std::string enum_name = {};                        // pg_type.typname where the type is an enum
};

// What two operands are compared as; both sides are brought into it.
enum class Domain : std::uint8_t {
  kInteger,      // int2, int4, int8: exact
  kDecimal,      // numeric with numeric or integers: exact
  kReal,         // float8, as soon as one side is a float
  kBytes,        // text, uuid, enum
  kBlankPadded,  // char(n): trailing blanks do not count
  kBool,
  kDate,
  kTime,
  kTimestamp,  // also with a date, which is its midnight
  kTimestamptz,
  kInterval,
};

enum class CompareOp : std::uint8_t { kLess, kLessEqual, kEqual, kNotEqual, kGreaterEqual, kGreater };

struct Comparison {
  CompareOp op;
  Domain domain;
  bool null_safe = false;  // IS [NOT] DISTINCT FROM: kNotEqual, kEqual
  Operand left;
  Operand right;
  std::shared_ptr<const EnumOrder> labels = {};  // where an enum's order is asked
};

struct Membership {  // left IN (items)
  Domain domain;
  Operand left;
  std::vector<Constant> items;  // ascending in the domain, none twice, no null
  bool has_null = false;        // a null was among them
};

struct ElementTest {  // left op ANY(array), left op ALL(array)
  CompareOp op;
  bool all = false;
  Domain domain;
  Operand left;
  std::uint32_t array = 0;  // index into the table
  Type element = Type::kUnknown;
};

enum class ArrayOp : std::uint8_t { kContains, kContainedBy, kOverlaps };

struct ArrayTest {  // array @>, <@, && items
  ArrayOp op;
  Domain domain;
  std::uint32_t array = 0;  // index into the table
  Type element = Type::kUnknown;
  std::vector<Constant> items;  // as in Membership; at most kExpressionNodesMax
  bool has_null = false;
};

// A column, constants and values put together to one array, in this order; one part is that array itself. More than one are
// of one dimension: a column that has more, or bounds beyond kArrayBoundMax, makes the whole count as null. A column that is
// null adds nothing.
struct ArrayPart {
  enum class Source : std::uint8_t { kColumn, kConstants, kElement };
  Source source = Source::kColumn;
  std::uint32_t column = 0;          // index into the table
  std::vector<Constant> items = {};  // kConstants, in their order
  ArrayBounds bounds = {};           // kConstants that are an array by themselves; none: flat_bounds()
  Operand element = {};              // kElement
};

inline constexpr std::int64_t kArrayBoundMax = 1'000'000'000;  // on either side of zero: no sum leaves int4

struct ArrayValue {
  std::vector<ArrayPart> parts;
  Type element = Type::kUnknown;
  std::string element_name = {};  // in pg_type
  bool from_one = false;          // where it begins counts: a column among more parts begins at 1, or all is null
};

struct ArraysTest {  // left @>, <@, && right, where they are not a column and constants
  ArrayOp op;
  Domain domain;
  ArrayValue left;
  ArrayValue right;
};

// left op right, of whole arrays: array_eq() and array_cmp(). Element by element, of which a null is equal to another and
// comes after all else; then by the number of elements, of dimensions, their lengths, and where they begin.
struct ArrayComparison {
  CompareOp op;
  Domain domain;
  bool null_safe = false;  // as in Comparison
  ArrayValue left;
  ArrayValue right;
};

struct ElementOf {  // left op ANY(array), left op ALL(array), where the array is more than a column
  CompareOp op;
  bool all = false;
  Domain domain;
  Operand left;
  ArrayValue array;
};

struct Likeness {  // left LIKE pattern
  Operand left;
  std::string text;
  bool ignore_case = false;
  LikePattern pattern;
};

struct NullTest {  // operand IS [NOT] NULL
  Operand operand;
  bool negated = false;
};

struct TruthTest {  // operand IS [NOT] TRUE, FALSE, UNKNOWN
  Operand operand;
  Truth truth = Truth::kTrue;
  bool negated = false;
};

struct Predicate {  // a boolean column or constant by itself
  Operand operand;
};

struct Junction {  // AND, OR: two terms or more, none of them a junction of the same kind
  bool conjunction = true;
  std::vector<Expression> terms;
};

struct Negation {
  std::unique_ptr<Expression> term;
};

class Expression {
 public:
  using Node = std::variant<Comparison, Membership, ElementTest, ArrayTest, ArraysTest, ArrayComparison, ElementOf, Likeness,
                            NullTest, TruthTest, Predicate, Junction, Negation>;

  template <typename T>
    requires std::is_constructible_v<Node, T&&>
  explicit Expression(T&& node) : node_(std::forward<T>(node)) {}

  Truth evaluate(Row row) const;
  // Nullopt where it depends on the order of an enum's label that is not known.
  std::optional<Truth> judge(Row row) const;
  Truth evaluate(Evaluation& evaluation) const;
  const Node& node() const { return node_; }
  Node& node() { return node_; }

 private:
  Node node_;
};

Expression negated(Expression term);
// One term is itself; junctions of the same kind within are made one with it.
Expression joined(bool conjunction, std::vector<Expression> terms);

// array_ndims(); nullopt for null.
std::optional<std::int64_t> dimensions_of(const ArrayValue& array, Evaluation& evaluation);

// Less than, equal to, greater than 0, for constants brought into `domain`.
int compare_constants(const Constant& a, const Constant& b, Domain domain);

}  // namespace sluice::sql

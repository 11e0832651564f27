// The elements of an array as Postgres writes it: {1,2}, {"a b",NULL}, and with brackets before it where its bounds are not
// from 1: [0:1]={1,2}. Source: "Array Input and Output Syntax" in Postgres's manual, array_out() in its arrayfuncs.c.
//
//   ArrayElements elements(text);
//   while (elements.next()) use(elements.null() ? … : elements.text());
//   if (elements.malformed()) …
//
// Arrays of more dimensions give their elements in order: = ANY, @>, <@ and && do not see dimensions. What compares whole
// arrays does: bounds().
//
// The text must outlive the reader. text() is valid until the next next(); it points into the array, or, for an element
// written with backslashes, into the reader: nothing else allocates.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sql {

inline constexpr std::size_t kArrayDimensionsMax = 6;  // Postgres's MAXDIM

// The dimensions of an array, each with its length and where it begins. They compare as array_cmp() compares them.
struct ArrayBounds {
  std::size_t dimensions = 0;  // none: the array is empty
  std::array<std::int64_t, kArrayDimensionsMax> lengths = {};
  std::array<std::int64_t, kArrayDimensionsMax> lowers = {};

  auto operator<=>(const ArrayBounds&) const = default;
};

// Of one dimension, from 1; of no element, of none.
ArrayBounds flat_bounds(std::size_t elements);

class ArrayElements {
 public:
  explicit ArrayElements(std::string_view array);

  // To the next element. False at the end, and where the text is no array.
  bool next();

  bool null() const { return null_; }
  std::string_view text() const { return element_; }

  // Once next() has returned false:
  bool malformed() const { return malformed_; }
  std::size_t dimensions() const { return depth_max_; }
  // Where its first dimension begins: 1 where it does not say.
  std::int64_t lower_bound() const { return lower_bound_; }
  // Nullopt where it says that its bounds are others than those of its elements, or not as Postgres says it.
  std::optional<ArrayBounds> bounds() const;

 private:
  enum class Before { kAnything, kComma, kValue };  // kComma: a comma came last, kValue: an element or a closing brace

  bool fail();
  bool finish();
  bool open();
  bool close();
  bool quoted();
  bool bare();
  void skip_spaces();

  std::string_view rest_;
  std::string_view element_;
  std::string unescaped_;
  std::size_t depth_ = 0;
  std::size_t depth_max_ = 0;
  std::array<std::int32_t, kArrayDimensionsMax> counts_ = {};  // so far, in the braces that are open
  std::array<std::int32_t, kArrayDimensionsMax> lengths_;      // in those that were closed first
  std::string_view written_bounds_;
  std::int64_t lower_bound_ = 1;
  Before before_ = Before::kAnything;
  bool null_ = false;
  bool any_ = false;  // an element, all of which are as deep
  bool malformed_ = false;
};

// "a \"b\"" as an element: quoted whatever it is.
std::string quoted_element(std::string_view text);

// Elements, as they are to be written, as an array; in the form that Postgres prints.
std::string array_text(const std::vector<std::string>& elements, const ArrayBounds& bounds);

}  // namespace sluice::sql

// Values of the reference evaluator (reference.h), and what its functions make of them.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sql/call.h"
#include "sql/types.h"

namespace sluice::sql::reference {

// Of a type known from the tree. Numbers but floats, and text, are `text`; dates are days, times and timestamps
// microseconds.
struct Known {
  bool null = true;
  std::string text = {};
  double real = 0;
  std::int64_t moment = 0;
  std::int64_t months = 0;  // interval, whose microseconds are the moment
  std::int64_t days = 0;
};

Known read(std::string_view text, Type type);
Known of(const Constant& constant);
// A value as what it is compared as.
Known brought(const Known& value, Type type, Domain domain);
int compare(const Known& a, const Known& b, Domain domain);

// A function whose arguments are known, none of which is null.
Known result_of(const Call& call, const std::vector<Known>& args);

// LIKE: a table of which end of the pattern matches which end of the text.
bool is_like(std::string_view text, std::string_view pattern);
// As lower() does, where `folded` the letters beyond ASCII that become one of it too.
std::string lowered(std::string_view text, bool folded);

}  // namespace sluice::sql::reference

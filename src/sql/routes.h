// By which values a router finds a clause: keys of which every matching row has at least one.
//
// Sound by construction: a route is given only for a form that cannot be true of a row without one of the keys. What has no
// route is looked at for every row.
#pragma once

#include <vector>

#include "sql/expression.h"
#include "sql/where.h"

namespace sluice::sql {

// Of a route: a list, or the union of an OR, that names more is no route.
inline constexpr std::size_t kRouteKeysMax = 1024;
// Of a clause: the first of a conjunction's. The router asks each how many share it.
inline constexpr std::size_t kRoutesMax = 16;

// Keys of a route are ascending by column and value, none twice. No route is empty.
std::vector<WhereClause::Route> routes_of(const Expression& expression);

}  // namespace sluice::sql

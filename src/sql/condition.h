// A condition over values whose types nobody has declared: the claims of a token. The language is that of where clauses,
// evaluated by the same engine.
//
//   auto admin = Condition::compile("role = 'admin' AND 7 = ANY(org_ids)");
//   admin->names()   // role: text, org_ids: int8[]
//   admin->holds(row)
//
// A name is a column reference: `role`, `"https://example.com/roles"`; with dots (`org.plan`) a path through objects. Its
// type comes from how it is used, as an unknown literal's does: what it is compared with (`org_id = 7` int8, `score > 0.5`
// numeric), `= ANY(name)` an array of what stands on the left, a boolean where it stands as a condition by itself, a cast
// (`expires::timestamptz`) says it outright, and text where nothing says more (`a = b`). A name used as two types is an
// error, at compile time, that names both; numbers are not: `score > 0.5 AND score < 10` makes it numeric, and where a cast
// says int8 it is int8 beside any number. Names that are compared with one another are of one type.
//
// Beyond where clauses: arrays of different types of numbers meet (`org_ids @> ARRAY[7]`, which is an int4[]), and text is
// ordered by its bytes. A list that is only tested with IS NULL needs a cast to say that it is one: `groups::text[]`.
//
// Words of SQL are no names unless they are quoted: "user", "current_role". A step of a path has at most 59 bytes
// (claim_types.h), a path at most 8 steps; the rest is bounded as where clauses are.
//
// Immutable after compile(); any thread.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sql/types.h"
#include "sql/where.h"

namespace sluice::sql {

class Condition {
 public:
  struct Name {
    std::vector<std::string> path;  // one step or more
    Oid type = 0;                   // of the value, or of the elements where it is a list
    bool list = false;

    bool operator==(const Name&) const = default;
  };

  static std::expected<Condition, WhereError> compile(std::string_view text);

  const std::vector<Name>& names() const;

  // One entry a name, in order, as Postgres would print the value (a list as an array literal); nullopt for NULL. True only
  // where the condition is true: not where it is false or unknown.
  bool holds(Row values) const;

  ~Condition();
  Condition(Condition&&) noexcept;
  Condition& operator=(Condition&&) noexcept;

 private:
  struct Impl;
  explicit Condition(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace sluice::sql

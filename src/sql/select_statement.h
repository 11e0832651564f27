// A query that the configuration gives, looked at before it is ever sent: one SELECT, and how many parameters it takes.
//
// Postgres's own parser reads it, so what it calls a syntax error is one. Whether tables and columns exist, only the
// database knows. A SELECT may still write (through functions, or WITH … INSERT): a read-only session is what forbids that.
#pragma once

#include <cstddef>
#include <expected>
#include <string_view>

#include "sql/where.h"

namespace sluice::sql {

class SelectStatement {
 public:
  static std::expected<SelectStatement, WhereError> parse(std::string_view text);

  // The n of its highest $n, each of those below being used as well; 0 without any.
  std::size_t param_max() const { return param_max_; }

 private:
  explicit SelectStatement(std::size_t param_max) : param_max_(param_max) {}
  std::size_t param_max_;
};

}  // namespace sluice::sql

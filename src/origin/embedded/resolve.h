// A definition held against a table: are its columns there, does its where clause mean something, and which other
// spellings ask for the same.
#pragma once

#include <expected>
#include <memory>
#include <vector>

#include "origin/embedded/failure.h"
#include "origin/embedded/shape.h"
#include "shape/definition.h"
#include "sql/types.h"

namespace sluice::origin::embedded {

// Fails with what the server answers 400 to: a column that is not there or is generated, a missing primary key column, a
// where clause that cannot be compiled. Columns that may be queried become the shape's columns where it names none; beyond
// that they are checked for each request (subset.h) and are no part of what the shape is.
std::expected<std::shared_ptr<const ShapeSpec>, Failure> resolve(const shape::Definition& definition,
                                                                 std::shared_ptr<const sql::Table> table);

// The shape of these columns (indexes into the table, rising) and rows: what resolve() ends with.
std::shared_ptr<const ShapeSpec> make_spec(std::shared_ptr<const sql::Table> table, std::optional<sql::WhereClause> where,
                                           std::vector<std::size_t> columns, shape::Replica replica, shape::LogMode log);

// Indexes of `names` in the table, in the table's order. The failure blames `parameter`.
std::expected<std::vector<std::size_t>, Failure> find_columns(const sql::Table& table, const std::vector<std::string>& names,
                                                              std::string_view parameter);

}  // namespace sluice::origin::embedded

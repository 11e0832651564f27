// The electric-schema field: what each column of a shape is (PROTOCOL section 3).
#pragma once

#include <string>
#include <vector>

#include "sql/types.h"

namespace sluice::origin::embedded {

// {"id":{"type":"int8","not_null":true,"pk_index":0},"tags":{"type":"text","dims":1},…} with the modifiers of sized types:
// varchar max_length, bpchar and bit length, numeric precision and scale, temporal precision, interval fields.
std::string schema_json(const sql::Table& table, const std::vector<std::size_t>& columns);

}  // namespace sluice::origin::embedded

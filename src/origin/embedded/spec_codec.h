// What a shape log's meta holds: all that is needed to know the shape again after a restart, without asking the database.
//
//   meta    = version definition full log columns where table
//   version = one byte, 1
//   table   = the length of what follows, then oid schema name replica_identity kind and the columns
//
// Texts and lists are preceded by their length or count in four bytes; numbers are of fixed width, low byte first. The where
// clause is the one that WhereClause::sql() printed, with its parameters bound: it compiles to itself.
//
// Reading is strict: what is cut short, too long or has a value that writing never gives is no meta, and neither is another
// version's. No thread safety of its own: one SpecReader a restart.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "origin/embedded/shape.h"

namespace sluice::origin::embedded {

// `definition`: the canonical text that the shape is found by.
std::string encode_spec(std::string_view definition, const ShapeSpec& spec);

class SpecReader {
 public:
  struct Read {
    std::string definition;
    std::shared_ptr<const ShapeSpec> spec;
  };
  // The error says what is wrong, in words for a log: nothing of it is a row's. Shapes of one state of a table share it.
  std::expected<Read, std::string> read(std::string_view meta);

 private:
  std::unordered_map<std::string, std::shared_ptr<const sql::Table>> tables_;  // by their encoded form
};

}  // namespace sluice::origin::embedded

// Which of the shapes of a grant covers what is asked, and what is then asked upstream.
#pragma once

#include <expected>
#include <span>
#include <string>

#include "shape/granted_shape.h"
#include "shape/request_codec.h"

namespace sluice::gateway {

struct Covered {
  // The definition that was asked for, proven to lie within the granted one, with what the grant hides hidden.
  shape::Definition definition;
  shape::SubsetRights subset;
  std::size_t index;  // of the granted shape
  bool equal;         // what was asked for is the whole of it
};

struct NotCovered {
  std::string reason;          // for the log: which part is beyond the grant
  std::string parameter = {};  // where one is to blame that the client may choose: "log"
};

// The first of the granted shapes that covers `asked` (sql/covers.h) and allows its log mode; `log_given` where the client
// said one, else the shape's own is taken.
//
// Equal definitions cost a comparison for each shape before it. For narrower ones the answer is remembered, in a small
// memory of each thread, by the digest of both definitions: it depends on them alone.
std::expected<Covered, NotCovered> find_cover(std::span<const shape::GrantedShape> granted, shape::Definition asked,
                                              bool log_given);

// A definition that lists columns hides the others, from a subset's filter and order too (SECURITY E9).
shape::Definition with_hidden_columns_hidden(shape::Definition definition);

}  // namespace sluice::gateway

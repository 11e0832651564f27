// What a grant is for: a definition, and how it may be asked about.
#pragma once

#include <cstdint>
#include <optional>

#include "shape/definition.h"

namespace sluice::shape {

// Whether parts of the rows may be asked for at once, filtered and ordered by the client (a subset), and how many.
struct SubsetRights {
  bool allowed = true;
  std::optional<std::uint64_t> limit_max = {};  // a subset must then have a limit of at most this

  bool operator==(const SubsetRights&) const = default;
};

struct GrantedShape {
  Definition definition;
  // The one log mode that may be asked for; absent: either, the client's choice. definition.log() is not looked at.
  std::optional<LogMode> log = {};
  SubsetRights subset = {};

  bool operator==(const GrantedShape&) const = default;
};

}  // namespace sluice::shape

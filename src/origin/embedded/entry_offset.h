// Where in its log an entry belongs, by its own words: `"lsn"` and `"op_position"` among its headers (row_encoder.h writes
// them). A store that knows only where some entries of a file begin finds the others by it.
//
// The members are found by their text. That is exact, since an entry is written by the encoder: within a string every quote
// is behind a backslash, so `,"headers":{"` is where the headers begin and nowhere else, whatever columns and values hold;
// and the headers hold no further object.
#pragma once

#include <optional>
#include <string_view>

#include "shape/request.h"

namespace sluice::origin::embedded {

// Nothing for an entry of a snapshot, and for what is no entry. Costs a search from the entry's end. Any thread.
std::optional<shape::Offset> entry_offset(std::string_view entry);

}  // namespace sluice::origin::embedded

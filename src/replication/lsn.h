// The text form of positions in the write-ahead log: "16/B374D848".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "replication/pgoutput.h"

namespace sluice::replication {

std::optional<Lsn> parse_lsn(std::string_view text);
std::string to_string_lsn(Lsn lsn);

}  // namespace sluice::replication

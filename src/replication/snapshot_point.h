// What a snapshot holds, by Postgres's own rule of visibility.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::replication {

// pg_current_snapshot(): 64-bit transaction ids, which carry their epoch.
struct SnapshotPoint {
  std::uint64_t xmin = 0;          // every transaction before had finished: it is held, or was rolled back
  std::uint64_t xmax = 0;          // no transaction from here on is held
  std::vector<std::uint64_t> xip;  // of those between, ascending: still running, so not held

  // Whether the snapshot sees what transaction `xid` did, which has committed. `xid` as Begin has it, without its epoch:
  // taken to be the one within 2^31 of xmax, as Postgres compares them.
  bool holds(std::uint32_t xid) const;
};

// xmin:xmax:xip,xip (Postgres documentation, 9.26.8 Transaction ID and Snapshot Information Functions).
std::optional<SnapshotPoint> parse_snapshot_point(std::string_view text);

}  // namespace sluice::replication

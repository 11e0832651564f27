#include "replication/snapshot_point.h"

#include <algorithm>
#include <charconv>

namespace sluice::replication {

bool SnapshotPoint::holds(std::uint32_t xid) const {
  // The signed distance from xmax, modulo 2^32 (Postgres: TransactionIdPrecedes).
  const auto distance = static_cast<std::int32_t>(xid - static_cast<std::uint32_t>(xmax));
  if (distance >= 0) return false;
  const std::uint64_t full = xmax + static_cast<std::uint64_t>(static_cast<std::int64_t>(distance));
  return full < xmin || !std::ranges::binary_search(xip, full);
}

std::optional<SnapshotPoint> parse_snapshot_point(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto number = [&](std::uint64_t& value, char after) {
    const auto [next, error] = std::from_chars(at, end, value);
    if (error != std::errc()) return false;
    at = next;
    if (at == end) return after == ',';
    return *at++ == after;
  };
  SnapshotPoint point;
  if (!number(point.xmin, ':') || !number(point.xmax, ':')) return std::nullopt;
  while (at != end) {
    if (!number(point.xip.emplace_back(), ',')) return std::nullopt;
  }
  return point;
}

}  // namespace sluice::replication

// A shape's log as server-sent events, in pieces: `data: <json>` and an empty line for each entry.
//
// Who listens and does not take what comes holds one piece, not a chunk of the log. Those who are at the same place get the
// same piece, spelled once: the last few are kept. Any thread; a piece is spelled, and read from its file, under the lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/buffer.h"
#include "origin/embedded/last_seen.h"
#include "store/shape_log.h"

namespace sluice::origin::embedded {

// A piece ends behind the entry that makes it so long or longer: more than what one batch of changes usually is, so that
// those who keep up get it in one.
inline constexpr std::size_t kEventPieceBytes = 64 * 1024;
// Kept of one shape until the head is reached: listeners on different threads, who take the same long run of events, are a
// piece or two apart.
inline constexpr std::size_t kEventPiecesKept = 4;

// A place among the events: so many bytes of entries behind `after`. Not 0 only where no offset says it, within what
// ShapeLog::read(after) gives, which is always continued and never changed.
struct EventPlace {
  shape::Offset after = shape::Offset::before_all();
  std::uint64_t bytes = 0;
  bool operator==(const EventPlace&) const = default;
};

struct EventPiece {
  EventPlace from;
  EventPlace to;
  Buffer text;  // empty: the log cannot be read there
};

class EventPieces {
 public:
  // What follows `from`, with the up-to-date message where that reaches the head.
  EventPiece next(const store::ShapeLog& log, EventPlace from, const UpToDate& up_to_date);

 private:
  void keep(const EventPiece& piece);

  std::mutex mutex_;
  std::vector<EventPiece> kept_;
  std::size_t oldest_ = 0;
};

}  // namespace sluice::origin::embedded

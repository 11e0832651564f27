// A shape's changes as server-sent events (PROTOCOL section 8): `data: <json>` and an empty line for each entry, the
// up-to-date message whenever the head is reached, a comment where nothing else was sent for a while.
//
// The stream ends, without a word, at its timeout, when the shape is dropped, and when the origin drains: the client asks
// again and learns why. What follows is taken piece by piece (event_pieces.h), one for each next(): who does not take it
// holds no more than that.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>

#include "http/message.h"
#include "origin/embedded/last_seen.h"
#include "origin/embedded/shape.h"

namespace sluice::origin::embedded {

struct EventOptions {
  std::chrono::milliseconds timeout;
  std::chrono::milliseconds keepalive;
};

class EventStream final : public http::BodyStream {
 public:
  // `last_seen` and `draining` outlive it.
  EventStream(std::shared_ptr<Shape> shape, shape::Offset from, EventOptions options, const LastSeen& last_seen,
              const std::atomic<bool>& draining);

  Task<std::expected<Buffer, http::BodyError>> next() override;

 private:
  bool over() const;
  bool has_more() const;
  Buffer take();

  const std::shared_ptr<Shape> shape_;
  EventPlace at_;
  const EventOptions options_;
  const LastSeen& last_seen_;
  const std::atomic<bool>& draining_;
  const WaitList::Deadline end_;
};

}  // namespace sluice::origin::embedded

// Requests that are being held: long polls and event streams.
//
// Each is held at most until its right expires. All of them can be cut at once, when the process is about to stop. A long
// poll has sent nothing yet, so it gets an answer: 401 when expired, 503 when cut. An event stream's fields are out: it just
// ends, and the client's next request learns why.
//
// Any thread; a held request itself stays on its connection's.
#pragma once

#include <boost/asio/basic_waitable_timer.hpp>

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>

#include "gateway/metrics.h"
#include "gateway/refusal.h"
#include "http/message.h"

namespace sluice::gateway {

class HeldRequests {
 public:
  explicit HeldRequests(Metrics& metrics) : metrics_(metrics) {}

  // Why a request is ended, or not held in the first place, whose right has.
  static Refusal expired();

  // Awaits `work`, which fills `response` (empty: it is filled already). A stream that it leaves there is held on, until
  // its end. Where the request was ended before `work` was done, why: the answer in its place.
  Task<std::optional<Refusal>> hold(Task<void> work, std::int64_t expires_at_s, http::Response& response);

  // Those that are held now, and every later one.
  void cut_all();

 private:
  class Hold;
  class HeldStream;

  std::shared_ptr<Hold> enter(Executor executor, std::int64_t expires_at_s);

  Metrics& metrics_;
  std::mutex mutex_;
  std::list<Hold*> holds_;  // guarded by mutex_
  bool cutting_ = false;    // guarded by mutex_
};

}  // namespace sluice::gateway

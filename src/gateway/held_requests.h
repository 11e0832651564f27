// Requests that are being held: long polls and event streams.
//
// Each is held only as long as its right to be. It is ended when its token expires, when that is revoked, when the policy
// that admitted it has been replaced (SECURITY H69, J42), and when the process is about to stop. A long poll has sent
// nothing yet, so it gets an answer: 401 where its right has ended, 503 where it should ask again. An event stream's
// fields are out: it just ends, and the client's next request learns why.
//
// Holds are kept by the thread they are on, and looked at there: who revokes posts one message to each thread, however many
// are held and however many messages it has sent already that are still on their way. To look at one costs what
// Revocations::revoked costs, so ten thousand of them stop a thread for a few milliseconds.
//
// Any thread, but a held request itself stays on its connection's. The calls that end holds must not be made while an
// io_context with holds is being destroyed.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "gatekeeper/revocations.h"
#include "gateway/metrics.h"
#include "gateway/refusal.h"
#include "http/message.h"

namespace sluice::gateway {

// What lets a request be held.
struct Right {
  std::shared_ptr<const token::VerifiedToken> token;  // null: nobody's
  std::int64_t expires_at_s;
  std::uint64_t policy;  // the revision that admitted it
};

class HeldRequests {
 public:
  // Both must outlive it.
  HeldRequests(Metrics& metrics, const gatekeeper::Revocations& revocations);

  // Awaits `work`, which fills `response` (empty: it is filled already). A stream that it leaves there is held on, until
  // its end. Where the request was ended before `work` was done, why: the answer in its place.
  Task<std::optional<Refusal>> hold(Task<void> work, Right right, http::Response& response);

  // Ends those whose token has been revoked.
  void revoked();
  // Ends those that another revision than this admitted, now and later.
  void policy_changed(std::uint64_t revision);
  // Ends all that are held, and every later one.
  void stop();

 private:
  class Hold;
  class HeldStream;
  // Those of one io_context.
  struct Group;

  std::shared_ptr<Group> group_of(const Executor& executor);
  void drop(const Group& group);
  // Has every thread look at what it holds.
  void look();
  // Why it may not be held on; nothing where it may.
  std::optional<Refusal> ended(const Right& right) const;

  Metrics& metrics_;
  const gatekeeper::Revocations& revocations_;
  std::atomic<std::uint64_t> policy_{0};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::vector<std::shared_ptr<Group>> groups_;  // guarded by mutex_
};

}  // namespace sluice::gateway

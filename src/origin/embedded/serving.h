// What is answered to a request, and when: the protocol's decisions (PROTOCOL sections 2, 8, 9).
//
// A request for what is there already is answered at once, without a coroutine. The others wait: for the shape to be made
// (or for the chunk of its snapshot that they ask for), for a change to come, or for a subset to be read.
//
// A handle is no capability: the definition decides which shape is meant, and a handle of another one is answered 409.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>

#include "http/message.h"
#include "origin/authorized_request.h"
#include "origin/embedded/answer.h"
#include "origin/embedded/events.h"
#include "origin/embedded/follower.h"
#include "origin/embedded/last_seen.h"
#include "origin/embedded/maker.h"
#include "origin/embedded/registry.h"

namespace sluice::origin::embedded {

struct ServingOptions {
  CacheFields cache;
  std::chrono::milliseconds long_poll_timeout;
  EventOptions events;
  std::chrono::milliseconds subset_timeout;
  bool allow_delete;
};

// All outlive the Serving.
struct ServingParts {
  Registry& registry;
  const store::LogStore& store;
  Maker& maker;
  Follower& follower;
  const LastSeen& last_seen;
};

class Serving {
 public:
  Serving(ServingOptions options, ServingParts parts);

  // As origin::Origin says of serve() and drain().
  Task<void> serve(std::shared_ptr<const AuthorizedRequest> request, http::Response& response);
  void drain();

  // Requests that wait for something now, event streams apart.
  std::size_t held() const { return held_.load(std::memory_order_relaxed); }

 private:
  using RequestPtr = std::shared_ptr<const AuthorizedRequest>;

  std::expected<store::Page, store::ReadError> read(const Shape& shape, shape::Offset from) const;
  bool answer_now(const std::shared_ptr<Shape>& shape, const AuthorizedRequest& request, http::Response& response,
                  std::optional<shape::Offset>& head);
  void give_up(const std::shared_ptr<Shape>& shape);
  void answer_gone(const AuthorizedRequest& request, http::Response& response) const;
  void answer_events(const std::shared_ptr<Shape>& shape, const Told& told, const store::Page& page,
                     http::Response& response);
  void remove(const AuthorizedRequest& request, http::Response& response);
  Task<void> serve_later(RequestPtr request, http::Response& response);
  Task<bool> wait_until_readable(std::shared_ptr<Shape> shape, RequestPtr request);
  Task<bool> wait_until_known(std::shared_ptr<Shape> shape, shape::Offset at);
  Task<void> hold(std::shared_ptr<Shape> shape, RequestPtr request, shape::Offset at, http::Response& response);
  Task<void> serve_subset(std::shared_ptr<Shape> shape, RequestPtr request, http::Response& response);
  Told told(const Shape& shape, const AuthorizedRequest& request) const;

  const ServingOptions options_;
  Registry& registry_;
  const store::LogStore& store_;
  Maker& maker_;
  Follower& follower_;
  const LastSeen& last_seen_;
  std::atomic<bool> draining_{false};
  std::atomic<std::size_t> held_{0};
};

}  // namespace sluice::origin::embedded

// Where shapes come from: a remote server of the shape protocol, or the embedded one.
//
// An origin answers in the protocol's own words (PROTOCOL sections 2 to 5): status, electric-* fields, etag,
// cache-control, body. It writes no CORS fields and nothing about the caller; what reaches a browser is the gateway's to
// add or to take away.
#pragma once

#include <memory>

#include "http/message.h"
#include "origin/authorized_request.h"

namespace sluice::origin {

class Origin {
 public:
  virtual ~Origin() = default;

  // Fills `response`; an empty Task where that is done already (http::Handler has the same convention). Both arguments
  // outlive the Task. On the calling connection's io_context; many threads at once. Cancelling the Task, or destroying
  // the response's stream, gives up what was held for it.
  virtual Task<void> serve(std::shared_ptr<const AuthorizedRequest> request, http::Response& response) = 0;

  // Whether requests can be answered now: /readyz, /v1/health.
  enum class Health { kStarting, kActive, kUnavailable };
  virtual Health health() const = 0;

  // Answers every held request now and holds no further one: the process is about to stop. Any thread.
  virtual void drain() = 0;
};

}  // namespace sluice::origin

// A bound on how long a decision may take.
#pragma once

#include <chrono>
#include <memory>

#include "policy/authorizer.h"

namespace sluice::policy {

// What `work` decides. Where it has not within `timeout`, it is cancelled and the answer is kFailed, as where it throws: the
// caller is never left without a decision. On the calling coroutine's io_context.
Task<Decision> with_timeout(Task<Decision> work, std::chrono::milliseconds timeout);

// Any authorizer, so bounded. Owns it; starts and stops it.
class Timed : public Authorizer {
 public:
  Timed(std::unique_ptr<Authorizer> authorizer, std::chrono::milliseconds timeout, std::string name);

  Task<Decision> authorize(const Principal& principal, const shape::Definition& asked) override;
  void start() override { authorizer_->start(); }
  void stop() override { authorizer_->stop(); }

 private:
  std::unique_ptr<Authorizer> authorizer_;
  const std::chrono::milliseconds timeout_;
  const std::string name_;
};

}  // namespace sluice::policy

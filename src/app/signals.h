// Waiting for signals. Construct before any thread is started, so that every thread inherits the mask.
#pragma once

#include <chrono>
#include <csignal>
#include <optional>

namespace sluice::app {

class Signals {
 public:
  Signals();
  // SIGTERM, SIGINT or SIGHUP; nothing where none has come by then.
  std::optional<int> wait(std::chrono::milliseconds timeout) const;
  // Blocks until SIGTERM or SIGINT; which one.
  int wait_for_stop() const;

 private:
  sigset_t set_;
};

}  // namespace sluice::app

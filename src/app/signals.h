// Waiting for the signal to stop. Construct before any thread is started, so that every thread inherits the mask.
#pragma once

#include <csignal>

namespace sluice::app {

class StopSignals {
 public:
  StopSignals();
  // Blocks until SIGTERM or SIGINT; which one.
  int wait() const;

 private:
  sigset_t set_;
};

}  // namespace sluice::app

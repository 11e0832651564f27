#include "app/signals.h"

#include <pthread.h>

namespace sluice::app {

Signals::Signals() {
  sigemptyset(&set_);
  sigaddset(&set_, SIGTERM);
  sigaddset(&set_, SIGINT);
  sigaddset(&set_, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  // A peer that goes away while it is written to is an error value, not a signal.
  std::signal(SIGPIPE, SIG_IGN);
}

std::optional<int> Signals::wait(std::chrono::milliseconds timeout) const {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
  const timespec time{seconds.count(), std::chrono::nanoseconds(timeout - seconds).count()};
  const int signal = sigtimedwait(&set_, nullptr, &time);
  if (signal < 0) return std::nullopt;
  return signal;
}

int Signals::wait_for_stop() const {
  for (;;) {
    int signal = 0;
    sigwait(&set_, &signal);
    if (signal != SIGHUP) return signal;
  }
}

}  // namespace sluice::app

// `sluice dev`: everything on this machine, from nothing.
//
// In its folder: postgres/ (a private cluster), database.url, keys/ (made once), sluice.toml (the configuration it runs
// with, written anew at each start: a working example to copy), alice.jwt and bob.jwt (identity tokens of two
// organisations).
#pragma once

#include <string>

namespace sluice::app {

struct DevOptions {
  std::string directory = ".sluice";
  std::string listen = "127.0.0.1:4000";
};

// Blocks until SIGTERM or SIGINT. Throws std::exception where start-up fails.
void run_dev(const DevOptions& options);

}  // namespace sluice::app

// The command line of `sluice`.
#pragma once

namespace sluice::app {

// Runs one command; what main() returns. 0 well, 1 failed (said on standard error), 2 wrong usage.
int run(int argc, const char* const* argv);

}  // namespace sluice::app

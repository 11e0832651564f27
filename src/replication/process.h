// Child processes for LocalCluster: run one to its end, or start one that dies with its owner.
//
// A child gets default signal handling, a session of its own (so Ctrl-C reaches the owner only), "/" as its directory, no
// open files but 0 to 2, and an environment of PATH and LC_ALL=C: nothing of the caller's PG* variables leaks into it.
// Nothing between fork and exec allocates, so a program with threads may call. Synchronous; start-up and tests only.
#pragma once

#include <sys/types.h>

#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace sluice::replication {

// Whom a child runs as.
struct Identity {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;

  // The error says that there is no such user.
  static std::expected<Identity, std::string> of_user(const std::string& name);

  // Whether the mode bits of one folder let this identity walk through it.
  bool may_enter(const std::string& directory) const;
};

struct Command {
  std::vector<std::string> argv;    // argv[0] is the program's absolute path
  std::optional<Identity> as = {};  // else as the caller
};

struct Finished {
  int status = 0;      // exit code; 128 + signal where a signal ended it
  std::string output;  // standard output and error together, its last kOutputBytesMax bytes
};

inline constexpr std::size_t kOutputBytesMax = 8 * 1024;  // enough for the error that ends a tool's output

// Runs `command` to its end.
std::expected<Finished, std::string> run(const Command& command);

// Starts `command` with its output appended to `log_file`, made where missing. The child gets SIGQUIT when the *thread*
// that called ends (PR_SET_PDEATHSIG), so a crashed or killed owner leaves no child behind.
std::expected<pid_t, std::string> start_in_background(const Command& command, const std::string& log_file);

// The exit status (as in Finished) where the child has ended within `wait_ms`; reaps it then.
std::optional<int> wait_for_exit(pid_t pid, int wait_ms);

// The last `lines` lines of a file, "" where it cannot be read.
std::string tail_of_file(const std::string& path, int lines, std::size_t from_byte = 0);
std::string tail_of(std::string_view text, int lines);

}  // namespace sluice::replication

#include "replication/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>

#include "base/owned_descriptor.h"

namespace sluice::replication {
namespace {

std::string describe_errno(std::string_view what) {
  return fmt::format("{}: {}", what, std::strerror(errno));
}

// All that the child needs, made before the fork.
struct Prepared {
  std::vector<char*> argv;
  const Identity* as;
  int out;
  bool die_with_owner;
  pid_t owner;
};

bool become(const Identity& who) {
  return ::setgroups(who.groups.size(), who.groups.data()) == 0 && ::setgid(who.gid) == 0 && ::setuid(who.uid) == 0;
}

void reset_signals() {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGCHLD, SIGUSR1, SIGUSR2, SIGALRM})
    ::signal(signal, SIG_DFL);
}

[[noreturn]] void fail_in_child(const char* what) {
  const char* why = ::strerrordesc_np(errno);
  for (const char* part : {what, ": ", why != nullptr ? why : "unknown error", "\n"}) {
    if (::write(STDERR_FILENO, part, std::strlen(part)) < 0) break;
  }
  ::_exit(127);
}

// Between fork and exec: async-signal-safe calls only.
[[noreturn]] void become_child(const Prepared& p) {
  reset_signals();
  ::setsid();
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, STDIN_FILENO);
  ::dup2(p.out, STDOUT_FILENO);
  ::dup2(p.out, STDERR_FILENO);
  ::close_range(3, ~0U, 0);
  if (p.as != nullptr && !become(*p.as)) fail_in_child("cannot change the user");
  if (p.die_with_owner) {
    // After the change of user, which clears it; the owner may have died before.
    ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
    if (::getppid() != p.owner) ::_exit(127);
  }
  if (::chdir("/") != 0) fail_in_child("cannot enter /");
  char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  char locale[] = "LC_ALL=C";
  char* environment[] = {path, locale, nullptr};
  ::execve(p.argv[0], p.argv.data(), environment);
  fail_in_child(p.argv[0]);
}

std::expected<pid_t, std::string> spawn(const Command& command, int out, bool die_with_owner) {
  Prepared prepared{.argv = {},
                    .as = command.as ? &*command.as : nullptr,
                    .out = out,
                    .die_with_owner = die_with_owner,
                    .owner = ::getpid()};
  for (const std::string& argument : command.argv) prepared.argv.push_back(const_cast<char*>(argument.c_str()));
  prepared.argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) become_child(prepared);
  if (pid < 0) return std::unexpected(describe_errno("fork"));
  return pid;
}

std::string read_to_end(int fd) {
  std::string output;
  std::array<char, 4096> block;
  for (;;) {
    const ssize_t n = ::read(fd, block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return output;
    output.append(block.data(), static_cast<std::size_t>(n));
    if (output.size() > 2 * kOutputBytesMax) output.erase(0, output.size() - kOutputBytesMax);
  }
}

int status_of(int raw) {
  return WIFSIGNALED(raw) ? 128 + WTERMSIG(raw) : WEXITSTATUS(raw);
}

}  // namespace

std::expected<Identity, std::string> Identity::of_user(const std::string& name) {
  const passwd* entry = ::getpwnam(name.c_str());
  if (entry == nullptr) return std::unexpected(fmt::format("there is no user '{}'", name));
  Identity who{.name = name, .uid = entry->pw_uid, .gid = entry->pw_gid, .groups = std::vector<gid_t>(64)};
  int count = static_cast<int>(who.groups.size());
  if (::getgrouplist(name.c_str(), who.gid, who.groups.data(), &count) < 0) {
    return std::unexpected(fmt::format("user '{}' is in more than {} groups", name, who.groups.size()));
  }
  who.groups.resize(static_cast<std::size_t>(count));
  return who;
}

bool Identity::may_enter(const std::string& directory) const {
  struct stat info{};
  if (::stat(directory.c_str(), &info) != 0) return false;
  if (info.st_uid == uid) return (info.st_mode & S_IXUSR) != 0;
  if (std::ranges::find(groups, info.st_gid) != groups.end()) return (info.st_mode & S_IXGRP) != 0;
  return (info.st_mode & S_IXOTH) != 0;
}

std::expected<Finished, std::string> run(const Command& command) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::unexpected(describe_errno("pipe"));
  OwnedDescriptor in(ends[0]);
  OwnedDescriptor out(ends[1]);
  const auto pid = spawn(command, out.descriptor(), false);
  if (!pid) return std::unexpected(pid.error());
  out.close();
  Finished finished;
  finished.output = read_to_end(in.descriptor());
  int raw = 0;
  while (::waitpid(*pid, &raw, 0) < 0 && errno == EINTR) {}
  finished.status = status_of(raw);
  return finished;
}

std::expected<pid_t, std::string> start_in_background(const Command& command, const std::string& log_file) {
  OwnedDescriptor log(::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!log) return std::unexpected(describe_errno(log_file));
  return spawn(command, log.descriptor(), true);
}

std::optional<int> wait_for_exit(pid_t pid, int wait_ms) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(wait_ms);
  for (;;) {
    int raw = 0;
    const pid_t ended = ::waitpid(pid, &raw, WNOHANG);
    if (ended == pid) return status_of(raw);
    if (ended < 0 && errno != EINTR) return 0;  // not our child any more: nothing to wait for
    if (std::chrono::steady_clock::now() >= deadline) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

std::string tail_of(std::string_view text, int lines) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  std::size_t at = text.size();
  for (int i = 0; i < lines; ++i) {
    if (at == 0) return std::string(text);
    at = text.rfind('\n', at - 1);
    if (at == std::string_view::npos) return std::string(text);
  }
  return std::string(text.substr(at + 1));
}

std::string tail_of_file(const std::string& path, int lines, std::size_t from_byte) {
  std::ifstream file(path, std::ios::binary);
  file.seekg(0, std::ios::end);
  const auto size = static_cast<std::size_t>(std::max<std::streamoff>(file.tellg(), 0));
  const std::size_t last = size > kOutputBytesMax ? size - kOutputBytesMax : 0;
  file.seekg(static_cast<std::streamoff>(std::max(last, std::min(from_byte, size))));
  return tail_of(std::string(std::istreambuf_iterator<char>(file), {}), lines);
}

}  // namespace sluice::replication

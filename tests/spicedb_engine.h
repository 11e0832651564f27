// SpiceDB's real engine for a test: tests/e2e/support/spicedb_server.js as a child process, which says what it understands.
//
// Needs Node and tests/e2e's node_modules (`./dev test` installs both); throws where they are missing, so that a test that
// needs the engine fails without it. One thread at a time. The engine ends with the object, or with the test program.
#pragma once

#include <fcntl.h>
#include <simdjson.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

extern char** environ;

namespace sluice {

class SpiceDbEngine {
 public:
  // The first line for the server: {"schema":…}.
  explicit SpiceDbEngine(const std::string& setup) {
    spawn();
    std::int64_t port = 0;
    simdjson::dom::parser parser;
    const std::string answer = tell(setup);
    if (parser.parse(answer)["port"].get(port) != simdjson::SUCCESS) throw std::runtime_error("SpiceDB says " + answer);
    port_ = static_cast<int>(port);
  }
  ~SpiceDbEngine() { kill(); }
  SpiceDbEngine(const SpiceDbEngine&) = delete;
  SpiceDbEngine& operator=(const SpiceDbEngine&) = delete;

  int port() const { return port_; }
  std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }

  // One command and its answer.
  std::string tell(const std::string& command) {
    if (std::fprintf(to_.get(), "%s\n", command.c_str()) < 0 || std::fflush(to_.get()) != 0) throw_ended();
    std::string line;
    for (int c = std::fgetc(from_.get()); c != '\n'; c = std::fgetc(from_.get())) {
      if (c == EOF) throw_ended();
      line += static_cast<char>(c);
    }
    return line;
  }

  // The ZedToken of the write.
  std::string write(const std::string& relationship) { return zed_token(tell(R"({"write":[")" + relationship + "\"]}")); }
  std::string remove(const std::string& relationship) { return zed_token(tell(R"({"delete":[")" + relationship + "\"]}")); }
  void hold(bool on) { tell(on ? R"({"hold":true})" : R"({"hold":false})"); }

  // `calls`, `cancelled` or `refused`, so far.
  std::int64_t seen(const char* what) {
    simdjson::dom::parser parser;
    const std::string answer = tell(R"({"seen":true})");
    return parser.parse(answer)[what].get_int64().value();
  }
  // The last request, as JSON.
  std::string last() {
    simdjson::dom::parser parser;
    const std::string answer = tell(R"({"seen":true})");
    return simdjson::minify(parser.parse(answer)["last"].value());
  }

  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  using File = std::unique_ptr<std::FILE, Close>;

  [[noreturn]] static void throw_ended() {
    throw std::runtime_error("SpiceDB's engine has ended: are Node and tests/e2e/node_modules (npm ci) there?");
  }

  static std::string zed_token(const std::string& answer) {
    simdjson::dom::parser parser;
    return std::string(parser.parse(answer)["zedToken"].get_string().value());
  }

  void spawn() {
    std::signal(SIGPIPE, SIG_IGN);  // an engine that has ended is an error of fprintf
    int in[2], out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    std::string script = SLUICE_SOURCE_DIR "/tests/e2e/support/spicedb_server.js";
    std::string node = "node";
    char* argv[] = {node.data(), script.data(), nullptr};
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    ::posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    const int error = ::posix_spawnp(&pid_, "node", &actions, nullptr, argv, environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(in[0]);
    ::close(out[1]);
    to_.reset(::fdopen(in[1], "w"));
    from_.reset(::fdopen(out[0], "r"));
    if (error != 0) throw std::runtime_error("node cannot be started");
  }

  pid_t pid_ = -1;
  int port_ = 0;
  File to_, from_;
};

}  // namespace sluice

// A redis-server of a test's own, on a Unix socket and a loopback port, with its data in a folder of the test's.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/test_folder.h"
#include "gatekeeper/redis_connection.h"

namespace sluice::gatekeeper {

// Whether `condition` comes true: looks again and again, for longer than any healthy machine takes.
template <typename Condition>
bool eventually(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

class TestRedis {
 public:
  // `settings` are directives of redis.conf: {"--requirepass", "x"}.
  explicit TestRedis(std::vector<std::string> settings = {}) : settings_(std::move(settings)), port_(free_port()) {
    start();
  }
  ~TestRedis() { kill(); }

  // With what it had written when it was killed.
  void start() {
    std::vector<std::string> arguments = {"redis-server",
                                          "--port",
                                          std::to_string(port_),
                                          "--bind",
                                          "127.0.0.1",
                                          "--dir",
                                          folder_.path(),
                                          "--unixsocket",
                                          socket_path(),
                                          "--save",
                                          "",
                                          "--appendonly",
                                          "yes",
                                          "--logfile",
                                          folder_.path() + "/redis.log"};
    arguments.insert(arguments.end(), settings_.begin(), settings_.end());
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    ASSERT_EQ(::posix_spawnp(&pid_, "redis-server", nullptr, nullptr, argv.data(), environ), 0);
    ASSERT_TRUE(eventually([&] {
      auto connection = RedisConnection::open(options(), 1000);
      if (!connection) return false;
      const auto answer = connection->ask({"PING"});
      return answer || !answer.error().starts_with("LOADING");
    })) << "redis-server does not start";
  }

  void kill() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, 0), nullptr, 0);
  }

  // Silent, with its connections open: as a machine that is cut off.
  void suspend() const { ::kill(pid_, SIGSTOP); }
  void resume() const { ::kill(pid_, SIGCONT); }

  void lose_its_data() const { std::filesystem::remove_all(folder_.path() + "/appendonlydir"); }

  std::string socket_path() const { return folder_.path() + "/redis.sock"; }
  std::uint16_t port() const { return port_; }
  RedisOptions options() const { return {.host = socket_path()}; }

  // By hand, as redis-cli would.
  RedisReply ask(const std::vector<std::string_view>& command) const {
    auto connection = RedisConnection::open(options(), 5000).value();
    return connection.ask(command).value();
  }

 private:
  static std::uint16_t free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const name = reinterpret_cast<sockaddr*>(&address);
    if (::bind(fd, name, length) != 0 || ::getsockname(fd, name, &length) != 0) throw std::runtime_error("no free port");
    ::close(fd);
    return ::ntohs(address.sin_port);
  }

  TestFolder folder_;
  const std::vector<std::string> settings_;
  const std::uint16_t port_;
  pid_t pid_ = 0;
};

}  // namespace sluice::gatekeeper

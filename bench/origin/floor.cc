// floor: the least that a server can do for the clients of loadgen.cc, for scale. One thread, no protocol: what is left is
// the kernel's.
//
//   floor file PORT FILE BYTES
//       Answers one request, whatever it is, with that file as the body, read and sent BYTES at a time, and ends.
//   floor hold PORT CLIENTS lp|sse ANSWER [EVENT]
//       Holds every request. For each line of standard input, a number of ten digits, sends the file ANSWER (lp), or EVENT
//       after an ANSWER at the beginning (sse), with the number in place of the ten @ in it, as soon as so many clients are
//       held, and says "sent".
//
// FILE goes behind a head that ends a sync. Both listen on 127.0.0.1 and say "READY"; hold ends with its standard input.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr int kBacklog = 1024;
// Where there is little to do, more is waited for: else each request would cost a turn of epoll's, and a switch to it.
constexpr int kFew = 64;
constexpr unsigned kPause_us = 1000;
constexpr std::string_view kRowId = "@@@@@@@@@@";

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(2);
}

std::string contents(const char* path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) die(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

int listen_on(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0 || listen(fd, kBacklog) < 0) die("listen");
  return fd;
}

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

// The socket blocks.
void answer_file(int fd, const char* path, std::size_t at_once) {
  const int file = open(path, O_RDONLY);
  struct stat status{};
  if (file < 0 || fstat(file, &status) < 0) die(path);
  const std::string head =
      "HTTP/1.1 200 OK\r\nelectric-up-to-date: \r\nContent-Length: " + std::to_string(status.st_size) + "\r\n\r\n";
  std::vector<char> buffer(at_once);
  if (recv(fd, buffer.data(), buffer.size(), 0) > 0) {
    send_all(fd, head);
    for (off_t at = 0; at < status.st_size;) {
      const ssize_t n = pread(file, buffer.data(), buffer.size(), at);
      if (n <= 0) die(path);
      send_all(fd, {buffer.data(), static_cast<std::size_t>(n)});
      at += n;
    }
  }
  close(file);
}

class Holder {
 public:
  Holder(int listener, std::size_t clients, bool sse, std::string answer, std::string event)
      : listener_(listener), clients_(clients), sse_(sse), answer_(std::move(answer)), event_(std::move(event)) {
    add(listener_);
    add(STDIN_FILENO);
  }

  void run() {
    std::vector<epoll_event> events(1024);
    while (true) {
      const int n = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < n; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == listener_) {
          accept_all();
        } else if (fd != STDIN_FILENO) {
          take_request(fd);
        } else if (!take_row()) {
          return;
        }
      }
      if (!row_.empty() && held_.size() == clients_) send_row();
      if (n < kFew) usleep(kPause_us);
    }
  }

 private:
  void add(int fd) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl");
  }

  void accept_all() {
    for (int fd; (fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
      int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      add(fd);
    }
  }

  // A request comes in one piece: the clients are on this machine, and it is short.
  void take_request(int fd) {
    char bytes[4096];
    const ssize_t n = recv(fd, bytes, sizeof bytes, 0);
    if (n <= 0) {
      std::erase(held_, fd);
      close(fd);
      return;
    }
    held_.push_back(fd);
    if (sse_) send_all(fd, answer_);
  }

  bool take_row() {
    char digits[16];
    if (read(STDIN_FILENO, digits, kRowId.size() + 1) != static_cast<ssize_t>(kRowId.size() + 1)) return false;
    row_.assign(digits, kRowId.size());
    return true;
  }

  void send_row() {
    std::string message = sse_ ? event_ : answer_;
    message.replace(message.find(kRowId), kRowId.size(), row_);
    row_.clear();
    for (const int fd : held_) send_all(fd, message);
    if (!sse_) held_.clear();
    std::puts("sent");
    std::fflush(stdout);
  }

  const int epoll_ = epoll_create1(0);
  const int listener_;
  const std::size_t clients_;
  const bool sse_;
  const std::string answer_, event_;
  std::vector<int> held_;
  std::string row_;  // to be sent
};

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc >= 5 ? argv[1] : "";
  const bool hold = mode == "hold" && argc >= 6;
  const bool sse = hold && std::string_view(argv[4]) == "sse";
  if ((mode != "file" && !hold) || (sse && argc < 7)) {
    std::fputs("usage: see the head of floor.cc\n", stderr);
    return 2;
  }
  const int listener = listen_on(std::atoi(argv[2]));
  std::puts("READY");
  std::fflush(stdout);
  if (hold) {
    Holder(listener, std::strtoull(argv[3], nullptr, 10), sse, contents(argv[5]), sse ? contents(argv[6]) : "").run();
    return 0;
  }
  fcntl(listener, F_SETFL, 0);
  const int fd = accept(listener, nullptr, nullptr);
  answer_file(fd, argv[3], std::strtoull(argv[4], nullptr, 10));
  close(fd);
  return 0;
}

// loadgen: clients of the shape protocol, as many as wanted, on one thread over epoll. Plain HTTP/1.1, numeric address, no
// TLS.
//
//   loadgen sync HOST PORT PATH                 follows PATH (offset=-1 is added) until up to date
//   loadgen list HOST PORT CONNECTIONS < paths  GETs each path once; a line "status handle offset rows cursor" for each
//   loadgen get  HOST PORT CONNECTIONS SECONDS PATH    repeats one GET on kept-alive connections
//   loadgen live HOST PORT CLIENTS lp|sse PATH HANDLE OFFSET CURSOR [WATCH_ID]
//       Says "READY" when every request is out and, with WATCH_ID, "W ns" when the row with that id has come. At the end of
//       standard input: a line "A id count first_ns median_ns last_ns" for each row.
//
// Each ends with one line of JSON. Rows are known by their key column `id`, a bigint: "id":"<digits>". Times are of
// CLOCK_MONOTONIC. A server may close a kept-alive connection before it answers: the request is sent again and counted.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kSecond = 1000 * kMs;
constexpr std::uint64_t kConnectInterval = kSecond / 2000;  // a listen backlog of 1,024 is never overrun
constexpr std::size_t kConnectAtOnce = 64;
constexpr std::size_t kErrorsMax = 200'000;
constexpr std::size_t kReadBytes = 1 << 18;
constexpr int kReadsATurn = 4;
constexpr std::string_view kRow = R"("id":")";
constexpr std::string_view kLastSeen = R"("global_last_seen_lsn":")";

std::uint64_t now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * kSecond + static_cast<std::uint64_t>(t.tv_nsec);
}

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(2);
}

enum class Mode { kSync, kList, kGet, kLive };
enum class State { kIdle, kHead, kLength, kChunkSize, kChunk, kChunkEnd, kTrailer, kUntilClose };

struct Arguments {
  Mode mode = Mode::kSync;
  bool sse = false;
  std::string host;  // for the Host field
  sockaddr_in address{};
  std::size_t connections = 1;
  double seconds = 0;
  std::string path, handle, offset, cursor;
  long watch = -1;
};

struct Connection {
  int fd = -1;
  bool connected = false;
  std::uint64_t retry_at = 0;
  // The request
  std::string out;
  std::size_t sent = 0;
  long item = -1;  // kList: which path
  // The answer
  State state = State::kIdle;
  std::size_t need = 0;  // bytes of the body, or of the chunk, to come
  int status = 0;
  bool closes = false, up_to_date = false;
  std::string line;
  std::string body;      // kLive: of a long poll whole, of events what is not a whole line yet; else the last few bytes
  std::size_t rows = 0;  // of this answer
  std::string handle, offset, cursor;
};

class LoadGenerator {
 public:
  explicit LoadGenerator(Arguments arguments);
  void run();
  void print() const;

 private:
  void open(Connection& c);
  void watch_for(Connection& c, bool writable);
  void request(Connection& c);
  std::string target(Connection& c);
  void flush(Connection& c);
  void handle(const epoll_event& event);
  void connected(Connection& c);
  void receive(Connection& c);
  void closed(Connection& c);
  void feed(Connection& c, std::string_view bytes);
  std::string_view feed_head(Connection& c, std::string_view bytes);
  std::string_view feed_line(Connection& c, std::string_view bytes);
  void field(Connection& c, std::string_view line);
  void take_body(Connection& c, std::string_view bytes);
  void take_events(Connection& c);
  void count_rows(Connection& c, std::string_view bytes, std::uint64_t at);
  void finish(Connection& c);
  bool finish_item(Connection& c, bool bad);
  void retry_due();
  void read_stdin();

  const Arguments arguments_;
  const int epoll_ = epoll_create1(0);
  std::vector<Connection> connections_;
  std::size_t opened_ = 0, asked_once_ = 0;
  std::vector<std::string> items_, results_;
  std::size_t next_item_ = 0, items_done_ = 0;
  bool stop_ = false;
  long watch_ = -1;
  std::uint64_t started_ = 0, ended_ = 0, first_byte_ = 0;
  std::size_t bytes_ = 0, rows_ = 0, requests_ = 0, errors_ = 0, reconnects_ = 0;
  std::map<int, std::size_t> codes_;
  std::unordered_map<long, std::vector<std::uint64_t>> seen_;
};

LoadGenerator::LoadGenerator(Arguments arguments) : arguments_(std::move(arguments)), watch_(arguments_.watch) {
  std::size_t count = arguments_.connections;
  if (arguments_.mode == Mode::kList) {
    for (std::string line; std::getline(std::cin, line);) items_.push_back(line);
    results_.resize(items_.size());
    count = std::min(count, items_.size());
    stop_ = items_.empty();
  }
  connections_.resize(count);
  if (arguments_.mode == Mode::kLive) {
    epoll_event event{.events = EPOLLIN, .data = {.u32 = UINT32_MAX}};
    fcntl(0, F_SETFL, O_NONBLOCK);
    epoll_ctl(epoll_, EPOLL_CTL_ADD, 0, &event);
  }
}

void LoadGenerator::open(Connection& c) {
  if (c.fd >= 0) close(c.fd);
  c.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (c.fd < 0) die("socket");
  int on = 1;
  setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  c.connected = false;
  c.state = State::kIdle;
  epoll_event event{.events = EPOLLIN | EPOLLOUT, .data = {.u32 = static_cast<std::uint32_t>(&c - connections_.data())}};
  epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event);
  const auto* address = reinterpret_cast<const sockaddr*>(&arguments_.address);
  if (connect(c.fd, address, sizeof arguments_.address) < 0 && errno != EINPROGRESS) die("connect");
}

void LoadGenerator::watch_for(Connection& c, bool writable) {
  epoll_event event{.events = EPOLLIN | (writable ? unsigned{EPOLLOUT} : 0U),
                    .data = {.u32 = static_cast<std::uint32_t>(&c - connections_.data())}};
  epoll_ctl(epoll_, EPOLL_CTL_MOD, c.fd, &event);
}

// Empty where nothing is left to ask for.
std::string LoadGenerator::target(Connection& c) {
  const std::string& path = arguments_.path;
  switch (arguments_.mode) {
    case Mode::kSync:
      return path + "&offset=" + (c.offset.empty() ? "-1" : c.offset) + (c.handle.empty() ? "" : "&handle=" + c.handle);
    case Mode::kLive:
      return path + "&live=true&handle=" + c.handle + "&offset=" + c.offset +
             (c.cursor.empty() ? "" : "&cursor=" + c.cursor) + (arguments_.sse ? "&live_sse=true" : "");
    case Mode::kList:
      if (c.item < 0 && next_item_ == items_.size()) return "";
      if (c.item < 0) c.item = static_cast<long>(next_item_++);
      return items_[static_cast<std::size_t>(c.item)];
    case Mode::kGet: return path;
  }
  return "";
}

void LoadGenerator::request(Connection& c) {
  std::string path = target(c);
  if (path.empty()) return;
  c.out = "GET " + path + " HTTP/1.1\r\nHost: " + arguments_.host + "\r\n";
  c.out += arguments_.sse ? "Accept: text/event-stream\r\n\r\n" : "\r\n";
  c.sent = 0;
  c.state = State::kHead;
  c.line.clear();
  c.body.clear();
  c.rows = 0;
  c.closes = c.up_to_date = false;
  ++requests_;
  flush(c);
}

void LoadGenerator::flush(Connection& c) {
  while (c.sent < c.out.size()) {
    ssize_t n = send(c.fd, c.out.data() + c.sent, c.out.size() - c.sent, MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EAGAIN) watch_for(c, true);
      return;
    }
    c.sent += static_cast<std::size_t>(n);
  }
  if (c.out.empty()) return;
  c.out.clear();
  c.sent = 0;
  watch_for(c, false);
}

void LoadGenerator::count_rows(Connection& c, std::string_view bytes, std::uint64_t at) {
  const char* end = bytes.data() + bytes.size();
  const char* p = bytes.data();
  while ((p = static_cast<const char*>(memmem(p, static_cast<std::size_t>(end - p), kRow.data(), kRow.size())))) {
    p += kRow.size();
    ++rows_;
    ++c.rows;
    if (arguments_.mode != Mode::kLive) continue;
    long id = std::strtol(p, nullptr, 10);
    seen_[id].push_back(at);
    if (id != watch_) continue;
    std::printf("W %llu\n", static_cast<unsigned long long>(at));
    std::fflush(stdout);
    watch_ = -1;
  }
}

// A live client has a row when it has the answer that carries it; elsewhere rows are counted as they come, and nothing is
// kept.
void LoadGenerator::take_body(Connection& c, std::string_view bytes) {
  bytes_ += bytes.size();
  if (arguments_.mode == Mode::kLive) {
    c.body.append(bytes);
    if (arguments_.sse) take_events(c);
    return;
  }
  const std::size_t overlap = kRow.size() - 1;
  std::string seam = c.body + std::string(bytes.substr(0, overlap));
  count_rows(c, seam, 0);
  count_rows(c, bytes, 0);
  std::string tail = bytes.size() >= overlap ? std::string(bytes.substr(bytes.size() - overlap)) : seam;
  c.body = tail.size() > overlap ? tail.substr(tail.size() - overlap) : tail;
}

void LoadGenerator::take_events(Connection& c) {
  std::size_t end = c.body.rfind('\n');
  if (end == std::string::npos) return;
  count_rows(c, std::string_view(c.body).substr(0, end + 1), now_ns());
  std::size_t last = c.body.rfind(kLastSeen, end);
  if (last != std::string::npos) {
    std::size_t begin = last + kLastSeen.size();
    c.offset = c.body.substr(begin, c.body.find('"', begin) - begin) + "_0";
  }
  c.body.erase(0, end + 1);
}

void LoadGenerator::field(Connection& c, std::string_view line) {
  if (line.starts_with("HTTP/")) {
    c.status = std::atoi(std::string(line.substr(9)).c_str());
    c.need = 0;
    c.state = State::kUntilClose;
    return;
  }
  std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  std::string name(line.substr(0, colon));
  std::ranges::transform(name, name.begin(), [](unsigned char x) { return std::tolower(x); });
  line.remove_prefix(colon + 1);
  std::string value(line.substr(std::min(line.find_first_not_of(" \t"), line.size())));
  if (name == "content-length") {
    c.need = std::strtoull(value.c_str(), nullptr, 10);
    c.state = State::kLength;
  } else if (name == "transfer-encoding") {
    c.state = State::kChunkSize;
  } else if (name == "connection") {
    c.closes = value == "close";
  } else if (name == "electric-handle") {
    c.handle = value;
  } else if (name == "electric-offset") {
    c.offset = value;
  } else if (name == "electric-cursor") {
    c.cursor = value;
  } else if (name == "electric-up-to-date") {
    c.up_to_date = true;
  }
}

// Each returns what it has not used.
std::string_view LoadGenerator::feed_head(Connection& c, std::string_view bytes) {
  if (first_byte_ == 0) first_byte_ = now_ns();
  std::size_t used = 0;
  while (used < bytes.size() && !c.line.ends_with("\r\n\r\n")) c.line.push_back(bytes[used++]);
  bytes.remove_prefix(used);
  if (!c.line.ends_with("\r\n\r\n")) return bytes;
  std::string head;
  head.swap(c.line);
  for (std::size_t begin = 0, end; (end = head.find("\r\n", begin)) > begin; begin = end + 2)
    field(c, std::string_view(head).substr(begin, end - begin));
  if (c.status == 204 || c.status == 304 || (c.state == State::kLength && c.need == 0)) finish(c);
  return bytes;
}

std::string_view LoadGenerator::feed_line(Connection& c, std::string_view bytes) {
  std::size_t end = bytes.find('\n');
  c.line.append(bytes.substr(0, end == std::string_view::npos ? end : end + 1));
  if (end == std::string_view::npos) return {};
  bytes.remove_prefix(end + 1);
  std::string line;
  line.swap(c.line);
  if (c.state == State::kChunkEnd) {
    c.state = State::kChunkSize;
  } else if (c.state == State::kChunkSize) {
    c.need = std::strtoull(line.c_str(), nullptr, 16);
    c.state = c.need != 0 ? State::kChunk : State::kTrailer;
  } else if (line == "\r\n") {
    finish(c);
  }
  return bytes;
}

void LoadGenerator::feed(Connection& c, std::string_view bytes) {
  while (!bytes.empty() && !stop_) {
    switch (c.state) {
      case State::kIdle: return;
      case State::kHead: bytes = feed_head(c, bytes); break;
      case State::kLength:
      case State::kChunk: {
        std::string_view part = bytes.substr(0, c.need);
        take_body(c, part);
        bytes.remove_prefix(part.size());
        c.need -= part.size();
        if (c.need == 0) c.state == State::kChunk ? void(c.state = State::kChunkEnd) : finish(c);
        break;
      }
      case State::kChunkEnd:
      case State::kChunkSize:
      case State::kTrailer: bytes = feed_line(c, bytes); break;
      case State::kUntilClose:
        take_body(c, bytes);
        bytes = {};
        break;
    }
  }
}

// False where that was the last.
bool LoadGenerator::finish_item(Connection& c, bool bad) {
  if (arguments_.mode == Mode::kSync) return !c.up_to_date && !bad;
  if (arguments_.mode != Mode::kList) return true;
  const auto or_dash = [](const std::string& text) { return text.empty() ? "-" : text; };
  results_[static_cast<std::size_t>(c.item)] = std::to_string(c.status) + ' ' + or_dash(c.handle) + ' ' + or_dash(c.offset) +
                                               ' ' + std::to_string(c.rows) + ' ' + or_dash(c.cursor);
  c.item = -1;
  c.handle.clear();
  c.offset.clear();
  c.cursor.clear();
  return ++items_done_ < items_.size();
}

// One answer is complete.
void LoadGenerator::finish(Connection& c) {
  const std::uint64_t at = now_ns();
  ++codes_[c.status];
  if (arguments_.mode == Mode::kLive) count_rows(c, c.body, at);
  c.state = State::kIdle;
  const bool bad = c.status != 200 && c.status != 204;
  if (bad) ++errors_;
  if (!finish_item(c, bad)) {
    stop_ = true;
  } else if (c.closes) {
    ++reconnects_;
    open(c);
  } else if (bad && arguments_.mode == Mode::kLive) {
    c.retry_at = at + 100 * kMs;
  } else {
    request(c);
  }
}

void LoadGenerator::connected(Connection& c) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(c.fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    ++errors_;
    close(c.fd);
    c.fd = -1;
    c.retry_at = now_ns() + 100 * kMs;
    return;
  }
  c.connected = true;
  watch_for(c, false);
  if (asked_once_ < connections_.size()) ++asked_once_;
  request(c);
}

void LoadGenerator::closed(Connection& c) {
  if (c.state == State::kUntilClose) {
    c.closes = true;
    finish(c);
    return;
  }
  const bool amid = c.state > State::kHead || (c.state == State::kHead && !c.line.empty());
  if (amid && !arguments_.sse) ++errors_;
  ++reconnects_;
  close(c.fd);
  c.fd = -1;
  c.state = State::kIdle;
  c.retry_at = now_ns() + (arguments_.mode == Mode::kLive ? 10 * kMs : kMs);
}

void LoadGenerator::receive(Connection& c) {
  static char buffer[kReadBytes];
  for (int turn = 0; turn < kReadsATurn; ++turn) {
    ssize_t n = recv(c.fd, buffer, sizeof buffer, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return closed(c);
    feed(c, {buffer, static_cast<std::size_t>(n)});
    if (stop_ || n < static_cast<ssize_t>(sizeof buffer)) return;
  }
}

void LoadGenerator::read_stdin() {
  char buffer[64];
  if (read(0, buffer, sizeof buffer) == 0) stop_ = true;
}

void LoadGenerator::handle(const epoll_event& event) {
  if (event.data.u32 == UINT32_MAX) return read_stdin();
  Connection& c = connections_[event.data.u32];
  if (!c.connected) return connected(c);
  if ((event.events & EPOLLOUT) != 0) flush(c);
  if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) receive(c);
}

void LoadGenerator::retry_due() {
  if (errors_ == 0 && reconnects_ == 0) return;
  const std::uint64_t now = now_ns();
  for (Connection& c : connections_) {
    if (c.retry_at == 0 || now <= c.retry_at) continue;
    c.retry_at = 0;
    c.fd < 0 ? open(c) : request(c);
  }
}

void LoadGenerator::run() {
  std::vector<epoll_event> events(1024);
  bool ready = false;
  started_ = now_ns();
  while (!stop_) {
    const std::uint64_t elapsed = now_ns() - started_;
    while (opened_ < connections_.size() && opened_ < kConnectAtOnce + elapsed / kConnectInterval) {
      Connection& c = connections_[opened_++];
      c.handle = arguments_.handle;
      c.offset = arguments_.offset;
      c.cursor = arguments_.cursor;
      open(c);
    }
    if (arguments_.seconds > 0 && static_cast<double>(elapsed) > arguments_.seconds * kSecond) break;
    int n = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), opened_ < connections_.size() ? 1 : 20);
    for (int i = 0; i < n && !stop_; ++i) handle(events[static_cast<std::size_t>(i)]);
    retry_due();
    if (arguments_.mode == Mode::kLive && !ready && asked_once_ == connections_.size()) {
      ready = true;
      std::puts("READY");
      std::fflush(stdout);
    }
    if (errors_ > kErrorsMax) {
      std::fputs("too many errors\n", stderr);
      break;
    }
  }
  ended_ = now_ns();
}

void LoadGenerator::print() const {
  for (const std::string& line : results_) std::puts(line.c_str());
  for (const auto& [id, times] : seen_) {
    std::vector<std::uint64_t> sorted = times;
    std::ranges::sort(sorted);
    std::printf("A %ld %zu %llu %llu %llu\n", id, sorted.size(), static_cast<unsigned long long>(sorted.front()),
                static_cast<unsigned long long>(sorted[sorted.size() / 2]), static_cast<unsigned long long>(sorted.back()));
  }
  const auto seconds = [](std::uint64_t ns) { return static_cast<double>(ns) / kSecond; };
  std::printf(
      R"({"seconds":%.6f,"ttfb_s":%.6f,"bytes":%zu,"rows":%zu,"requests":%zu,"errors":%zu,"reconnects":%zu,"codes":{)",
      seconds(ended_ - started_), first_byte_ != 0 ? seconds(first_byte_ - started_) : 0, bytes_, rows_, requests_, errors_,
      reconnects_);
  const char* separator = "";
  for (const auto& [code, count] : codes_) {
    std::printf("%s\"%d\":%zu", separator, code, count);
    separator = ",";
  }
  const Connection none;
  const Connection& first = connections_.empty() ? none : connections_.front();
  std::printf(R"(},"handle":"%s","offset":"%s","cursor":"%s"})"
              "\n",
              first.handle.c_str(), first.offset.c_str(), first.cursor.c_str());
}

bool parse(std::deque<std::string> words, Arguments& to) {
  static const std::map<std::string, std::pair<Mode, std::size_t>> kModes = {
      {"sync", {Mode::kSync, 4}}, {"list", {Mode::kList, 4}}, {"get", {Mode::kGet, 6}}, {"live", {Mode::kLive, 9}}};
  const auto next = [&words] {
    std::string word = words.front();
    words.pop_front();
    return word;
  };
  if (words.empty() || !kModes.contains(words.front()) || words.size() < kModes.at(words.front()).second) return false;
  to.mode = kModes.at(next()).first;
  std::string host = next(), port = next();
  to.host = host + ':' + port;
  to.address.sin_family = AF_INET;
  to.address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port.c_str())));
  if (inet_pton(AF_INET, host.c_str(), &to.address.sin_addr) != 1) return false;
  if (to.mode != Mode::kSync) to.connections = std::strtoull(next().c_str(), nullptr, 10);
  if (to.mode == Mode::kGet) to.seconds = std::atof(next().c_str());
  if (to.mode == Mode::kLive) to.sse = next() == "sse";
  if (to.mode != Mode::kList) to.path = next();
  if (to.mode != Mode::kLive) return true;
  to.handle = next();
  to.offset = next();
  to.cursor = next();
  if (to.cursor == "-") to.cursor.clear();
  if (!words.empty()) to.watch = std::atol(next().c_str());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!parse({argv + 1, argv + argc}, arguments)) {
    std::fputs("usage: see the head of loadgen.cc\n", stderr);
    return 2;
  }
  LoadGenerator generator(std::move(arguments));
  generator.run();
  generator.print();
  return 0;
}

// The HTTP server: one thread and one io_context a core, each with its own listening socket (SO_REUSEPORT); a connection
// stays on the thread that accepted it.
//
// Requests are read whole, then handled (http/message.h). Everything that RFC 9112 calls invalid or that two parsers could
// read differently is answered 400 and closed (SECURITY H50 to H54, H57).
//
// While a handler's Task or a body's stream is awaited, the client is watched from the next quarter of a second on: where it
// closes its connection, or its sending side, the work is cancelled. Requests that it pipelines meanwhile wait their turn.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "http/message.h"

namespace sluice::http {

// Every bound of a connection, with its reason.
struct ServerLimits {
  std::size_t header_bytes_max = 48 * 1024;  // request line and fields: an 8 kB token and a 32 kB target fit
  std::size_t header_count_max = 100;
  std::size_t target_bytes_max = 32 * 1024;          // 414 beyond: long params are sent by POST
  std::size_t body_bytes_max = 1024 * 1024;          // 413 beyond: a subset is small
  std::size_t connections_max = 20'000;              // over all threads; beyond, accepted and closed with 503
  std::chrono::milliseconds header_timeout{10'000};  // from the first byte of a request to its last header byte
  std::chrono::milliseconds body_timeout{30'000};
  std::chrono::milliseconds idle_timeout{75'000};   // between requests: longer than any usual balancer's
  std::chrono::milliseconds write_timeout{30'000};  // without progress
  std::chrono::milliseconds drain_timeout{10'000};  // after stop(): then what is left is cut
};

struct ServerOptions {
  std::vector<std::string> listen;  // "127.0.0.1:4000", "[::1]:4000"; port 0 picks one
  unsigned threads = 0;             // 0: one a core the process may run on
  ServerLimits limits;
};

struct ServerStats {
  std::uint64_t connections_open;
  std::uint64_t connections_accepted;
  std::uint64_t connections_refused;
  std::uint64_t requests;
  std::uint64_t bad_requests;
};

class Server {
 public:
  // Binds; throws std::system_error naming the address where that fails (start-up only). `handler` must outlive it.
  Server(ServerOptions options, Handler& handler);
  ~Server();  // stop_now() and join

  void start();
  // No new connections; idle ones are closed; a request being handled has limits.drain_timeout to be answered, with
  // `Connection: close`. (Who holds requests is told by the caller: origin::Origin::drain.) Returns at once; join() waits.
  // Any thread.
  void stop();
  void stop_now();
  void join();

  // The addresses bound, with real ports.
  const std::vector<std::string>& addresses() const;
  ServerStats stats() const;
  // The io_contexts, for what must run on the connections' threads (client pools, timers). They live as long as the Server,
  // so what uses them is destroyed before it; they stop when the last connection has ended after stop().
  std::vector<boost::asio::io_context*> contexts();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::http

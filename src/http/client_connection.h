// One connection to an origin, plain or TLS, with one deadline; and the pools of idle ones.
//
// Everything here belongs to one io_context and its thread.
#pragma once

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "http/client.h"
#include "http/deadlines.h"

namespace sluice::http {

// What the connections of a Client share, on any thread; never changed.
struct ClientShared {
  explicit ClientShared(ClientOptions o);

  const std::uint64_t id;
  const ClientOptions options;
  std::optional<boost::asio::ssl::context> tls;  // of an https origin
};

class ClientConnection;

// The connections of one Client on one io_context.
class ClientPool {
 public:
  ClientPool();
  ~ClientPool();

  // The one used last, so that the others can run out. Nothing where none is idle and healthy.
  std::unique_ptr<ClientConnection> take();
  void give(std::unique_ptr<ClientConnection> connection);
  void drop(ClientConnection& idle);
  void clear();

  std::size_t open() const { return open_; }  // idle or not

 private:
  friend class ClientConnection;

  std::vector<std::unique_ptr<ClientConnection>> idle_;
  std::size_t open_ = 0;
};

// The pools of an io_context.
class ClientPools final : public boost::asio::execution_context::service {
 public:
  static boost::asio::execution_context::id id;

  explicit ClientPools(boost::asio::io_context& context) : boost::asio::execution_context::service(context) {}
  static ClientPool& pool(boost::asio::io_context& context, const ClientShared& client);

 private:
  void shutdown() override;

  std::unordered_map<std::uint64_t, ClientPool> pools_;
};

class ClientConnection final : private Deadline {
 public:
  template <typename T = void>
  using Result = std::expected<T, ClientError>;

  ClientConnection(boost::asio::io_context& context, ClientPool& pool, std::shared_ptr<const ClientShared> client);
  ~ClientConnection() override;

  // Every operation ends with kTimeout when expect_within()'s time is over, with kCancelled when its Task is cancelled.
  Task<Result<>> connect();
  Task<Result<>> write(std::string_view bytes);
  // Waits for bytes, or the end of the stream (an empty view). The view is valid until the next suspension. With
  // `await_first` no receive is tried before the socket is ready: just after a request nothing can be there yet.
  Task<Result<std::string_view>> read(bool await_first = false);

  void expect_within(std::chrono::milliseconds time) { set(time); }
  void expect_nothing() { clear(); }

  ClientPool& pool() { return pool_; }

 private:
  friend class ClientPool;

  using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor>;
  using Tls = boost::asio::ssl::stream<Socket&>;
  // One TLS record; plain connections read into the thread's block, which is larger.
  static constexpr std::size_t kTlsBlockBytes = 16 * 1024;

  Task<Result<>> connect_to(boost::asio::ip::tcp::endpoint endpoint);
  Task<Result<>> shake_hands();
  Task<Result<>> write_plain(std::string_view bytes);
  Task<Result<std::string_view>> read_plain(bool await_first);
  Task<Result<std::string_view>> read_tls();
  ClientError error_of(boost::system::error_code error, ClientError otherwise) const;
  bool healthy();  // of an idle one: still open, and nothing came unasked
  void expired() override;

  ClientPool& pool_;
  const std::shared_ptr<const ClientShared> client_;
  Socket socket_;
  std::optional<Tls> tls_;
  std::unique_ptr<char[]> tls_block_;
  bool timed_out_ = false;
  bool idle_ = false;
};

}  // namespace sluice::http

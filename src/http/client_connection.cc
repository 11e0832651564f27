#include "http/client_connection.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/write.hpp>

#include "http/resolve.h"

namespace sluice::http {
namespace {

using boost::asio::ip::tcp;
namespace ssl = boost::asio::ssl;

constexpr auto kAwait = boost::asio::as_tuple(use_task);

// Where plain connections of a thread receive. Bytes leave it before the thread does anything else.
std::span<char> thread_block() {
  thread_local std::array<char, 64 * 1024> block;
  return block;
}

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> id{0};
  return ++id;
}

void configure(ssl::context& tls) {
  tls.set_default_verify_paths();
  tls.set_verify_mode(ssl::verify_peer);
  SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
  static constexpr std::string_view kProtocols = "\x08http/1.1";
  SSL_CTX_set_alpn_protos(tls.native_handle(), reinterpret_cast<const unsigned char*>(kProtocols.data()),
                          static_cast<unsigned>(kProtocols.size()));
}

}  // namespace

ClientShared::ClientShared(ClientOptions o) : id(next_id()), options(std::move(o)) {
  if (options.origin.tls) configure(tls.emplace(ssl::context::tls_client));
}

ClientPool::ClientPool() = default;
ClientPool::~ClientPool() = default;

void ClientPool::clear() {
  idle_.clear();
}

std::unique_ptr<ClientConnection> ClientPool::take() {
  while (!idle_.empty()) {
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    connection->idle_ = false;
    connection->clear();
    if (connection->healthy()) return connection;
  }
  return nullptr;
}

void ClientPool::give(std::unique_ptr<ClientConnection> connection) {
  const ClientOptions& options = connection->client_->options;
  if (idle_.size() >= options.idle_connections_max) return;
  connection->idle_ = true;
  connection->set(options.idle_timeout, Deadline::Hold::kWeak);
  idle_.push_back(std::move(connection));
}

void ClientPool::drop(ClientConnection& idle) {
  std::erase_if(idle_, [&](const auto& connection) { return connection.get() == &idle; });
}

boost::asio::execution_context::id ClientPools::id;

ClientPool& ClientPools::pool(boost::asio::io_context& context, const ClientShared& client) {
  return boost::asio::use_service<ClientPools>(context).pools_[client.id];
}

void ClientPools::shutdown() {
  for (auto& [client, pool] : pools_) pool.clear();
}

ClientConnection::ClientConnection(boost::asio::io_context& context, ClientPool& pool,
                                   std::shared_ptr<const ClientShared> client)
    : Deadline(context), pool_(pool), client_(std::move(client)), socket_(context) {
  ++pool_.open_;
}

ClientConnection::~ClientConnection() {
  --pool_.open_;
}

Task<ClientConnection::Result<>> ClientConnection::connect() {
  const ClientOptions& options = client_->options;
  set(options.connect_timeout);
  const auto endpoints = co_await resolve(options.origin.host, options.origin.port, options.connect_timeout);
  if (!endpoints) co_return std::unexpected(endpoints.error());
  Result<> result;
  for (const tcp::endpoint& endpoint : *endpoints) {
    if (timed_out_) co_return std::unexpected(ClientError::kTimeout);
    result = co_await connect_to(endpoint);
    if (result || result.error() != ClientError::kConnect) break;
  }
  if (!result) co_return result;
  boost::system::error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  if (options.origin.tls) co_return co_await shake_hands();
  co_return Result<>();
}

Task<ClientConnection::Result<>> ClientConnection::connect_to(tcp::endpoint endpoint) {
  boost::system::error_code ignored;
  socket_.close(ignored);
  const auto [error] = co_await socket_.async_connect(endpoint, kAwait);
  if (error) co_return std::unexpected(error_of(error, ClientError::kConnect));
  co_return Result<>();
}

Task<ClientConnection::Result<>> ClientConnection::shake_hands() {
  const std::string& host = client_->options.origin.host;
  // The context is shared and only read; Asio's constructor takes it by non-const reference.
  tls_.emplace(socket_, const_cast<ssl::context&>(*client_->tls));
  tls_block_ = std::make_unique_for_overwrite<char[]>(kTlsBlockBytes);
  boost::system::error_code not_an_address;
  boost::asio::ip::make_address(host, not_an_address);
  if (not_an_address) SSL_set_tlsext_host_name(tls_->native_handle(), host.c_str());  // names only (RFC 6066 section 3)
  tls_->set_verify_callback(ssl::host_name_verification(host));
  const auto [error] = co_await tls_->async_handshake(ssl::stream_base::client, kAwait);
  if (error) co_return std::unexpected(error_of(error, ClientError::kTls));
  co_return Result<>();
}

Task<ClientConnection::Result<>> ClientConnection::write(std::string_view bytes) {
  if (!tls_) co_return co_await write_plain(bytes);
  const auto [error, written] = co_await boost::asio::async_write(*tls_, boost::asio::buffer(bytes), kAwait);
  if (error) co_return std::unexpected(error_of(error, ClientError::kReset));
  co_return Result<>();
}

Task<ClientConnection::Result<>> ClientConnection::write_plain(std::string_view bytes) {
  while (true) {
    const ssize_t n = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
      if (bytes.empty()) co_return Result<>();
    } else if (errno == EAGAIN) {
      const auto [error] = co_await socket_.async_wait(Socket::wait_write, kAwait);
      if (error) co_return std::unexpected(error_of(error, ClientError::kReset));
    } else if (errno != EINTR) {
      co_return std::unexpected(error_of({}, ClientError::kReset));
    }
  }
}

Task<ClientConnection::Result<std::string_view>> ClientConnection::read(bool await_first) {
  return tls_ ? read_tls() : read_plain(await_first);
}

Task<ClientConnection::Result<std::string_view>> ClientConnection::read_plain(bool await_first) {
  const std::span<char> block = thread_block();
  bool wait = await_first;
  while (true) {
    if (wait) {
      const auto [error] = co_await socket_.async_wait(Socket::wait_read, kAwait);
      if (error) co_return std::unexpected(error_of(error, ClientError::kReset));
    }
    const ssize_t n = ::recv(socket_.native_handle(), block.data(), block.size(), MSG_DONTWAIT);
    if (n >= 0) co_return std::string_view(block.data(), static_cast<std::size_t>(n));
    if (errno != EAGAIN && errno != EINTR) co_return std::unexpected(error_of({}, ClientError::kReset));
    wait = errno == EAGAIN;
  }
}

Task<ClientConnection::Result<std::string_view>> ClientConnection::read_tls() {
  const auto [error, n] = co_await tls_->async_read_some(boost::asio::buffer(tls_block_.get(), kTlsBlockBytes), kAwait);
  if (error == boost::asio::error::eof) co_return std::string_view();
  // A stream that ends without close_notify may have been cut by anybody.
  if (error) co_return std::unexpected(error_of(error, ClientError::kReset));
  co_return std::string_view(tls_block_.get(), n);
}

ClientError ClientConnection::error_of(boost::system::error_code error, ClientError otherwise) const {
  if (timed_out_) return ClientError::kTimeout;
  return error == boost::asio::error::operation_aborted ? ClientError::kCancelled : otherwise;
}

bool ClientConnection::healthy() {
  char byte = 0;
  const ssize_t n = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n < 0 && errno == EAGAIN;
}

void ClientConnection::expired() {
  if (idle_) return pool_.drop(*this);
  timed_out_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace sluice::http

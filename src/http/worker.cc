#include "http/worker.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <cerrno>

namespace sluice::http {

using boost::asio::ip::tcp;

Worker::Worker(ServerShared& shared, unsigned index) : shared_(shared), index_(index) {}

tcp::endpoint Worker::listen(const tcp::endpoint& endpoint) {
  using ReusePort = boost::asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
  Acceptor& acceptor = acceptors_.emplace_back(context_);
  acceptor.open(endpoint.protocol());
  acceptor.set_option(Acceptor::reuse_address(true));
  acceptor.set_option(ReusePort(true));
  if (endpoint.address().is_v6()) acceptor.set_option(boost::asio::ip::v6_only(true));
  acceptor.bind(endpoint);
  acceptor.listen(Acceptor::max_listen_connections);
  acceptor.native_non_blocking(true);
  return acceptor.local_endpoint();
}

void Worker::run() {
  const auto guard = boost::asio::make_work_guard(context_);
  for (Acceptor& acceptor : acceptors_) accept(acceptor);
  context_.run();
}

void Worker::stop() {
  boost::asio::post(context_, [this] { drain(); });
}

void Worker::stop_now() {
  boost::asio::post(context_, [this] { abort_all(); });
}

void Worker::accept(Acceptor& acceptor) {
  acceptor.async_wait(Acceptor::wait_read, [this, &acceptor](boost::system::error_code) {
    if (!draining_) accept_waiting(acceptor);
  });
}

void Worker::accept_waiting(Acceptor& acceptor) {
  for (int i = 0; i < kAcceptedInARow && accept_one(acceptor); ++i) {}
  const bool full = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
  if (!full) return accept(acceptor);
  // Trying again at once would only burn the core.
  paused_.push_back(&acceptor);
  accept_again_.set(kAcceptPause);
}

// False, and why in errno, where there is nobody to be had.
bool Worker::accept_one(Acceptor& acceptor) {
  tcp::endpoint peer;
  auto size = static_cast<socklen_t>(peer.capacity());
  const int socket = ::accept4(acceptor.native_handle(), peer.data(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (socket < 0) return errno == ECONNABORTED || errno == EINTR;
  peer.resize(size);
  open(OwnedDescriptor(socket), peer);
  errno = 0;
  return true;
}

void Worker::open(OwnedDescriptor socket, const tcp::endpoint& peer) {
  const int on = 1;
  ::setsockopt(socket.descriptor(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const std::size_t others = shared_.connections.load(std::memory_order_relaxed);
  const bool full = others >= shared_.limits.connections_max;
  (full ? counters_.refused : counters_.accepted).add(1);
  if (others >= shared_.limits.connections_max + kRefusingMax) return;
  const std::uint64_t id = static_cast<std::uint64_t>(index_) << 48 | next_id_++;
  const auto connection = std::make_shared<Connection>(*this, std::move(socket), peer.address().to_string(), id);
  connection_opened(*connection);
  full ? connection->start_refused() : connection->start();
}

void Worker::resume_accepting() {
  for (Acceptor* acceptor : std::exchange(paused_, {})) accept(*acceptor);
}

void Worker::connection_opened(Connection& connection) {
  connections_.push_back(connection);
  ++open_;
  shared_.connections.fetch_add(1, std::memory_order_relaxed);
}

void Worker::connection_closed() {
  --open_;
  shared_.connections.fetch_sub(1, std::memory_order_relaxed);
  if (draining_ && open_ == 0) finish();
}

void Worker::drain() {
  if (draining_) return;
  draining_ = true;
  for (Acceptor& acceptor : acceptors_) acceptor.close();
  for (Connection& connection : connections_) connection.drain();
  if (open_ == 0) return finish();
  drain_over_.set(shared_.limits.drain_timeout);
}

void Worker::abort_all() {
  drain();
  if (aborting_ || open_ == 0) return;
  aborting_ = true;
  // Cancelling may end a connection on the spot, so they are held while the list is walked.
  std::vector<std::shared_ptr<Connection>> all;
  for (Connection& connection : connections_) all.push_back(connection.shared_from_this());
  for (const auto& connection : all) connection->abort();
  abort_over_.set(kAbortGrace);  // for a handler that does not heed its cancellation
}

void Worker::finish() {
  context_.stop();
}

}  // namespace sluice::http

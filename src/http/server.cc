#include "http/server.h"

#include <sched.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <charconv>
#include <system_error>
#include <thread>

#include "http/worker.h"

namespace sluice::http {
namespace {

using boost::asio::ip::tcp;

[[noreturn]] void fail(std::error_code error, const std::string& address) {
  throw std::system_error(error, "cannot listen on " + address);
}

// "127.0.0.1:4000" or "[::1]:4000": an address, not a name, so that nothing is resolved.
tcp::endpoint parse_address(const std::string& text) {
  const auto colon = text.rfind(':');
  const auto invalid = std::make_error_code(std::errc::invalid_argument);
  if (colon == std::string::npos) fail(invalid, text);
  std::string host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + colon + 1, end, port);
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  if (error || parsed.ec != std::errc() || parsed.ptr != end || address.is_v6() != bracketed) fail(invalid, text);
  return {address, port};
}

std::string address_text(const tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(endpoint.port());
}

// Those this process may run on, which a container or taskset can make fewer than the machine has.
unsigned cores() {
  cpu_set_t set;
  const bool known = ::sched_getaffinity(0, sizeof set, &set) == 0;
  return std::max(1u, known ? static_cast<unsigned>(CPU_COUNT(&set)) : std::thread::hardware_concurrency());
}

// SO_REUSEPORT would let a second server of the same user take half of a first one's connections unnoticed.
void require_unused(const tcp::endpoint& endpoint) {
  if (endpoint.port() == 0) return;
  boost::asio::io_context context(1);
  tcp::acceptor probe(context, endpoint.protocol());
  probe.set_option(tcp::acceptor::reuse_address(true));
  if (endpoint.address().is_v6()) probe.set_option(boost::asio::ip::v6_only(true));
  probe.bind(endpoint);
}

}  // namespace

struct Server::Impl {
  ServerShared shared;
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<std::thread> threads;
  std::vector<std::string> addresses;

  Impl(const ServerOptions& options, Handler& handler) : shared{options.limits, handler} {
    const unsigned count = options.threads > 0 ? options.threads : cores();
    for (unsigned i = 0; i < count; ++i) workers.push_back(std::make_unique<Worker>(shared, i));
    for (const std::string& text : options.listen) listen(text);
  }

  // The first worker's socket picks the port, where it is 0; the others share it.
  void listen(const std::string& text) {
    tcp::endpoint endpoint = parse_address(text);
    try {
      require_unused(endpoint);
      for (const auto& worker : workers) endpoint = worker->listen(endpoint);
    } catch (const boost::system::system_error& error) {
      fail(error.code(), text);
    }
    addresses.push_back(address_text(endpoint));
  }
};

Server::Server(ServerOptions options, Handler& handler) : impl_(std::make_unique<Impl>(options, handler)) {}

Server::~Server() {
  stop_now();
  join();
}

void Server::start() {
  for (const auto& worker : impl_->workers) impl_->threads.emplace_back([w = worker.get()] { w->run(); });
}

void Server::stop() {
  for (const auto& worker : impl_->workers) worker->stop();
}

void Server::stop_now() {
  for (const auto& worker : impl_->workers) worker->stop_now();
}

void Server::join() {
  for (std::thread& thread : impl_->threads) thread.join();
  impl_->threads.clear();
}

const std::vector<std::string>& Server::addresses() const {
  return impl_->addresses;
}

ServerStats Server::stats() const {
  ServerStats stats{};
  stats.connections_open = impl_->shared.connections.load(std::memory_order_relaxed);
  for (const auto& worker : impl_->workers) {
    const Worker::Counters& counters = worker->counters();
    stats.connections_accepted += counters.accepted.value();
    stats.connections_refused += counters.refused.value();
    stats.requests += counters.requests.value();
    stats.bad_requests += counters.bad_requests.value();
  }
  return stats;
}

std::vector<boost::asio::io_context*> Server::contexts() {
  std::vector<boost::asio::io_context*> contexts;
  for (const auto& worker : impl_->workers) contexts.push_back(&worker->context());
  return contexts;
}

}  // namespace sluice::http

#include "http/resolve.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

namespace sluice::http {
namespace {

using boost::asio::ip::tcp;
using Endpoints = std::vector<tcp::endpoint>;
using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

// Owned by the look-up and by who waits for it, whichever is longer.
struct Lookup {
  explicit Lookup(const Executor& executor) : resolver(executor), wake(executor) {}

  boost::asio::ip::basic_resolver<tcp, Executor> resolver;
  Timer wake;
  bool done = false;
  Endpoints endpoints;
};

void begin(const std::shared_ptr<Lookup>& lookup, const std::string& host, std::uint16_t port) {
  lookup->resolver.async_resolve(host, std::to_string(port), tcp::resolver::numeric_service,
                                 [lookup](boost::system::error_code, const tcp::resolver::results_type& results) {
                                   lookup->done = true;
                                   for (const auto& result : results) lookup->endpoints.push_back(result.endpoint());
                                   lookup->wake.cancel();
                                 });
}

}  // namespace

Task<std::expected<Endpoints, ClientError>> resolve(std::string host, std::uint16_t port,
                                                    std::chrono::milliseconds timeout) {
  boost::system::error_code not_an_address;
  const auto address = boost::asio::ip::make_address(host, not_an_address);
  if (!not_an_address) co_return Endpoints{{address, port}};

  const auto lookup = std::make_shared<Lookup>(co_await boost::asio::this_coro::executor);
  begin(lookup, host, port);
  lookup->wake.expires_after(timeout);
  const auto [error] = co_await lookup->wake.async_wait(boost::asio::as_tuple(use_task));
  if (!lookup->done) {
    lookup->resolver.cancel();
    co_return std::unexpected(error ? ClientError::kCancelled : ClientError::kTimeout);
  }
  if (lookup->endpoints.empty()) co_return std::unexpected(ClientError::kResolve);
  co_return std::move(lookup->endpoints);
}

}  // namespace sluice::http

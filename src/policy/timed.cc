#include "policy/timed.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

namespace sluice::policy {
namespace {

namespace asio = boost::asio;
using asio::experimental::awaitable_operators::operator||;
using Clock = std::chrono::steady_clock;
using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;

// An exception's text may hold what the caller sent, so only error codes are told.
Task<Decision> caught(Task<Decision> work) {
  std::string reason;
  try {
    co_return co_await std::move(work);
  } catch (const boost::system::system_error& error) {
    reason = error.code().message();
  } catch (const std::exception&) {
    reason = "an exception";
  }
  co_return Decision::failed(std::move(reason));
}

}  // namespace

Task<Decision> with_timeout(Task<Decision> work, std::chrono::milliseconds timeout) {
  Timer timer(co_await asio::this_coro::executor, timeout);
  auto first = co_await (caught(std::move(work)) || timer.async_wait(asio::as_tuple(use_task)));
  if (auto* decision = std::get_if<Decision>(&first)) co_return std::move(*decision);
  co_return Decision::failed("timed out after " + std::to_string(timeout.count()) + " ms");
}

Timed::Timed(std::unique_ptr<Authorizer> authorizer, std::chrono::milliseconds timeout, std::string name)
    : authorizer_(std::move(authorizer)), timeout_(timeout), name_(std::move(name)) {}

Task<Decision> Timed::authorize(const Principal& principal, const shape::Definition& asked) {
  Decision decision = co_await with_timeout(authorizer_->authorize(principal, asked), timeout_);
  if (decision.authorizer.empty()) decision.authorizer = name_;
  co_return decision;
}

}  // namespace sluice::policy

#include "gateway/shape_answer.h"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/system_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <chrono>

namespace sluice::gateway {
namespace {

namespace asio = boost::asio;
using asio::experimental::awaitable_operators::operator||;
using Timer = asio::basic_waitable_timer<std::chrono::system_clock, asio::wait_traits<std::chrono::system_clock>, Executor>;

constexpr std::string_view kGenericError =
    R"({"error":"invalid_request","message":"The origin did not accept this shape request."})";

std::chrono::system_clock::time_point time_of(std::int64_t seconds) {
  return std::chrono::system_clock::time_point(std::chrono::seconds(seconds));
}

// A right without a foreseeable end needs no timer, and a far time would overflow the clock.
constexpr std::int64_t kNoEnd_s = 4'000'000'000;

class ExpiringStream : public http::BodyStream {
 public:
  ExpiringStream(std::unique_ptr<http::BodyStream> inner, std::int64_t expires_at_s)
      : inner_(std::move(inner)), expires_at_s_(expires_at_s) {}

  Task<std::expected<Buffer, http::BodyError>> next() override {
    Timer timer(co_await asio::this_coro::executor, time_of(expires_at_s_));
    auto first = co_await (inner_->next() || timer.async_wait(asio::as_tuple(use_task)));
    if (first.index() == 0) co_return std::get<0>(std::move(first));
    inner_.reset();
    co_return Buffer();
  }

 private:
  std::unique_ptr<http::BodyStream> inner_;
  std::int64_t expires_at_s_;
};

bool is_event_stream(const http::Response& response) {
  return response.fields.get("content-type") == "text/event-stream";
}

}  // namespace

void finish_shape_answer(const ShapeAnswerOptions& options, http::Response& response) {
  if (response.status >= 400 && response.status < 500 && response.status != 409 && response.status != 429 &&
      !options.debug) {
    const int status = response.status;
    answer_json(status, Buffer::of_static(kGenericError), response);
    return;
  }
  if (options.shared) return;
  response.fields.set("cache-control", response.status < 400 ? "private, no-cache" : "no-store");
  response.fields.set("cdn-cache-control", "no-store");
  response.fields.remove("surrogate-control");
}

Task<void> await_until(Task<void> work, std::int64_t expires_at_s, http::Response& response) {
  if (expires_at_s >= kNoEnd_s) {
    co_await std::move(work);
    co_return;
  }
  Timer timer(co_await asio::this_coro::executor, time_of(expires_at_s));
  const auto first = co_await (std::move(work) || timer.async_wait(asio::as_tuple(use_task)));
  if (first.index() == 1)
    answer_refusal({401, "token_expired", "The token has expired."}, response);
  else if (response.stream && is_event_stream(response))
    response.stream = std::make_unique<ExpiringStream>(std::move(response.stream), expires_at_s);
}

}  // namespace sluice::gateway

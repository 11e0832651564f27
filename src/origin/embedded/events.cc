#include "origin/embedded/events.h"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <utility>

namespace sluice::origin::embedded {
namespace {

constexpr std::string_view kKeepAlive = ": keep-alive\n\n";

}  // namespace

EventStream::EventStream(std::shared_ptr<Shape> shape, shape::Offset from, EventOptions options, const LastSeen& last_seen,
                         const std::atomic<bool>& draining)
    : shape_(std::move(shape)),
      at_{from},
      options_(options),
      last_seen_(last_seen),
      draining_(draining),
      end_(std::chrono::steady_clock::now() + options.timeout) {}

bool EventStream::over() const {
  return draining_ || shape_->phase() == Phase::kDropped;
}

bool EventStream::has_more() const {
  return shape_->log().head() > at_.after;
}

Buffer EventStream::take() {
  auto up_to_date = last_seen_.get();
  EventPiece piece = shape_->events_after(at_, *up_to_date);
  at_ = piece.to;
  return std::move(piece.text);
}

Task<std::expected<Buffer, http::BodyError>> EventStream::next() {
  // Those who are in the middle of a long run take turns, so that one spelling of each piece does for all of them.
  if (at_.bytes > 0) co_await boost::asio::post(co_await boost::asio::this_coro::executor, use_task);
  while (!over()) {
    if (has_more()) co_return take();
    auto now = std::chrono::steady_clock::now();
    if (now >= end_) break;
    auto alarm = std::min(end_, now + options_.keepalive);
    try {
      co_await shape_->waiters().wait(alarm, [this] { return over() || has_more(); });
    } catch (const boost::system::system_error&) {
      co_return std::unexpected(http::BodyError::kCancelled);
    }
    bool silent = !over() && !has_more() && alarm < end_;
    if (silent && std::chrono::steady_clock::now() >= alarm) co_return Buffer::of_static(kKeepAlive);
  }
  co_return Buffer();
}

}  // namespace sluice::origin::embedded

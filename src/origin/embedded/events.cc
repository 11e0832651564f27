#include "origin/embedded/events.h"

#include <boost/system/system_error.hpp>
#include <utility>

namespace sluice::origin::embedded {
namespace {

constexpr std::string_view kKeepAlive = ": keep-alive\n\n";
constexpr std::string_view kData = "data: ";
constexpr std::string_view kEventEnd = "\n\n";

}  // namespace

// An entry is a line that ends in a comma; neither is part of the event. Buffers cut entries anywhere.
std::string to_events(const std::vector<Buffer>& entries) {
  std::string out;
  bool at_start = true;
  for (const Buffer& buffer : entries) {
    std::string_view rest = buffer.bytes();
    while (!rest.empty()) {
      if (at_start) out += kData;
      std::size_t newline = rest.find('\n');
      at_start = newline != std::string_view::npos;
      out += rest.substr(0, newline);
      if (!at_start) break;
      out.pop_back();  // the comma, which a former buffer may have brought
      out += kEventEnd;
      rest.remove_prefix(newline + 1);
    }
  }
  return out;
}

EventStream::EventStream(std::shared_ptr<Shape> shape, shape::Offset from, EventOptions options, const LastSeen& last_seen,
                         const std::atomic<bool>& draining)
    : shape_(std::move(shape)),
      at_(from),
      options_(options),
      last_seen_(last_seen),
      draining_(draining),
      end_(std::chrono::steady_clock::now() + options.timeout) {}

bool EventStream::over() const {
  return draining_ || shape_->phase() == Phase::kDropped;
}

bool EventStream::has_more() const {
  return shape_->log().head() > at_;
}

Buffer EventStream::take() {
  auto up_to_date = last_seen_.get();
  auto events = shape_->events_after(at_, *up_to_date);
  at_ = events.end;
  return events.text;
}

Task<std::expected<Buffer, http::BodyError>> EventStream::next() {
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

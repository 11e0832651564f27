#include "origin/embedded/serving.h"

#include <boost/asio/this_coro.hpp>
#include <utility>

#include "base/log.h"
#include "origin/embedded/subset.h"

namespace sluice::origin::embedded {
namespace {

using shape::Live;
using shape::Offset;
using Clock = std::chrono::steady_clock;

// How long a request waits for a snapshot before it is told to come back: below what clients and balancers wait for.
constexpr std::chrono::seconds kSnapshotPatience{30};
// A shape that is dropped while it is being made is made again this often for one request.
constexpr int kMakeAttempts = 3;
// Between two looks whether the log has come as far as a request is.
constexpr std::chrono::milliseconds kLookAgain{100};

// What a standby tells who asks it: it takes over within that time.
constexpr int kStandbyRetry_s = 2;

class Count {
 public:
  explicit Count(std::atomic<std::size_t>& counter) : counter_(counter) { ++counter_; }
  ~Count() { --counter_; }
  Count(const Count&) = delete;
  Count& operator=(const Count&) = delete;

 private:
  std::atomic<std::size_t>& counter_;
};

bool begins(const shape::Position& position) {
  return position.offset.is_before_all() || position.offset.is_now();
}

Failure out_of_bounds() {
  return bad_request("offset", "out of bounds for this shape");
}

Failure catching_up() {
  return unavailable("catching_up", "The database's changes have not been read as far again", 1);
}

// With offset -1 and now a handle means nothing.
bool names_another(const shape::Position& position, const Shape& shape) {
  return !begins(position) && position.handle != shape.handle();
}

// The chunk of the snapshot that follows `after`; nothing where what follows is a change.
std::optional<std::uint64_t> chunk_after(Offset after) {
  if (after.is_before_all()) return 0;
  if (after.is_now() || after.tx() != 0 || after.op() == Offset::kInfinity) return std::nullopt;
  return after.op() + 1;
}

// Whether the request can be answered from what of the snapshot is there while the rest is read.
bool has_chunk(const Shape& shape, const shape::Request& request) {
  if (request.subset || request.position.live == Live::kSse) return false;
  auto chunk = chunk_after(request.position.offset);
  return chunk && *chunk < shape.chunks_closed();
}

}  // namespace

Serving::Serving(ServingOptions options, ServingParts parts)
    : options_(std::move(options)),
      registry_(parts.registry),
      store_(parts.store),
      maker_(parts.maker),
      follower_(parts.follower),
      last_seen_(parts.last_seen) {}

Told Serving::told(const Shape& shape, const AuthorizedRequest& request) const {
  auto interval = std::chrono::duration_cast<std::chrono::seconds>(options_.long_poll_timeout);
  return {request, shape, options_.cache, static_cast<std::uint64_t>(interval.count())};
}

Task<void> Serving::serve(RequestPtr request, http::Response& response) {
  if (follower_.stands_by()) {
    answer_failure(*request, unavailable("standby", "Another origin serves this database", kStandbyRetry_s), response);
    return {};
  }
  if (request->verb() == Verb::kDelete) {
    remove(*request, response);
    return {};
  }
  auto shape = registry_.find(request->shape().definition.canonical_text());
  if (!shape) return serve_later(std::move(request), response);
  std::optional<Offset> head;
  if (answer_now(shape, *request, response, head)) return {};
  // What most held requests are, without the coroutines of the others.
  if (head) return hold(std::move(shape), std::move(request), *head, response);
  return serve_later(std::move(request), response);
}

void Serving::remove(const AuthorizedRequest& request, http::Response& response) {
  if (!options_.allow_delete) return answer_delete_refused(response);
  auto shape = registry_.find(request.shape().definition.canonical_text());
  if (!shape) return answer_not_found(response);
  registry_.drop(shape);
  follower_.forget(shape);
  answer_deleted(response);
}

// A client of an event stream goes on from the position it was told last: behind the head of a log that had no part in
// what came last.
std::expected<store::Page, store::ReadError> Serving::read(const Shape& shape, Offset from) const {
  auto page = shape.log().read_to_send(from);
  if (page || page.error() != store::ReadError::kBeyondHead || from.tx() > last_seen_.get()->lsn) return page;
  return store::Page{.end = from, .at_head = true};
}

// False where there is something to wait for: `head` is set where that is what comes behind it.
bool Serving::answer_now(const std::shared_ptr<Shape>& shape, const AuthorizedRequest& request, http::Response& response,
                         std::optional<Offset>& head) {
  const shape::Position& position = request.shape().position;
  const Phase phase = shape->phase();
  if (phase == Phase::kDropped || (phase == Phase::kCreating && !has_chunk(*shape, request.shape()))) return false;
  shape->touch(Clock::now());
  if (names_another(position, *shape)) {
    answer_must_refetch(request, &shape->handle(), response);
    return true;
  }
  if (request.shape().subset) return false;
  auto up_to_date = last_seen_.get();  // before the log is read
  if (position.offset.is_now()) {
    answer_empty(told(*shape, request), shape->log().head(), *up_to_date, response);
    return true;
  }
  auto page = read(*shape, position.offset);
  if (!page) {
    if (page.error() == store::ReadError::kUnavailable) give_up(shape);
    return false;
  }
  if (position.live == Live::kSse) {
    answer_events(shape, told(*shape, request), *page, response);
    return true;
  }
  if (position.live == Live::kLongPoll && page->at_head && page->empty()) {
    head = page->end;
    return false;
  }
  answer_page(told(*shape, request), std::move(*page), *up_to_date, response);
  return true;
}

// Its log cannot be read: the shape is made anew.
void Serving::give_up(const std::shared_ptr<Shape>& shape) {
  log::error("shape_unreadable", {{"handle", shape->handle()}});
  registry_.drop(shape);
  follower_.forget(shape);
}

void Serving::answer_events(const std::shared_ptr<Shape>& shape, const Told& told, const store::Page& page,
                            http::Response& response) {
  begin_events(told, page.at_head, response);
  Offset from = page.empty() ? page.end : told.request.shape().position.offset;
  response.stream = std::make_unique<EventStream>(shape, from, options_.events, last_seen_, draining_);
}

// To be fetched anew, under the handle of the shape that is in its place; without one where there is none yet, as recorded.
void Serving::answer_gone(const AuthorizedRequest& request, http::Response& response) const {
  const auto successor = registry_.find(request.shape().definition.canonical_text());
  const bool known = successor && names_another(request.shape().position, *successor);
  answer_must_refetch(request, known ? &successor->handle() : nullptr, response);
}

Task<void> Serving::serve_later(RequestPtr request, http::Response& response) {
  std::optional<Count> held(std::in_place, held_);
  const shape::Position& position = request->shape().position;
  for (int attempt = 0; attempt < kMakeAttempts; ++attempt) {
    auto found = co_await maker_.find_or_make(request->shape().definition);
    if (!found) co_return answer_failure(*request, found.error(), response);
    std::shared_ptr<Shape> shape = std::move(*found);
    if (names_another(position, *shape)) co_return answer_must_refetch(*request, &shape->handle(), response);
    if (!co_await wait_until_readable(shape, request)) break;
    if (shape->phase() == Phase::kDropped) {
      // Who goes on has a part of a snapshot that will never be whole.
      if (!begins(position)) co_return answer_gone(*request, response);
      if (shape->failure()) co_return answer_failure(*request, *shape->failure(), response);
      continue;
    }
    std::optional<Offset> head;
    if (shape->phase() == Phase::kCreating) {
      if (answer_now(shape, *request, response, head)) co_return;
      break;
    }
    if (request->shape().subset) co_return co_await serve_subset(shape, request, response);
    if (answer_now(shape, *request, response, head)) co_return;
    if (shape->phase() == Phase::kDropped) continue;
    if (!head && !co_await wait_until_known(shape, position.offset) && shape->phase() != Phase::kDropped) {
      co_return answer_failure(*request, !draining_ && follower_.caught_up() ? out_of_bounds() : catching_up(), response);
    }
    if (!head && answer_now(shape, *request, response, head)) co_return;
    if (!head) co_return answer_gone(*request, response);
    held.reset();  // it counts itself
    co_return co_await hold(shape, request, *head, response);
  }
  answer_failure(*request, unavailable("snapshot_pending", "The shape is being made", 5), response);
}

Task<bool> Serving::wait_until_readable(std::shared_ptr<Shape> shape, RequestPtr request) {
  auto readable = [&] { return shape->phase() != Phase::kCreating || has_chunk(*shape, request->shape()); };
  if (readable()) co_return true;
  co_await shape->waiters().wait(Clock::now() + kSnapshotPatience, [&] { return draining_ || readable(); });
  co_return readable();
}

// From beyond what is known of the log: the process before this one was further, and what it told comes again from the
// database. The shape may have no part in it, so nobody wakes us: we look.
Task<bool> Serving::wait_until_known(std::shared_ptr<Shape> shape, Offset at) {
  const auto over = [&] { return draining_ || shape->phase() == Phase::kDropped || read(*shape, at).has_value(); };
  const auto end = Clock::now() + options_.long_poll_timeout / 2;
  while (!over() && Clock::now() < end) {
    co_await shape->waiters().wait(std::min(end, Clock::now() + kLookAgain), over);
  }
  co_return read(*shape, at).has_value();
}

// A live request at the head. Thousands wait here: its frame is what each of them costs.
Task<void> Serving::hold(std::shared_ptr<Shape> shape, RequestPtr request, Offset at, http::Response& response) {
  Count held(held_);
  if (!store_.writable()) co_return answer_failure(*request, storage_full(), response);
  const auto has_more = [&] { return shape->log().head() > at; };
  const auto over = [&] { return draining_ || shape->phase() == Phase::kDropped || has_more(); };
  WaitList::Waiter waiter(shape->waiters(), co_await boost::asio::this_coro::executor);
  const auto deadline = Clock::now() + options_.long_poll_timeout;
  while (waiter.must_wait(over)) {
    if (WaitList::over(co_await waiter.spot().park(deadline))) break;
  }
  if (shape->phase() == Phase::kDropped) co_return answer_gone(*request, response);
  std::optional<Offset> head;
  if (has_more() && answer_now(shape, *request, response, head)) co_return;
  if (!draining_ && !store_.writable()) co_return answer_failure(*request, storage_full(), response);
  if (!draining_ && follower_.health() != Origin::Health::kActive) {
    co_return answer_failure(
        *request, unavailable("database_unreachable", "The database cannot be reached", follower_.retry_s()), response);
  }
  answer_empty(told(*shape, *request), at, *last_seen_.get(), response);
}

Task<void> Serving::serve_subset(std::shared_ptr<Shape> shape, RequestPtr request, http::Response& response) {
  const shape::Request& asked = request->shape();
  auto query = subset_query(shape->spec(), asked.definition, *asked.subset, options_.subset_timeout);
  if (!query) co_return answer_failure(*request, query.error(), response);
  Offset head = shape->log().head();
  auto writer = std::make_shared<SubsetWriter>(shape);
  auto info = co_await maker_.read_rows(std::move(*query), writer);
  if (!info) co_return answer_failure(*request, info.error(), response);
  auto body = writer->finish(*info);
  if (!body) co_return answer_failure(*request, body.error(), response);
  begin_subset(told(*shape, *request), head, response);
  response.buffers.push_back(Buffer::of(std::move(*body)));
}

void Serving::drain() {
  draining_ = true;
  for (const auto& shape : registry_.all()) shape->waiters().wake_all();
}

}  // namespace sluice::origin::embedded

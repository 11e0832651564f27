#include "origin/embedded/follower.h"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <exception>

#include "base/log.h"
#include "replication/catalog.h"

namespace sluice::origin::embedded {

namespace asio = boost::asio;
using replication::StreamEnd;

namespace {

constexpr std::chrono::milliseconds kBackoffMin{100};
constexpr std::chrono::milliseconds kBackoffMax{2'000};
constexpr int kBackoffDoublings = 5;  // from kBackoffMin to kBackoffMax

// A statement of preparing that takes longer hangs: making a slot waits for the transactions that run, which may be long.
constexpr std::chrono::milliseconds kPrepareTimeout{120'000};

// The slot is dropped at the end so that the server does not keep its log for nobody; a server that is gone keeps nothing.
constexpr std::chrono::milliseconds kLeaveMax{3'000};

// The last byte before `end`. The next commit may begin at `end` itself, so `end` must not be told as seen: a client of an
// event stream goes on from operation 0 of the position it was told last, and would never get the commit's first one.
replication::Lsn before(replication::Lsn end) {
  return end == 0 ? 0 : end - 1;
}

}  // namespace

Follower::Follower(FollowerOptions options, Registry& registry, store::LogStore& store, LastSeen& last_seen)
    : options_(std::move(options)),
      registry_(registry),
      store_(store),
      last_seen_(last_seen),
      changes_([this](const auto& shape, auto why) { registry_.drop(shape, std::move(why)); }) {}

Follower::~Follower() = default;

void Follower::run() {
  auto work = asio::make_work_guard(context_);
  auto ended = [&](std::exception_ptr error) {
    work.reset();
    context_.stop();
    // Stopping is an exception to who waits.
    if (error && !stopping_) std::rethrow_exception(error);
  };
  asio::co_spawn(context_, follow(), asio::bind_cancellation_slot(stop_.slot(), ended));
  context_.run();
}

void Follower::stop() {
  stopping_ = true;
  asio::post(context_, [this] { stop_.emit(asio::cancellation_type::terminal); });
}

void Follower::leave() {
  asio::io_context context{1};
  asio::co_spawn(context, drop_slot(), [](std::exception_ptr) {});
  context.run_for(kLeaveMax);
}

// The server notices only after a moment that our stream is gone; until then the slot is in use.
Task<void> Follower::drop_slot() {
  auto connection = co_await replication::Connection::connect({.url = options_.database_url, .timeout = kLeaveMax});
  if (!connection) co_return;
  WaitList nobody;
  while (true) {
    auto dropped = co_await replication::drop_slot(**connection, options_.slot);
    if (dropped || !dropped.error().object_in_use()) break;
    co_await nobody.wait(std::chrono::steady_clock::now() + kBackoffMin, [] { return false; });
  }
  co_await (*connection)->query("DROP PUBLICATION IF EXISTS " + replication::quote_identifier(options_.publication));
}

void Follower::forget(std::shared_ptr<Shape> shape) {
  asio::post(context_, [this, shape = std::move(shape)] { changes_.remove(*shape); });
}

Task<void> Follower::follow() {
  while (!stopping_) {
    if (co_await prepare()) {
      StreamEnd end = co_await stream();
      health_ = Origin::Health::kUnavailable;
      if (stopping_) co_return;
      log::warn("replication_ended", {{"why", to_string(end.why)}, {"error", end.error.message}});
      renew_ = renew_ || must_renew(end);
    }
    changes_.restart();
    publish();
    co_await pause();
  }
}

// Beginning anew is right whenever the server no longer knows where we were; elsewhere trying again is.
bool Follower::must_renew(const StreamEnd& end) const {
  return end.why == StreamEnd::Why::kSlotMissing || end.why == StreamEnd::Why::kSlotLost || end.error.undefined_object();
}

Task<void> Follower::pause() {
  auto backoff = std::min(kBackoffMin * (1 << std::min(failures_++, kBackoffDoublings)), kBackoffMax);
  WaitList nobody;
  co_await nobody.wait(std::chrono::steady_clock::now() + backoff, [] { return false; });
}

// Makes sure that there is a slot to stream from.
Task<bool> Follower::prepare() {
  if (!renew_) co_return true;
  auto connection =
      co_await replication::Connection::connect({.url = options_.database_url, .statement_timeout = kPrepareTimeout});
  if (!connection) {
    health_ = Origin::Health::kUnavailable;
    log::warn("database_unreachable", {{"error", connection.error().message}});
    co_return false;
  }
  co_return co_await renew(**connection);
}

Task<bool> Follower::renew(replication::Connection& connection) {
  drop_all();
  auto dropped = co_await replication::drop_slot(connection, options_.slot);
  if (!dropped) {
    health_ = Origin::Health::kUnavailable;
    log::warn("slot_in_use", {{"slot", options_.slot}, {"error", dropped.error().message}});
    co_return false;
  }
  auto unpublished =
      co_await connection.query("DROP PUBLICATION IF EXISTS " + replication::quote_identifier(options_.publication));
  if (!unpublished) log::warn("publication_not_reset", {{"error", unpublished.error().message}});
  auto published = co_await replication::ensure_publication(connection, options_.publication);
  if (!published) {
    health_ = Origin::Health::kUnavailable;
    log::error("publication_failed", {{"error", published.error().message}});
    co_return false;
  }
  auto slot = co_await replication::ensure_slot(connection, options_.slot);
  if (!slot) {
    health_ = Origin::Health::kUnavailable;
    log::error("slot_failed", {{"slot", options_.slot}, {"error", slot.error().message}});
    co_return false;
  }
  end_lsn_ = slot->confirmed;
  commit_lsn_ = before(end_lsn_);
  last_seen_.set(before(end_lsn_));
  renew_ = false;
  generation_.fetch_add(1, std::memory_order_acq_rel);
  co_return true;
}

Task<StreamEnd> Follower::stream() {
  replication::Stream stream(
      {.url = options_.database_url, .slot = options_.slot, .publication = options_.publication, .start = end_lsn_}, *this);
  stream_ = &stream;
  // Asks at once: the first answer says that the stream stands.
  stream.ping();
  // Also where the Task is cancelled.
  struct Forget {
    replication::Stream*& pointer;
    ~Forget() { pointer = nullptr; }
  } forget{stream_};
  co_return co_await stream.run();
}

void Follower::drop_all() {
  for (const auto& shape : registry_.all()) {
    changes_.remove(*shape);
    registry_.drop(shape);
  }
}

std::shared_ptr<const RecentTransactions::List> Follower::listen(std::shared_ptr<Shape> shape, std::uint64_t generation) {
  if (generation != generation_ || renew_ || health() != Origin::Health::kActive) return nullptr;
  if (shape->phase() == Phase::kDropped) return nullptr;
  changes_.add(std::move(shape));
  return recent_.list();
}

void Follower::release(const std::shared_ptr<Shape>& shape, SnapshotPoint point, std::uint64_t insert_lsn) {
  recent_.forget(point);
  Feed* feed = changes_.find(*shape);
  if (feed == nullptr || feed->release(std::move(point), insert_lsn)) return;
  changes_.remove(*shape);
  registry_.drop(shape);
}

void Follower::finish(const std::shared_ptr<Shape>& shape) {
  Feed* feed = changes_.find(*shape);
  if (feed == nullptr || !feed->released()) {
    changes_.remove(*shape);
    registry_.drop(shape, unavailable("snapshot_failed", "The snapshot was overtaken; try again", 1));
    return;
  }
  shape->log().finish_snapshot();
  // Nothing of what was held may stay unpublished until the next change comes.
  publish();
  shape->set_ready();
}

void Follower::on_begin(const replication::Begin& begin) {
  skipping_ = begin.final_lsn <= commit_lsn_;
  health_ = Origin::Health::kActive;
  if (skipping_) return;
  recent_.add(begin.xid);
  changes_.begin(begin.final_lsn, begin.xid);
}

void Follower::on_relation(const replication::Relation& relation) {
  changes_.relation(relation);
}

void Follower::on_insert(const replication::Insert& insert) {
  if (!skipping_) changes_.insert(insert);
}

void Follower::on_update(const replication::Update& update) {
  if (!skipping_) changes_.update(update);
}

void Follower::on_delete(const replication::Delete& deletion) {
  if (!skipping_) changes_.erase(deletion);
}

void Follower::on_truncate(const replication::Truncate& truncate) {
  if (!skipping_) changes_.truncate(truncate);
}

void Follower::on_commit(const replication::Commit& commit) {
  end_lsn_ = std::max(end_lsn_, commit.end_lsn);
  if (skipping_) return;
  commit_lsn_ = commit.commit_lsn;
  for (Feed* feed : changes_.commit()) touched_.push_back(feed->shared_shape());
}

void Follower::on_idle(replication::Lsn server_end) {
  end_lsn_ = std::max(end_lsn_, server_end);
  failures_ = 0;
  health_ = Origin::Health::kActive;
}

void Follower::on_batch_end() {
  publish();
}

// Logs first, then the position that says so, then those who wait.
void Follower::publish() {
  store_.commit(end_lsn_, {});
  last_seen_.set(before(end_lsn_));
  if (stream_ != nullptr) stream_->confirm(end_lsn_);
  for (const auto& shape : touched_) shape->waiters().wake_all();
  touched_.clear();
}

}  // namespace sluice::origin::embedded

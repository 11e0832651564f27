#include "origin/embedded/follower.h"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cstring>
#include <exception>
#include <iterator>
#include <utility>

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

// Between two tries for the lock, and two looks at whether the store can be written to again.
constexpr std::chrono::milliseconds kStandbyPause{250};
// Between two questions how far the server has read, while a shape waits for it.
constexpr std::chrono::milliseconds kAskPause{5};
// A shape waits so long for the stream to pass its snapshot; the stream may be minutes behind.
constexpr std::chrono::milliseconds kPassPatience{1'000};

std::int64_t microseconds_since_2000() {
  constexpr std::chrono::sys_days kPostgresEpoch{std::chrono::year(2000) / 1 / 1};
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now() - kPostgresEpoch).count();
}

Task<void> sleep_for(std::chrono::milliseconds duration) {
  WaitList nobody;
  co_await nobody.wait(std::chrono::steady_clock::now() + duration, [] { return false; });
}

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

Follower::~Follower() {
  lock_.reset();
}

// A note is transaction ids of four bytes each.
void Follower::resume(replication::Lsn lsn, std::string state, std::string_view notes) {
  end_lsn_ = published_lsn_ = lsn;
  commit_lsn_ = before(lsn);
  last_seen_.set(before(lsn));
  state_ = std::move(state);
  renew_ = false;
  for (; notes.size() >= sizeof(std::uint32_t); notes.remove_prefix(sizeof(std::uint32_t))) {
    std::uint32_t xid = 0;
    std::memcpy(&xid, notes.data(), sizeof(xid));
    recent_.add(xid);
  }
}

void Follower::adopt(std::shared_ptr<Shape> shape) {
  const Shape& adopted = *shape;
  changes_.add(std::move(shape));
  changes_.find(adopted)->resume();
}

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
  const bool mine = lock_ && lock_->held();
  if (mine && options_.drop_slot_on_stop) {
    asio::io_context context{1};
    asio::co_spawn(context, drop_slot(), [](std::exception_ptr) {});
    context.run_for(kLeaveMax);
  }
  lock_.reset();
}

// The server notices only after a moment that our stream is gone; until then the slot is in use.
Task<void> Follower::drop_slot() {
  auto connection = co_await replication::Connection::connect({.url = options_.database_url, .timeout = kLeaveMax});
  if (!connection) co_return;
  while (true) {
    auto dropped = co_await replication::drop_slot(**connection, options_.slot);
    if (dropped || !dropped.error().object_in_use()) break;
    co_await sleep_for(kBackoffMin);
  }
  if (options_.manual_publication) co_return;
  co_await (*connection)->query("DROP PUBLICATION IF EXISTS " + replication::quote_identifier(options_.publication));
}

void Follower::forget(std::shared_ptr<Shape> shape) {
  asio::post(context_, [this, shape = std::move(shape)] { changes_.remove(*shape); });
}

bool Follower::caught_up() const {
  return health_ == Origin::Health::kActive && last_seen_.get()->lsn >= before(server_end_);
}

Task<void> Follower::follow() {
  while (!stopping_) {
    if (co_await hold_lock() && co_await prepare()) {
      StreamEnd end = co_await stream();
      renew_ = renew_ || must_renew(end);
      passing_ = renew_ || health_ == Origin::Health::kActive;
      health_ = Origin::Health::kUnavailable;
      if (stopping_) co_return;
      log::warn("replication_ended", {{"why", to_string(end.why)}, {"error", end.error.message}});
    }
    changes_.restart();
    publish();
    co_await pause();
    co_await wait_until_writable();
  }
}

// Beginning anew is right whenever the server no longer knows where we were; elsewhere trying again is.
bool Follower::must_renew(const StreamEnd& end) const {
  return end.why == StreamEnd::Why::kSlotMissing || end.why == StreamEnd::Why::kSlotLost || end.error.undefined_object();
}

Task<void> Follower::pause() {
  co_await sleep_for(std::min(kBackoffMin * (1 << std::min(failures_++, kBackoffDoublings)), kBackoffMax));
}

Task<void> Follower::wait_until_writable() {
  if (store_.writable()) co_return;
  log::error("storage_not_writable", {});
  while (!stopping_ && !store_.writable()) co_await sleep_for(kStandbyPause);
  log::info("storage_writable_again", {});
}

// Always false: for whoever could not do what it should.
bool Follower::failed(std::string_view event, const replication::PgError& error) {
  passing_ = error.object_in_use();  // by our own last stream, which the server has not noticed to be gone
  health_ = Origin::Health::kUnavailable;
  log::warn(event, {{"slot", options_.slot}, {"error", error.message}});
  return false;
}

Task<bool> Follower::hold_lock() {
  while (!lock_ || !lock_->held()) {
    check_ = true;
    if (!lock_) {
      auto connected = co_await replication::SlotLock::connect(options_.database_url, options_.slot);
      if (!connected) co_return failed("database_unreachable", connected.error());
      lock_ = std::move(*connected);
    }
    auto acquired = co_await lock_->try_acquire();
    if (!acquired) {
      lock_.reset();
      co_return failed("slot_lock_failed", acquired.error());
    }
    if (*acquired) break;
    health_ = Origin::Health::kUnavailable;
    if (!stands_by_.exchange(true)) log::info("standing_by", {{"slot", options_.slot}});
    co_await sleep_for(kStandbyPause);
  }
  co_return true;
}

// Makes sure that there is a slot to stream from, and that it begins where we are.
Task<bool> Follower::prepare() {
  if (!renew_ && !check_) co_return true;
  auto connection =
      co_await replication::Connection::connect({.url = options_.database_url, .statement_timeout = kPrepareTimeout});
  if (!connection) co_return failed("database_unreachable", connection.error());
  if (!renew_) {
    auto fitting = co_await fits(**connection);
    if (!fitting) co_return failed("slot_not_checked", fitting.error());
    renew_ = !*fitting;
    if (!renew_) generation_.fetch_add(1, std::memory_order_acq_rel);
  }
  if (renew_ && !co_await renew(**connection)) co_return false;
  check_ = false;
  // Only now: until then there may have been shapes that the other process had left behind.
  if (stands_by_.exchange(false)) log::info("taking_over", {{"slot", options_.slot}});
  co_return true;
}

std::string Follower::state_of(const replication::Server& server) const {
  return "1 " + server.system_identifier + ' ' + std::to_string(server.database) + ' ' +
         replication::quote_identifier(options_.slot) + ' ' + replication::quote_identifier(options_.publication);
}

// Whether everything that happened since end_lsn_ will be sent. A server that has not written as far was restored from a
// backup, or is a standby that took over too early: what it writes at our positions is not what we saw there.
Task<std::expected<bool, replication::PgError>> Follower::fits(replication::Connection& connection) {
  auto server = co_await replication::identify_server(connection);
  if (!server) co_return std::unexpected(server.error());
  server_end_ = server->end;
  auto slot = co_await replication::find_slot(connection, options_.slot);
  if (!slot) co_return std::unexpected(slot.error());
  const char* why = nullptr;
  if (state_of(*server) != state_)
    why = "the shapes are of another database, slot or publication";
  else if (!*slot)
    why = "the slot is gone";
  else if ((*slot)->lost)
    why = "the server has removed what the slot needs";
  else if ((*slot)->confirmed > end_lsn_)
    why = "the slot has moved on";
  else if (server->end < end_lsn_)
    why = "the server is behind the shapes";
  if (why != nullptr) log::warn("begins_anew", {{"slot", options_.slot}, {"why", why}});
  co_return why == nullptr;
}

Task<bool> Follower::renew(replication::Connection& connection) {
  drop_all();
  auto server = co_await replication::identify_server(connection);
  if (!server) co_return failed("server_not_identified", server.error());
  auto dropped = co_await replication::drop_slot(connection, options_.slot);
  if (!dropped) co_return failed("slot_in_use", dropped.error());
  auto published = co_await renew_publication(connection);
  if (!published) co_return failed("publication_failed", published.error());
  auto slot = co_await replication::ensure_slot(connection, options_.slot);
  if (!slot) co_return failed("slot_failed", slot.error());
  if (std::string state = state_of(*server); state != state_) {
    recent_ = {};
    state_ = std::move(state);
  }
  end_lsn_ = slot->confirmed;
  commit_lsn_ = before(end_lsn_);
  last_seen_.reset(before(end_lsn_));
  store_.set_state(state_);
  unpublished_ = true;
  publish();
  renew_ = false;
  generation_.fetch_add(1, std::memory_order_acq_rel);
  co_return true;
}

Task<std::expected<void, replication::PgError>> Follower::renew_publication(replication::Connection& connection) {
  if (options_.manual_publication) co_return co_await replication::check_publication(connection, options_.publication);
  auto dropped =
      co_await connection.query("DROP PUBLICATION IF EXISTS " + replication::quote_identifier(options_.publication));
  if (!dropped) log::warn("publication_not_reset", {{"error", dropped.error().message}});
  co_return co_await replication::ensure_publication(connection, options_.publication);
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
  if (generation != generation_ || renew_ || check_ || health() != Origin::Health::kActive) return nullptr;
  if (shape->phase() == Phase::kDropped) return nullptr;
  changes_.add(std::move(shape));
  return recent_.list();
}

void Follower::release(const std::shared_ptr<Shape>& shape, SnapshotPoint point, std::uint64_t insert_lsn) {
  recent_.forget(point);
  Feed* feed = changes_.find(*shape);
  if (feed == nullptr) return;
  unpublished_ = true;  // what the feed held
  if (feed->release(std::move(point), insert_lsn)) return;
  changes_.remove(*shape);
  registry_.drop(shape);
}

void Follower::finish(const std::shared_ptr<Shape>& shape, std::uint64_t insert_lsn) {
  // The store's commit comes first, so that no process finds the log without it.
  if (!options_.stored || insert_lsn <= published_lsn_) return make_ready(shape, insert_lsn);
  finishing_.push_back({shape, insert_lsn, std::chrono::steady_clock::now() + kPassPatience});
  if (!std::exchange(asking_, true)) asio::co_spawn(context_, ask_until_finished(), asio::detached);
}

// On an idle database nothing else would tell that the stream has come so far.
Task<void> Follower::ask_until_finished() {
  while (!finishing_.empty()) {
    if (stream_ != nullptr) stream_->ping();
    co_await sleep_for(kAskPause);
    finish_passed();
  }
  asking_ = false;
}

void Follower::finish_passed() {
  const auto now = std::chrono::steady_clock::now();
  auto waits = [&](const Finishing& each) { return each.insert_lsn > published_lsn_ && now < each.patience; };
  auto passed = std::partition(finishing_.begin(), finishing_.end(), waits);
  std::vector<Finishing> ready(std::make_move_iterator(passed), std::make_move_iterator(finishing_.end()));
  finishing_.erase(passed, finishing_.end());
  for (const Finishing& each : ready) make_ready(each.shape, each.insert_lsn);
}

void Follower::make_ready(const std::shared_ptr<Shape>& shape, std::uint64_t insert_lsn) {
  Feed* feed = changes_.find(*shape);
  if (feed == nullptr || !feed->released()) {
    changes_.remove(*shape);
    registry_.drop(shape, unavailable("snapshot_failed", "The snapshot was overtaken; try again", 1));
    return;
  }
  shape->log().finish_snapshot(insert_lsn);
  if (shape->log().failed()) {
    changes_.remove(*shape);
    registry_.drop(shape, storage_full());
    return;
  }
  // Nothing of what was held may stay unpublished until the next change comes.
  if (unpublished_) publish();
  shape->set_ready();
}

void Follower::pass(std::uint32_t xid) {
  recent_.add(xid);
  if (!options_.stored) return;
  note_.append(reinterpret_cast<const char*>(&xid), sizeof(xid));
  unpublished_ = true;
}

void Follower::on_begin(const replication::Begin& begin) {
  skipping_ = begin.final_lsn <= commit_lsn_;
  commit_time_us_ = begin.commit_time_us;
  health_ = Origin::Health::kActive;
  pass(begin.xid);  // also one that is sent again: it may be visible no more than it was
  if (skipping_) return;
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
  transactions_.fetch_add(1, std::memory_order_relaxed);
  for (Feed* feed : changes_.commit()) touched_.push_back(feed->shared_shape());
}

void Follower::on_idle(replication::Lsn server_end) {
  end_lsn_ = std::max(end_lsn_, server_end);
  failures_ = 0;
  lag_us_.store(0, std::memory_order_relaxed);
  commit_time_us_ = 0;
  health_ = Origin::Health::kActive;
}

void Follower::on_batch_end() {
  if (commit_time_us_ != 0) {
    lag_us_.store(std::max<std::int64_t>(0, microseconds_since_2000() - commit_time_us_), std::memory_order_relaxed);
  }
  publish();
  if (!store_.writable() && stream_ != nullptr) stream_->stop();
}

void Follower::on_status() {
  confirm();
  if (stream_ != nullptr && !lock_->held()) stream_->stop();
}

// Logs first, then the position that says so, then those who wait.
void Follower::publish() {
  if (unpublished_ || !touched_.empty() || end_lsn_ != published_lsn_) {
    unpublished_ = false;
    published_lsn_ = end_lsn_;
    store_.commit(end_lsn_, note_);
    note_.clear();
    last_seen_.set(before(end_lsn_));
  }
  confirm();
  for (const auto& shape : touched_) shape->waiters().wake_all();
  touched_.clear();
  if (!finishing_.empty()) finish_passed();
}

// Never beyond what is delivered: a store that was filled from another database may be durable up to there.
void Follower::confirm() {
  if (stream_ != nullptr) stream_->confirm(std::min(end_lsn_, store_.durable_lsn()));
}

}  // namespace sluice::origin::embedded

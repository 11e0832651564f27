#include "origin/embedded/maker.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <exception>
#include <map>
#include <utility>

#include "base/log.h"
#include "origin/embedded/resolve.h"
#include "origin/embedded/snapshot_writer.h"
#include "replication/catalog.h"

namespace sluice::origin::embedded {

namespace asio = boost::asio;
using replication::PgError;

namespace {

// How long a request waits for the maker: longer than any of its statements may take.
constexpr std::chrono::seconds kPatience{40};
constexpr std::chrono::milliseconds kQueryTimeout{30'000};
// Between two looks at whether transactions that have passed on the stream are visible.
constexpr std::chrono::milliseconds kVisibilityPause{5};

// Where somebody has to do something first.
constexpr int kOperatorRetry_s = 10;
// How long a table's description is taken as it was, of so many tables.
constexpr std::chrono::milliseconds kKnownFor{1'000};
constexpr std::size_t kKnownMax = 1'000;
// Between two looks whether the stream stands, after the start.
constexpr std::chrono::milliseconds kStartPause{50};

// Why shapes of a table go.
constexpr std::string_view kAltered = "it was altered, dropped or made anew";
constexpr std::string_view kUnpublished = "it is not in the publication any more";
constexpr std::string_view kHidden = "the replication role may not read all of it any more";

void rethrow(std::exception_ptr error) {
  if (error) std::rethrow_exception(error);
}

WaitList::Deadline patience() {
  return std::chrono::steady_clock::now() + kPatience;
}

Failure no_such_table(const std::string& schema, const std::string& name) {
  return bad_request("table", "Table " + shape::TableName{schema, name}.print() +
                                  " does not exist. If the table name contains capitals or special characters you must "
                                  "quote it.");
}

// What Postgres said goes to the log, and not to whoever asked; but for what names only what they asked for.
Failure database_failure(const PgError& error) {
  log::warn("database_error", {{"sqlstate", error.sqlstate}, {"error", error.without_values()}});
  if (error.not_published()) return unavailable("table_not_published", error.message, kOperatorRetry_s);
  if (error.insufficient_privilege()) {
    return unavailable("insufficient_privilege", "The replication role may not do what is needed: " + error.message,
                       kOperatorRetry_s);
  }
  if (error.query_canceled()) return unavailable("timeout", "The database did not answer in time", 10);
  if (error.connection_lost()) return unavailable("database_unreachable", "The database cannot be reached", 10);
  return unavailable("snapshot_failed", "The database could not be read", 10);
}

Failure not_active(const Follower& follower) {
  if (follower.health() == Origin::Health::kStarting) return unavailable("starting", "The origin is starting", 5);
  return unavailable("database_unreachable", "The database cannot be reached", follower.retry_s());
}

replication::SnapshotQuery snapshot_query(const ShapeSpec& spec) {
  replication::SnapshotQuery query;
  query.schema = spec.table->schema;
  query.table = spec.table->name;
  for (std::size_t column : spec.encoder.columns()) query.columns.push_back(spec.table->columns[column].name);
  if (spec.where) query.where = spec.where->sql();
  if (spec.log == shape::LogMode::kChangesOnly) query.where = "false";
  return query;
}

}  // namespace

Maker::Maker(MakerOptions options, Registry& registry, store::LogStore& store, Follower& follower)
    : options_(std::move(options)),
      registry_(registry),
      store_(store),
      follower_(follower),
      queries_({.url = options_.database_url, .statement_timeout = kQueryTimeout}, options_.queries_max),
      snapshots_({.url = options_.database_url}, options_.snapshots_max) {}

Maker::~Maker() {
  queries_.close();
  snapshots_.close();
}

void Maker::run() {
  asio::co_spawn(context_, watch(), rethrow);
  context_.run();
}
void Maker::stop() {
  context_.stop();
}

Task<Maker::Found> Maker::find_or_make(const shape::Definition& definition) {
  std::string text = definition.canonical_text();
  if (auto shape = registry_.find(text)) co_return shape;
  if (!store_.writable()) co_return std::unexpected(storage_full());
  if (follower_.health() != Origin::Health::kActive) co_return std::unexpected(not_active(follower_));
  auto resolution = begin_resolving(text, definition);
  if (!resolution) co_return std::unexpected(unavailable("too_many_shapes", "Too many new shapes at once", 5));
  auto found = co_await resolution->get(patience());
  if (!found) co_return std::unexpected(unavailable("timeout", "The database did not answer in time", 5));
  co_return *found;
}

std::shared_ptr<Maker::Resolution> Maker::begin_resolving(const std::string& text, const shape::Definition& definition) {
  std::lock_guard lock(mutex_);
  auto place = resolving_.find(text);
  if (place != resolving_.end()) return place->second;
  if (resolving_.size() >= kResolvingMax) return nullptr;
  auto resolution = std::make_shared<Resolution>();
  resolving_.emplace(text, resolution);
  asio::co_spawn(context_, resolve(text, definition, resolution), rethrow);
  return resolution;
}

Task<void> Maker::resolve(std::string text, shape::Definition definition, std::shared_ptr<Resolution> resolution) {
  Found found = co_await find_or_create(text, definition);
  {
    std::lock_guard lock(mutex_);
    resolving_.erase(text);
  }
  resolution->set(std::move(found));
}

Task<Maker::Found> Maker::find_or_create(const std::string& text, const shape::Definition& definition) {
  auto known = co_await look_up(definition.table());
  if (!known) co_return std::unexpected(known.error());
  auto spec = embedded::resolve(definition, known->table);
  if (!spec && known->from_before) {
    // It may name what the table was given since.
    forget_known(known->table->oid);
    known = co_await look_up(definition.table());
    if (!known) co_return std::unexpected(known.error());
    spec = embedded::resolve(definition, known->table);
  }
  if (!spec) co_return std::unexpected(spec.error());
  auto inserted = registry_.find_or_create(text, std::move(*spec));
  if (inserted.created) asio::co_spawn(context_, make(inserted.shape, std::move(*known)), rethrow);
  co_return inserted.shape;
}

// Where many shapes of one table are asked for at once, its description is read once.
Task<std::expected<Maker::Known, Failure>> Maker::look_up(shape::TableName name) {
  const auto now = std::chrono::steady_clock::now();
  const std::string key = name.print();
  if (auto found = known_.find(key); found != known_.end() && now - found->second.since < kKnownFor) {
    Known known = found->second;
    known.from_before = true;
    co_return known;
  }
  auto lease = co_await queries_.acquire();
  if (!lease) co_return std::unexpected(database_failure(lease.error()));
  auto table = co_await replication::load_table(**lease, name.schema, name.name);
  if (!table) {
    if (table.error().undefined_table()) co_return std::unexpected(no_such_table(name.schema, name.name));
    co_return std::unexpected(database_failure(table.error()));
  }
  if (table->kind != 'r' && table->kind != 'p') {
    co_return std::unexpected(bad_request("table", name.print() + " is not a table: its changes cannot be followed"));
  }
  const bool full_identity = table->replica_identity == 'f';
  std::erase_if(known_, [&](const auto& each) { return now - each.second.since >= kKnownFor; });
  Known known{intern(as_published(std::move(*table))), full_identity, false, now};
  std::weak_ptr<const sql::Table>& former = by_name_[key];
  if (const auto before = former.lock(); before && before != known.table) drop_former(*known.table);
  former = known.table;
  if (known_.size() < kKnownMax) known_[key] = known;
  co_return known;
}

// Shapes of what had the table's name, or of what it was.
void Maker::drop_former(const sql::Table& table) {
  std::vector<std::shared_ptr<Shape>> shapes;
  for (const auto& shape : registry_.all()) {
    const sql::Table& its = *shape->spec().table;
    const bool former = its.schema == table.schema && its.name == table.name && !sql::is_still(table, its);
    if (former && shape->phase() == Phase::kReady) shapes.push_back(shape);
  }
  if (!shapes.empty()) drop_changed(table, kAltered, shapes);
}

std::shared_ptr<const sql::Table> Maker::intern(sql::Table table) {
  auto& known = tables_[table.oid];
  auto shared = known.lock();
  if (shared && *shared == table) return shared;
  shared = std::make_shared<const sql::Table>(std::move(table));
  known = shared;
  return shared;
}

Task<void> Maker::make(std::shared_ptr<Shape> shape, Known known) {
  auto lease = co_await snapshots_.acquire();
  counts_.snapshots_running.fetch_add(1, std::memory_order_relaxed);
  const auto began = std::chrono::steady_clock::now();
  auto taken = lease ? co_await take_snapshot(**lease, shape, known.full_identity)
                     : Taken(std::unexpected(database_failure(lease.error())));
  counts_.snapshots_running.fetch_sub(1, std::memory_order_relaxed);
  if (taken) {
    const auto took = std::chrono::steady_clock::now() - began;
    counts_.snapshots_done.fetch_add(1, std::memory_order_relaxed);
    counts_.snapshots_us.fetch_add(
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()),
        std::memory_order_relaxed);
    asio::post(follower_.executor(), [this, shape, lsn = *taken] { follower_.finish(shape, lsn); });
    co_return;
  }
  counts_.snapshots_failed.fetch_add(1, std::memory_order_relaxed);
  // What the table was a moment ago may be why: whoever waits begins again, with the table as it is now.
  forget_known(known.table->oid);
  registry_.drop(shape, known.from_before ? std::nullopt : std::optional(std::move(taken.error())));
  follower_.forget(shape);
}

void Maker::forget_known(sql::Oid table) {
  std::erase_if(known_, [&](const auto& each) { return each.second.table->oid == table; });
}

// The order is what makes the join exact: publish, listen, snapshot (visibility.h).
Task<Maker::Taken> Maker::take_snapshot(replication::Connection& connection, std::shared_ptr<Shape> shape,
                                        bool full_identity) {
  std::uint64_t generation = follower_.generation();
  auto published = co_await publish(connection, *shape->spec().table, full_identity, generation);
  if (!published) co_return std::unexpected(published.error());
  auto listening = co_await listen(connection, shape, generation);
  if (!listening) co_return std::unexpected(listening.error());
  SnapshotWriter writer(
      *shape, store_, {options_.chunk_bytes, options_.bytes_max}, [this, shape](const replication::SnapshotInfo& info) {
        asio::post(follower_.executor(),
                   [this, shape, point = info.point, lsn = info.insert_lsn] { follower_.release(shape, point, lsn); });
      });
  auto info = co_await replication::read_snapshot(connection, snapshot_query(shape->spec()), writer);
  if (!info && !info.error().undefined_column()) {
    co_return std::unexpected(co_await snapshot_failure(connection, *shape->spec().table, info.error()));
  }
  if (!info || writer.table_differs()) {
    co_return std::unexpected(unavailable("table_altered", "The table was altered meanwhile; try again", 1));
  }
  writer.end(*info);
  if (writer.failure()) co_return std::unexpected(*writer.failure());
  if (shape->log().failed()) co_return std::unexpected(storage_full());
  co_return info->insert_lsn;
}

// Row-level security and a missing right have one code.
Task<Failure> Maker::snapshot_failure(replication::Connection& connection, const sql::Table& table, PgError error) {
  if (error.undefined_table()) co_return no_such_table(table.schema, table.name);
  if (error.insufficient_privilege() && connection.usable()) {
    auto hidden = co_await replication::hides_rows(connection, table.oid);
    if (hidden && *hidden) {
      const std::string name = shape::TableName{table.schema, table.name}.print();
      log::error("rows_hidden_by_row_security", {{"table", name}});
      co_return unavailable("row_level_security",
                            "Row-level security of " + name +
                                " hides rows from the replication role, which replication would send nevertheless. Give "
                                "the role BYPASSRLS, or make it the table's owner.",
                            kOperatorRetry_s);
    }
  }
  co_return database_failure(error);
}

// One at a time for each table: who finds it in the publication already must not miss that somebody else is still waiting
// for its writers.
Task<std::expected<void, Failure>> Maker::publish(replication::Connection& connection, const sql::Table& table,
                                                  bool full_identity, std::uint64_t generation) {
  auto busy = [&] { return unpublishing_ || publishing_.contains(table.oid); };
  while (busy()) co_await publishing_waiters_.wait(WaitList::Deadline::max(), [&] { return !busy(); });
  auto known = published_.find(table.oid);
  if (full_identity && known != published_.end() && known->second == generation) co_return std::expected<void, Failure>();
  publishing_.insert(table.oid);
  std::expected<void, PgError> published;
  if (!options_.manual_publication) {
    published = co_await replication::publish_table(connection, options_.publication, table);
  }
  // What was published by hand may be published in part.
  if (published) published = co_await replication::check_published(connection, options_.publication, table);
  publishing_.erase(table.oid);
  publishing_waiters_.wake_all();
  if (!published) {
    if (published.error().undefined_table()) co_return std::unexpected(no_such_table(table.schema, table.name));
    co_return std::unexpected(database_failure(published.error()));
  }
  published_[table.oid] = generation;
  for (auto& [name, each] : known_) each.full_identity |= each.table->oid == table.oid;
  co_return std::expected<void, Failure>();
}

// Listens, then waits until what has passed on the stream before is visible.
Task<std::expected<void, Failure>> Maker::listen(replication::Connection& connection, std::shared_ptr<Shape> shape,
                                                 std::uint64_t generation) {
  auto promise = std::make_shared<Promise<Seen>>();
  asio::post(follower_.executor(),
             [this, promise, shape, generation] { promise->set(follower_.listen(shape, generation)); });
  auto seen = co_await promise->get(patience());
  if (!seen || !*seen) co_return std::unexpected(not_active(follower_));
  co_return co_await await_visible(connection, std::move(*seen));
}

// Until snapshots hold all that was seen.
Task<std::expected<void, Failure>> Maker::await_visible(replication::Connection& connection, Seen seen) {
  WaitList nobody;
  auto deadline = patience();
  while (!seen->empty()) {
    auto result = co_await connection.query("SELECT pg_current_snapshot()::text");
    if (!result) co_return std::unexpected(database_failure(result.error()));
    auto point = replication::parse_snapshot_point(result->text(0, 0));
    if (point && holds_all(*point, *seen)) {
      asio::post(follower_.executor(), [this, point = std::move(*point)] { follower_.forget_visible(point); });
      break;
    }
    auto now = std::chrono::steady_clock::now();
    if (now > deadline) co_return std::unexpected(unavailable("commit_pending", "A commit is being waited for", 5));
    co_await nobody.wait(now + kVisibilityPause, [] { return false; });
  }
  co_return std::expected<void, Failure>();
}

Task<void> Maker::watch() {
  WaitList nobody;
  bool looked = false;
  while (true) {
    const auto pause = looked ? options_.table_check_interval : std::min(kStartPause, options_.table_check_interval);
    co_await nobody.wait(std::chrono::steady_clock::now() + pause, [] { return false; });
    if (follower_.health() != Origin::Health::kActive) continue;
    looked = true;
    drop_failed();
    co_await check_tables();
    auto lease = co_await queries_.acquire();
    if (!lease) continue;
    co_await check_slot(**lease);
    if (!options_.manual_publication) co_await unpublish_unused(**lease);
  }
}

// What could not be stored whole would not be there after a restart.
void Maker::drop_failed() {
  for (const auto& shape : registry_.all()) {
    if (shape->phase() != Phase::kReady || !shape->log().failed()) continue;
    log::warn("shape_not_stored", {{"handle", shape->handle()}});
    registry_.drop(shape);
    follower_.forget(shape);
  }
}

Task<void> Maker::check_tables() {
  std::map<std::shared_ptr<const sql::Table>, std::vector<std::shared_ptr<Shape>>> by_table;
  for (const auto& shape : registry_.all()) {
    if (shape->phase() == Phase::kReady) by_table[shape->spec().table].push_back(shape);
  }
  std::erase_if(tables_, [](const auto& each) { return each.second.expired(); });
  std::erase_if(by_name_, [](const auto& each) { return each.second.expired(); });
  if (by_table.empty()) co_return;
  std::optional<std::vector<sql::Oid>> published;
  if (auto lease = co_await queries_.acquire()) {
    if (auto tables = co_await replication::published_tables(**lease, options_.publication)) published = std::move(*tables);
  }
  if (!published) co_return;
  for (auto& [table, shapes] : by_table) {
    auto lease = co_await queries_.acquire();
    if (!lease) break;
    const bool is_published = std::ranges::find(*published, table->oid) != published->end();
    co_await check_table(**lease, table, is_published, std::move(shapes));
  }
}

Task<void> Maker::check_table(replication::Connection& connection, std::shared_ptr<const sql::Table> table,
                              bool is_published, std::vector<std::shared_ptr<Shape>> shapes) {
  auto now = co_await replication::load_table(connection, table->schema, table->name);
  if (!now && !now.error().undefined_table()) co_return;
  const bool same = now && now->replica_identity == 'f' && sql::is_still(as_published(std::move(*now)), *table);
  if (!same || !is_published) co_return drop_changed(*table, same ? kUnpublished : kAltered, shapes);
  // Replication asks for no right to the rows: it would go on.
  const auto whole = co_await replication::reads_whole(connection, table->oid);
  if (whole && !*whole) drop_changed(*table, kHidden, shapes);
}

void Maker::drop_changed(const sql::Table& table, std::string_view why, const std::vector<std::shared_ptr<Shape>>& shapes) {
  log::info("table_changed", {{"schema", table.schema}, {"table", table.name}, {"why", why}, {"shapes", shapes.size()}});
  sql::Oid forgotten = 0;
  for (const auto& shape : shapes) {
    const sql::Oid oid = shape->spec().table->oid;
    if (std::exchange(forgotten, oid) != oid) {
      published_.erase(oid);
      forget_known(oid);
    }
    registry_.drop(shape);
    follower_.forget(shape);
  }
}

Task<void> Maker::check_slot(replication::Connection& connection) {
  auto server = co_await replication::identify_server(connection);
  auto restart = co_await replication::slot_restart(connection, options_.slot);
  if (!server || !restart) co_return;
  counts_.server_end.store(server->end, std::memory_order_relaxed);
  const replication::Lsn from = restart->value_or(server->end);
  counts_.retained_bytes.store(server->end > from ? server->end - from : 0, std::memory_order_relaxed);
}

// A table goes when there was no shape of it at two looks, so one that is used on and off is not locked each time.
Task<void> Maker::unpublish_unused(replication::Connection& connection) {
  std::unordered_set<sql::Oid> used;
  for (const auto& shape : registry_.all()) used.insert(shape->spec().table->oid);
  std::unordered_set<sql::Oid> kept = used;
  kept.insert(used_before_.begin(), used_before_.end());
  kept.insert(publishing_.begin(), publishing_.end());
  used_before_ = std::move(used);
  std::erase_if(published_, [&](const auto& table) { return !kept.contains(table.first); });
  unpublishing_ = true;
  auto gone = co_await replication::unpublish_others(connection, options_.publication, {kept.begin(), kept.end()});
  unpublishing_ = false;
  publishing_waiters_.wake_all();
  if (!gone) {
    log::warn("tables_not_unpublished", {{"error", gone.error().without_values()}});
  } else if (*gone > 0) {
    log::info("tables_unpublished", {{"count", *gone}});
  }
}

Task<Maker::Rows> Maker::read_rows(SubsetQuery query, std::shared_ptr<replication::SnapshotSink> sink) {
  auto result = std::make_shared<Promise<std::shared_ptr<Rows>>>();
  asio::co_spawn(context_, read(std::move(query), std::move(sink), result), rethrow);
  auto rows = co_await result->get(patience());
  if (!rows) co_return std::unexpected(unavailable("timeout", "The database did not answer in time", 5));
  co_return **rows;
}

Task<void> Maker::read(SubsetQuery query, std::shared_ptr<replication::SnapshotSink> sink,
                       std::shared_ptr<Promise<std::shared_ptr<Rows>>> result) {
  result->set(std::make_shared<Rows>(co_await read_visible(std::move(query), std::move(sink))));
}

// Who asks may have been told of a transaction that is not visible yet, and takes these rows for the newer (visibility.h).
Task<Maker::Rows> Maker::read_visible(SubsetQuery query, std::shared_ptr<replication::SnapshotSink> sink) {
  auto promise = std::make_shared<Promise<Seen>>();
  asio::post(follower_.executor(), [this, promise] { promise->set(follower_.passed()); });
  auto lease = co_await queries_.acquire();
  if (!lease) co_return std::unexpected(database_failure(lease.error()));
  auto seen = co_await promise->get(patience());
  if (!seen) co_return std::unexpected(not_active(follower_));
  auto visible = co_await await_visible(**lease, std::move(*seen));
  if (!visible) co_return std::unexpected(visible.error());
  auto info = co_await replication::read_snapshot(**lease, std::move(query.rows), *sink);
  if (info) co_return std::move(*info);
  if (info.error().invalid_text() && query.if_invalid) co_return std::unexpected(std::move(*query.if_invalid));
  co_return std::unexpected(database_failure(info.error()));
}

}  // namespace sluice::origin::embedded

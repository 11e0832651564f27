// What a replicated row and a snapshot's row cost here: microseconds of this process's CPU, beside wall time, which the
// server's walsender decides. Starts a Postgres of its own; takes the number of rows (default 500,000).
#include <fmt/format.h>
#include <sys/resource.h>

#include <boost/asio/co_spawn.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "replication/catalog.h"
#include "replication/local_cluster.h"
#include "replication/snapshot.h"
#include "replication/stream.h"

namespace sluice::replication {
namespace {

// Touches every value, as a router of changes would at least.
class Counter : public StreamHandler, public SnapshotSink {
 public:
  void on_begin(const Begin&) override {}
  void on_relation(const Relation&) override {}
  void on_insert(const Insert& insert) override {
    ++rows;
    for (const TupleValue& value : insert.row) bytes += value.text.size();
  }
  void on_update(const Update&) override {}
  void on_delete(const Delete&) override {}
  void on_truncate(const Truncate&) override {}
  void on_commit(const Commit&) override { stream->stop(); }
  void on_idle(Lsn) override {}
  void on_batch_end() override { ++batches; }
  void begin(const SnapshotInfo&) override {}
  void row(sql::Row values) override {
    ++rows;
    for (const auto& value : values) bytes += value ? value->size() : 0;
  }

  Stream* stream = nullptr;
  long rows = 0;
  long batches = 0;
  std::size_t bytes = 0;
};

double cpu_us() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const timeval& t) { return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec); };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

class Meter {
 public:
  void report(const char* what, const Counter& counter) const {
    const double wall = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - wall_).count();
    const auto rows = static_cast<double>(counter.rows);
    fmt::print("{}: {} rows, {} B each; CPU {:.2f} us/row, wall {:.2f} us/row\n", what, counter.rows,
               counter.bytes / static_cast<std::size_t>(counter.rows), (cpu_us() - cpu_) / rows, wall / rows);
  }

 private:
  double cpu_ = cpu_us();
  std::chrono::steady_clock::time_point wall_ = std::chrono::steady_clock::now();
};

template <typename T>
T checked(std::expected<T, PgError> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

Task<void> measure(std::string url, long rows) {
  auto connection = checked(co_await Connection::connect({.url = url}));
  checked(co_await connection->query("CREATE TABLE measured (id bigint PRIMARY KEY, a text, b int, c timestamptz)"));
  checked(co_await ensure_publication(*connection, "bench"));
  checked(co_await publish_table(*connection, "bench", checked(co_await load_table(*connection, "public", "measured"))));
  checked(co_await ensure_slot(*connection, "bench"));
  checked(co_await connection->query(
      fmt::format("INSERT INTO measured SELECT i, repeat('x', 100), i % 1000, now() FROM generate_series(1, {}) i", rows)));

  Counter streamed;
  Stream stream({.url = url, .slot = "bench", .publication = "bench"}, streamed);
  streamed.stream = &stream;
  const Meter stream_meter;
  const StreamEnd end = co_await stream.run();
  if (streamed.rows != rows) throw std::runtime_error(end.error.message);
  stream_meter.report("stream", streamed);
  fmt::print("        {:.0f} rows a read\n", static_cast<double>(streamed.rows) / static_cast<double>(streamed.batches));

  Counter copied;
  const Meter copy_meter;
  checked(co_await read_snapshot(*connection, {.schema = "public", .table = "measured"}, copied));
  copy_meter.report("snapshot", copied);
}

int run(long rows) {
  std::string folder = "/tmp/sluice-bench-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  std::filesystem::permissions(folder, std::filesystem::perms(0711));
  auto cluster = LocalCluster::start({.directory = folder + "/pg", .durable = false});
  if (!cluster) throw std::runtime_error(cluster.error());
  boost::asio::io_context io(1);
  std::exception_ptr failure;
  boost::asio::co_spawn(io, measure((*cluster)->url(), rows), [&](const std::exception_ptr& e) { failure = e; });
  io.run();
  cluster->reset();
  std::filesystem::remove_all(folder);
  if (failure) std::rethrow_exception(failure);
  return 0;
}

}  // namespace
}  // namespace sluice::replication

int main(int argc, char** argv) {
  return sluice::replication::run(argc > 1 ? std::atol(argv[1]) : 500'000);
}

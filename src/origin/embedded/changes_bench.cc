// What a change costs between the stream's bytes and the shapes' logs, without a database: decoding, routing, encoding and
// appending to logs in memory. Transactions of 100 rows, published after each. One thread, so wall time is CPU time on
// a quiet machine; compare programs, not days.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "origin/embedded/changes.h"
#include "origin/embedded/resolve.h"
#include "replication/pgoutput.h"
#include "store/memory_store.h"

namespace sluice::origin::embedded {
namespace {

constexpr sql::Oid kTable = 4711;
constexpr int kRowsPerTransaction = 100;

// bench/origin's table: id bigint primary key, org text, title text, n int, ts timestamptz
sql::Table bench_table() {
  const auto column = [](std::string name, sql::Oid type, std::string type_name) {
    sql::Column made;
    made.name = std::move(name);
    made.type = type;
    made.type_name = std::move(type_name);
    return made;
  };
  sql::Table table;
  table.oid = kTable;
  table.schema = "public";
  table.name = "items";
  table.replica_identity = 'f';
  table.columns = {column("id", sql::oid::kInt8, "int8"), column("org", sql::oid::kText, "text"),
                   column("title", sql::oid::kText, "text"), column("n", sql::oid::kInt4, "int4"),
                   column("ts", sql::oid::kTimestamptz, "timestamptz")};
  table.columns[0].not_null = true;
  table.columns[0].pk_index = 0;
  return table;
}

void put_u16(std::string& out, std::size_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value);
}
void put_u32(std::string& out, std::size_t value) {
  put_u16(out, value >> 16);
  put_u16(out, value & 0xffff);
}

std::string insert_message(int id, int org) {
  std::string out = "I";
  put_u32(out, kTable);
  out += 'N';
  put_u16(out, 5);
  for (const std::string& value :
       {std::to_string(id), fmt::format("k{}", org), fmt::format("item k{:05}x with a title of usual length {}", org, id),
        std::to_string(id % 1000), std::string("2024-01-01 00:00:01+00")}) {
    out += 't';
    put_u32(out, value.size());
    out += value;
  }
  return out;
}

class Origin {
 public:
  Origin() : changes_([](const auto&, auto) {}) {
    std::vector<replication::RelationColumn> columns;
    for (const auto& column : table_->columns) columns.push_back({true, column.name, column.type, column.type_mod});
    changes_.relation({kTable, "public", "items", 'f', columns});
  }

  std::shared_ptr<Shape> make(std::string where) {
    shape::DefinitionText text;
    text.table = "items";
    text.where = std::move(where);
    auto spec = resolve(*shape::Definition::make(text), table_);
    if (!spec) throw std::runtime_error(spec.error().message);
    return std::make_shared<Shape>(make_handle(), std::move(*spec), store_.create("", ""));
  }
  void add(const std::shared_ptr<Shape>& shape) {
    changes_.add(shape);
    changes_.find(*shape)->release({.xmin = 1, .xmax = 1, .xip = {}}, 1);
    shape->log().finish_snapshot(0);
  }
  void remove(const Shape& shape) { changes_.remove(shape); }

  void take(const std::vector<std::string>& transaction) {
    changes_.begin(lsn_ += 100, 7);
    for (const std::string& bytes : transaction) {
      const auto message = decoder_.decode(bytes);
      changes_.insert(std::get<replication::Insert>(*message));
    }
    benchmark::DoNotOptimize(changes_.commit().size());
    store_.commit(lsn_, {});
  }

 private:
  const std::shared_ptr<const sql::Table> table_ = std::make_shared<const sql::Table>(bench_table());
  store::MemoryStore store_{10 << 20};
  Changes changes_;
  replication::Decoder decoder_;
  std::uint64_t lsn_ = 100;
};

// Rows are spread evenly over `orgs` values of org.
std::vector<std::vector<std::string>> transactions(int count, int orgs) {
  std::vector<std::vector<std::string>> all(static_cast<std::size_t>(count));
  int id = 0;
  for (auto& transaction : all) {
    for (int i = 0; i < kRowsPerTransaction; ++i, ++id) transaction.push_back(insert_message(id, id % orgs));
  }
  return all;
}

void run(benchmark::State& state, Origin& origin, const std::vector<std::vector<std::string>>& all) {
  std::size_t next = 0;
  for (auto _ : state) {
    origin.take(all[next]);
    next = (next + 1) % all.size();
  }
  state.SetItemsProcessed(state.iterations() * kRowsPerTransaction);
}

void write_to_equalities(benchmark::State& state) {
  Origin origin;
  const int shapes = static_cast<int>(state.range(0));
  for (int i = 0; i < shapes; ++i) origin.add(origin.make(fmt::format("org = 'k{}'", i)));
  run(state, origin, transactions(1000, shapes));
}
BENCHMARK(write_to_equalities)->Arg(1)->Arg(1'000)->Arg(10'000)->Arg(100'000)->Iterations(5000);

void write_that_touches_no_shape(benchmark::State& state) {
  Origin origin;
  for (int i = 0; i < 1000; ++i) origin.add(origin.make(fmt::format("org = 'other{}'", i)));
  run(state, origin, transactions(1000, 1000));
}
BENCHMARK(write_that_touches_no_shape)->Iterations(5000);

void write_to_patterns(benchmark::State& state) {
  Origin origin;
  const int shapes = static_cast<int>(state.range(0));
  for (int i = 0; i < shapes; ++i) origin.add(origin.make(fmt::format("title ILIKE '%k{:05}x%'", i)));
  run(state, origin, transactions(100, shapes));
}
BENCHMARK(write_to_patterns)->Arg(100)->Arg(1'000)->Iterations(50);

// Time of one shape.
void add_and_remove(benchmark::State& state) {
  Origin origin;
  std::vector<std::shared_ptr<Shape>> shapes;
  const int count = static_cast<int>(state.range(0));
  const char* same = state.range(1) == 0 ? "" : "n = 5 AND ";  // one value that all share
  for (int i = 0; i < count; ++i) shapes.push_back(origin.make(fmt::format("{}title LIKE '%{}%'", same, i)));
  for (auto _ : state) {
    for (const auto& shape : shapes) origin.add(shape);
    for (const auto& shape : shapes) origin.remove(*shape);
    state.PauseTiming();
    for (auto& shape : shapes)
      shape = std::make_shared<Shape>("", shape->shared_spec(), store::MemoryStore(1024).create("", ""));
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * count);
}
BENCHMARK(add_and_remove)->Args({20'000, 0})->Args({20'000, 1})->Iterations(1);

}  // namespace
}  // namespace sluice::origin::embedded

BENCHMARK_MAIN();

// What the store costs. CPU is the whole process's, its own threads' too.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

#include "store/test_folder.h"

namespace sluice::store {
namespace {

using shape::Offset;

DiskStoreOptions bench_options(const std::string& folder) {
  DiskStoreOptions options;
  options.folder = folder;
  options.offset_of = test_offset_of;
  return options;
}

std::unique_ptr<DiskStore> open_bench_store(const std::string& folder) {
  return std::move(DiskStore::open(bench_options(folder)).value());
}

std::size_t resident_bytes() {
  std::size_t total = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// 1,000,000 entries of 200 B over 1,000 logs, ten a transaction, durable every 5 ms.
void BM_Changes(benchmark::State& state) {
  for (auto _ : state) {
    TestFolder folder;
    auto store = open_bench_store(folder.path());
    std::vector<std::shared_ptr<ShapeLog>> logs;
    for (int i = 0; i < 1000; ++i) {
      logs.push_back(store->create("log" + std::to_string(i), "meta"));
      logs.back()->finish_snapshot();
    }
    const std::string entry(198, 'x');
    for (std::uint64_t tx = 1; tx <= 100000; ++tx) {
      for (std::uint64_t op = 0; op < 10; ++op) {
        ShapeLog& log = *logs[(tx * 10 + op) % 1000];
        log.append(Offset::at(tx, op), entry + ",\n");
        log.end_transaction();
      }
      store->commit(tx, "note");
    }
    store->flush();
    state.PauseTiming();
    logs.clear();
    store.reset();
    state.ResumeTiming();
  }
}
BENCHMARK(BM_Changes)->Iterations(1)->Repetitions(3)->MeasureProcessCPUTime()->UseRealTime()->Unit(benchmark::kMillisecond);

// A snapshot of 1,000,000 rows of 250 B, `range` rows a call.
void BM_Snapshot(benchmark::State& state) {
  std::string rows;
  for (std::int64_t i = 0; i < state.range(0); ++i) rows += std::string(248, 'x') + ",\n";
  TestFolder folder;
  auto store = open_bench_store(folder.path());
  for (auto _ : state) {
    auto log = store->create("log", "meta");
    for (std::int64_t i = 0; i < 1000000; i += state.range(0)) log->append_snapshot(rows);
    log->finish_snapshot();
    state.PauseTiming();
    store->drop("log");
    log.reset();
    state.ResumeTiming();
  }
}
BENCHMARK(BM_Snapshot)
    ->Arg(1)
    ->Arg(100)
    ->Iterations(2)
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

// Reading those again, chunk by chunk.
void BM_ReadSnapshot(benchmark::State& state) {
  TestFolder folder;
  auto store = open_bench_store(folder.path());
  auto log = store->create("log", "meta");
  const std::string row = std::string(248, 'x') + ",\n";
  for (int i = 0; i < 1000000; ++i) log->append_snapshot(row);
  log->finish_snapshot();
  std::size_t bytes = 0;
  for (auto _ : state) {
    Offset at = Offset::before_all();
    while (true) {
      auto page = log->read(at);
      for (const Buffer& buffer : page->buffers) bytes += buffer.size();
      if (page->at_head) break;
      at = page->end;
    }
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(BM_ReadSnapshot)->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);

// Logs with a meta of 500 B, three changes of 200 B and no snapshot: opening the folder after a crash, and what they take.
void BM_Recover(benchmark::State& state) {
  TestFolder folder;
  {
    auto store = open_bench_store(folder.path());
    for (std::int64_t i = 0; i < state.range(0); ++i) {
      auto log = store->create("handle-of-32-characters-" + std::to_string(10000000 + i), std::string(500, 'm'));
      log->append_snapshot("row,\n");
      log->finish_snapshot();
      for (std::uint64_t op = 0; op < 3; ++op)
        log->append(Offset::at(static_cast<std::uint64_t>(i) + 1, op), std::string(200, 'x'));
      log->end_transaction();
      if (i % 100 == 99) store->commit(static_cast<Lsn>(i), {});
    }
  }
  for (auto _ : state) {
    const std::size_t before = resident_bytes();
    auto store = open_bench_store(folder.path());
    state.counters["bytes_a_log"] = static_cast<double>(resident_bytes() - before) / static_cast<double>(state.range(0));
    state.PauseTiming();
    store.reset();
    state.ResumeTiming();
  }
}
BENCHMARK(BM_Recover)->Arg(1000)->Arg(10000)->Iterations(1)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Recover)->Name("BM_RecoverMany")->Arg(100000)->Iterations(1)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace sluice::store

BENCHMARK_MAIN();

// A store with its threads, all of them busy: changes, new and dropped logs, snapshots, readers, tails that move to files
// and checkpoints the whole time. What every reader has seen, and what is there after a restart, is what was written.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "store/test_folder.h"

namespace sluice::store {
namespace {

using shape::Offset;

void busy(DiskStoreOptions& options) {
  options.chunk_bytes = 5000;
  options.tail_bytes_max = 20'000;
  options.uncommitted_bytes_max = 2000;
  options.checkpoint_bytes = 20'000;
  options.checkpoint_every = std::chrono::milliseconds(0);
  options.inline_bytes_max = 500;
  options.open_files_max = 3;
  options.kept_page_bytes_max = 10'000;
  options.sync_every = std::chrono::milliseconds(1);
}

std::string entry_of(std::uint64_t tx, std::uint64_t op) {
  return test_entry(Offset::at(tx, op), std::string(50 + tx * 7 % 100, static_cast<char>('a' + op)));
}

// All changes of a log, page by page, until they are `bytes`.
std::string follow(const ShapeLog& log, std::size_t bytes) {
  std::string all;
  Offset at = Offset::after_transaction(0);
  while (all.size() < bytes) {
    auto page = log.read(at);
    if (!page) return all + "error";
    all += text(*page);
    at = page->end;
    if (page->buffers.empty()) std::this_thread::yield();
  }
  return all;
}

TEST(StoreThreads, EverybodySeesWhatWasWrittenAndSoDoesTheNextProcess) {
  constexpr std::size_t kLogs = 4;
  constexpr std::uint64_t kTransactions = 1500;
  TestFolder folder;
  auto store = open_test_store(folder.path(), busy);
  std::vector<std::shared_ptr<ShapeLog>> logs;
  std::vector<std::string> expected(kLogs);
  for (std::size_t i = 0; i < kLogs; ++i) {
    logs.push_back(store->create("log" + std::to_string(i), "meta"));
    for (std::uint64_t tx = 1; tx <= kTransactions; ++tx) {
      if (tx % kLogs == i || tx % 10 == 0) expected[i] += entry_of(tx, 0) + entry_of(tx, 1);
    }
  }
  std::atomic<bool> done{false};
  std::vector<std::string> seen(kLogs);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kLogs; ++i) {
    logs[i]->finish_snapshot();
    threads.emplace_back([&, i] { seen[i] = follow(*logs[i], expected[i].size()); });
  }
  threads.emplace_back([&] {
    for (int n = 0; !done; ++n) {
      const std::string handle = "passing" + std::to_string(n);
      auto log = store->create(handle, "meta");
      for (int row = 0; row < 100; ++row) log->append_snapshot(std::string(100, 'r') + ",\n");
      log->finish_snapshot();
      EXPECT_TRUE(log->read(Offset::before_all()));
      store->drop(handle);
    }
  });
  for (std::uint64_t tx = 1; tx <= kTransactions; ++tx) {
    for (std::size_t i = 0; i < kLogs; ++i) {
      if (tx % kLogs != i && tx % 10 != 0) continue;
      if (tx % 50 == 0) {
        for (std::uint64_t op = 0; op < 40; ++op) logs[i]->append(Offset::at(tx, op), entry_of(tx, 5));
        logs[i]->abort_transaction();
      }
      for (std::uint64_t op : {0u, 1u}) logs[i]->append(Offset::at(tx, op), entry_of(tx, op));
      logs[i]->end_transaction();
    }
    store->commit(tx, "n");
  }
  for (std::size_t i = 0; i < kLogs; ++i) threads[i].join();
  done = true;
  threads.back().join();
  EXPECT_EQ(seen, expected);
  EXPECT_TRUE(store->flush());
  EXPECT_EQ(store->durable_lsn(), kTransactions);
  logs.clear();
  store.reset();

  store = open_test_store(folder.path(), busy);
  EXPECT_TRUE(store->damage().empty());
  auto recovered = store->take_recovered();
  ASSERT_EQ(recovered.logs.size(), kLogs);
  for (std::size_t i = 0; i < kLogs; ++i) EXPECT_EQ(follow(*recovered.logs[i].log, expected[i].size()), expected[i]);
}

}  // namespace
}  // namespace sluice::store

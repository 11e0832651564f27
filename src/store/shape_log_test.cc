// What every store does: the contract of shape_log.h, held against each.
#include "store/shape_log.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "store/memory_store.h"
#include "store/test_folder.h"

namespace sluice::store {
namespace {

using shape::Offset;

struct InMemory {
  std::unique_ptr<LogStore> store = std::make_unique<MemoryStore>(10);
  void after_commit() {}
};

struct OnDisk {
  TestFolder folder;
  std::unique_ptr<LogStore> store = open_test_store(folder.path());
  void after_commit() {}
};

// The same, where nothing stays in memory.
struct OnDiskOnly {
  TestFolder folder;
  std::unique_ptr<DiskStore> store = open_test_store(folder.path(), [](DiskStoreOptions& options) {
    options.threads = false;
    options.inline_bytes_max = 0;
    options.uncommitted_bytes_max = 0;
    options.open_files_max = 1;
    options.kept_page_bytes_max = 0;
  });
  void after_commit() { ASSERT_TRUE(store->checkpoint()); }
};

template <typename Where>
class ShapeLogTest : public testing::Test {
 protected:
  std::string read(Offset after) {
    auto page = log_->read(after);
    return page ? text(*page) : "error";
  }
  void commit(Lsn lsn) {
    store_.commit(lsn, {});
    where_.after_commit();
  }
  Page page(Offset after) { return log_->read(after).value(); }

  Where where_;
  LogStore& store_ = *where_.store;
  std::shared_ptr<ShapeLog> log_ = store_.create("h", "");
};

using Stores = testing::Types<InMemory, OnDisk, OnDiskOnly>;
TYPED_TEST_SUITE(ShapeLogTest, Stores);

TYPED_TEST(ShapeLogTest, CannotBeReadBeforeItsSnapshotIsFinished) {
  this->log_->append_snapshot("1,\n");
  EXPECT_EQ(this->log_->read(Offset::before_all()).error(), ReadError::kNoSnapshot);
  this->log_->finish_snapshot();
  EXPECT_EQ(this->read(Offset::before_all()), "1,\n");
}

TYPED_TEST(ShapeLogTest, ClosedChunksOfTheSnapshotCanBeReadBeforeItIsFinished) {
  for (const char* entry : {"aaaa,\n", "bbbb,\n", "c,\n"}) this->log_->append_snapshot(entry);
  EXPECT_EQ(this->read(Offset::before_all()), "aaaa,\nbbbb,\n");
  EXPECT_EQ(this->log_->read(Offset::at(0, 0)).error(), ReadError::kNoSnapshot);
  EXPECT_EQ(this->log_->read(Offset::after_transaction(0)).error(), ReadError::kNoSnapshot);
  this->log_->finish_snapshot();
  EXPECT_EQ(this->read(Offset::at(0, 0)), "c,\n");
}

TYPED_TEST(ShapeLogTest, AnEmptySnapshotIsOneEmptyChunk) {
  this->log_->finish_snapshot();
  Page first = this->page(Offset::before_all());
  EXPECT_EQ(text(first), "");
  EXPECT_EQ(first.end.print(), "0_0");
  EXPECT_FALSE(first.at_head);
  Page second = this->page(first.end);
  EXPECT_EQ(second.end.print(), "0_inf");
  EXPECT_TRUE(second.at_head);
}

TYPED_TEST(ShapeLogTest, CutsTheSnapshotBehindTheEntryThatFillsAChunk) {
  for (const char* entry : {"aaaa,\n", "bbbb,\n", "cccc,\n", "dddd,\n", "e,\n"}) this->log_->append_snapshot(entry);
  this->log_->finish_snapshot();
  EXPECT_EQ(this->read(Offset::before_all()), "aaaa,\nbbbb,\n");
  EXPECT_EQ(this->read(Offset::at(0, 0)), "cccc,\ndddd,\n");
  EXPECT_EQ(this->page(Offset::at(0, 0)).end.print(), "0_1");
  EXPECT_EQ(this->read(Offset::at(0, 1)), "e,\n");
  EXPECT_EQ(this->read(Offset::at(0, 2)), "");
  EXPECT_TRUE(this->page(Offset::at(0, 2)).at_head);
  EXPECT_EQ(this->read(Offset::after_transaction(0)), "");
}

TYPED_TEST(ShapeLogTest, ASnapshotThatFillsItsLastChunkHasNoEmptyOneBehind) {
  this->log_->append_snapshot("aaaaaaaaaa,\n");
  this->log_->finish_snapshot();
  EXPECT_EQ(this->page(Offset::before_all()).end.print(), "0_0");
  EXPECT_EQ(this->page(Offset::at(0, 0)).end.print(), "0_inf");
}

TYPED_TEST(ShapeLogTest, ShowsChangesOnlyOnceCommitted) {
  this->log_->finish_snapshot();
  this->log_->append(Offset::at(7, 0), "a,\n");
  EXPECT_EQ(this->read(Offset::after_transaction(0)), "");
  this->log_->end_transaction();
  EXPECT_EQ(this->read(Offset::after_transaction(0)), "");
  EXPECT_EQ(this->log_->head().print(), "0_inf");
  this->commit(9);
  EXPECT_EQ(this->store_.committed_lsn(), 9u);
  EXPECT_EQ(this->log_->head().print(), "7_0");
  EXPECT_EQ(this->read(Offset::after_transaction(0)), "a,\n");
  EXPECT_EQ(this->read(Offset::at(0, 0)), "a,\n");
  EXPECT_EQ(this->read(Offset::at(7, 0)), "");
  EXPECT_EQ(this->page(Offset::at(7, 0)).end.print(), "7_0");
}

TYPED_TEST(ShapeLogTest, CommitLeavesOutATransactionThatHasNotEnded) {
  this->log_->finish_snapshot();
  this->log_->append(Offset::at(7, 0), "a,\n");
  this->log_->end_transaction();
  this->log_->append(Offset::at(8, 0), "b,\n");
  this->commit(7);
  EXPECT_EQ(this->read(Offset::after_transaction(0)), "a,\n");
  this->log_->append(Offset::at(8, 1), "c,\n");
  this->log_->end_transaction();
  this->commit(8);
  EXPECT_EQ(this->read(Offset::after_transaction(0)), "a,\nb,\nc,\n");
}

TYPED_TEST(ShapeLogTest, AbortTakesBackWhatHasNotEnded) {
  this->log_->finish_snapshot();
  this->log_->append(Offset::at(7, 0), "a,\n");
  this->log_->end_transaction();
  this->log_->append(Offset::at(8, 0), "bbbbbbbbbbbbb,\n");
  this->log_->abort_transaction();
  this->log_->append(Offset::at(8, 0), "c,\n");
  this->log_->end_transaction();
  this->commit(8);
  EXPECT_EQ(this->read(Offset::after_transaction(0)), "a,\nc,\n");
}

TYPED_TEST(ShapeLogTest, ClosedChunksNeverMove) {
  this->log_->finish_snapshot();
  for (std::uint64_t tx = 1; tx <= 4; ++tx) {
    this->log_->append(Offset::at(tx, 0), test_entry(Offset::at(tx, 0), "1"));
    this->log_->end_transaction();
    this->commit(tx);
  }
  EXPECT_EQ(this->page(Offset::after_transaction(0)).end.print(), "2_0");
  EXPECT_FALSE(this->page(Offset::after_transaction(0)).at_head);
  EXPECT_EQ(this->page(Offset::at(1, 0)).end.print(), "2_0");
  EXPECT_EQ(this->page(Offset::at(2, 0)).end.print(), "4_0");
  EXPECT_TRUE(this->page(Offset::at(2, 0)).at_head);
}

TYPED_TEST(ShapeLogTest, ReadsOnFromTheMiddleOrTheEndOfATransaction) {
  this->log_->finish_snapshot();
  for (const Offset at : {Offset::at(5, 0), Offset::at(5, 2), Offset::at(5, 3)}) this->log_->append(at, test_entry(at, "a"));
  this->log_->end_transaction();
  this->log_->append(Offset::at(9, 0), test_entry(Offset::at(9, 0), "c"));
  this->log_->end_transaction();
  this->commit(9);
  // Chunks close behind 5_2 and 9_0.
  EXPECT_EQ(this->read(Offset::at(5, 0)), "a@5_2,\n");
  EXPECT_EQ(this->read(Offset::at(5, 1)), "a@5_2,\n");
  EXPECT_EQ(this->read(Offset::at(5, 2)), "a@5_3,\nc@9_0,\n");
  EXPECT_EQ(this->read(Offset::at(5, 3)), "c@9_0,\n");
  EXPECT_EQ(this->read(Offset::after_transaction(5)), "c@9_0,\n");
  EXPECT_EQ(this->page(Offset::after_transaction(5)).end.print(), "9_0");
  EXPECT_EQ(this->read(Offset::at(7, 7)), "c@9_0,\n");
  EXPECT_EQ(this->read(Offset::after_transaction(9)), "");
  EXPECT_EQ(this->log_->read(Offset::at(9, 1)).error(), ReadError::kBeyondHead);
  EXPECT_EQ(this->log_->read(Offset::at(10, 0)).error(), ReadError::kBeyondHead);
}

TYPED_TEST(ShapeLogTest, ManyEntriesAtOnceCloseTheSameChunks) {
  this->log_->append_snapshot("aaaa,\nbbbb,\ncccc,\ndddd,\ne,\n");
  this->log_->finish_snapshot();
  EXPECT_EQ(this->read(Offset::before_all()), "aaaa,\nbbbb,\n");
  EXPECT_EQ(this->read(Offset::at(0, 0)), "cccc,\ndddd,\n");
  EXPECT_EQ(this->read(Offset::at(0, 1)), "e,\n");
}

TYPED_TEST(ShapeLogTest, CountsTheBytesOfLogsThatAreAlive) {
  EXPECT_EQ(this->store_.bytes(), 0u);
  this->log_->append_snapshot(std::string(1000, 'x') + ",\n");
  EXPECT_GE(this->store_.bytes(), 1000u);
  EXPECT_EQ(this->store_.bytes(), this->log_->bytes());
  this->store_.drop("h");
  this->log_.reset();
  EXPECT_EQ(this->store_.bytes(), 0u);
}

TYPED_TEST(ShapeLogTest, AReaderKeepsItsPageWhenTheLogIsGone) {
  this->log_->append_snapshot("kept,\n");
  this->log_->finish_snapshot();
  Page kept = this->page(Offset::before_all());
  this->store_.drop("h");
  this->log_.reset();
  EXPECT_EQ(text(kept), "kept,\n");
}

TYPED_TEST(ShapeLogTest, ReadersOnOtherThreadsSeeWholeTransactions) {
  this->log_->finish_snapshot();
  const std::uint64_t transactions = std::is_same_v<TypeParam, OnDiskOnly> ? 100 : 2000;
  std::string expected;
  for (std::uint64_t tx = 1; tx <= transactions; ++tx) {
    for (std::uint64_t op : {0u, 1u}) expected += test_entry(Offset::at(tx, op), "a");
  }
  std::thread writer([&, this] {
    for (std::uint64_t tx = 1; tx <= transactions; ++tx) {
      for (std::uint64_t op : {0u, 1u}) this->log_->append(Offset::at(tx, op), test_entry(Offset::at(tx, op), "a"));
      this->log_->end_transaction();
      this->commit(tx);
    }
  });
  std::string all;
  Offset at = Offset::after_transaction(0);
  while (all.size() < expected.size()) {
    auto next = this->log_->read(at);
    if (!next) break;
    all += text(*next);
    at = next->end;
    if (next->at_head && at.tx() != 0) EXPECT_EQ(at.op(), 1u);
  }
  writer.join();
  EXPECT_EQ(all, expected);
}

}  // namespace
}  // namespace sluice::store

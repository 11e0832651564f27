#include "store/memory_store.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace sluice::store {
namespace {

using shape::Offset;

std::string text(const Page& page) {
  std::string out;
  for (const Buffer& buffer : page.buffers) out += buffer.bytes();
  return out;
}

class MemoryStoreTest : public testing::Test {
 protected:
  std::string read(Offset after) {
    auto page = log_->read(after);
    return page ? text(*page) : "error";
  }
  Page page(Offset after) { return log_->read(after).value(); }

  MemoryStore store_{10};
  std::shared_ptr<ShapeLog> log_ = store_.create("h", "");
};

TEST_F(MemoryStoreTest, CannotBeReadBeforeItsSnapshotIsFinished) {
  log_->append_snapshot("1,\n");
  EXPECT_EQ(log_->read(Offset::before_all()).error(), ReadError::kNoSnapshot);
  log_->finish_snapshot();
  EXPECT_EQ(read(Offset::before_all()), "1,\n");
}

TEST_F(MemoryStoreTest, ClosedChunksOfTheSnapshotCanBeReadBeforeItIsFinished) {
  for (const char* entry : {"aaaa,\n", "bbbb,\n", "c,\n"}) log_->append_snapshot(entry);
  EXPECT_EQ(read(Offset::before_all()), "aaaa,\nbbbb,\n");
  EXPECT_EQ(log_->read(Offset::at(0, 0)).error(), ReadError::kNoSnapshot);
  EXPECT_EQ(log_->read(Offset::after_transaction(0)).error(), ReadError::kNoSnapshot);
  log_->finish_snapshot();
  EXPECT_EQ(read(Offset::at(0, 0)), "c,\n");
}

TEST_F(MemoryStoreTest, AnEmptySnapshotIsOneEmptyChunk) {
  log_->finish_snapshot();
  Page first = page(Offset::before_all());
  EXPECT_EQ(text(first), "");
  EXPECT_EQ(first.end.print(), "0_0");
  EXPECT_FALSE(first.at_head);
  Page second = page(first.end);
  EXPECT_EQ(second.end.print(), "0_inf");
  EXPECT_TRUE(second.at_head);
}

TEST_F(MemoryStoreTest, CutsTheSnapshotBehindTheEntryThatFillsAChunk) {
  for (const char* entry : {"aaaa,\n", "bbbb,\n", "cccc,\n", "dddd,\n", "e,\n"}) log_->append_snapshot(entry);
  log_->finish_snapshot();
  EXPECT_EQ(read(Offset::before_all()), "aaaa,\nbbbb,\n");
  EXPECT_EQ(read(Offset::at(0, 0)), "cccc,\ndddd,\n");
  EXPECT_EQ(page(Offset::at(0, 0)).end.print(), "0_1");
  EXPECT_EQ(read(Offset::at(0, 1)), "e,\n");
  EXPECT_EQ(read(Offset::at(0, 2)), "");
  EXPECT_TRUE(page(Offset::at(0, 2)).at_head);
  EXPECT_EQ(read(Offset::after_transaction(0)), "");
}

TEST_F(MemoryStoreTest, ASnapshotThatFillsItsLastChunkHasNoEmptyOneBehind) {
  log_->append_snapshot("aaaaaaaaaa,\n");
  log_->finish_snapshot();
  EXPECT_EQ(page(Offset::before_all()).end.print(), "0_0");
  EXPECT_EQ(page(Offset::at(0, 0)).end.print(), "0_inf");
}

TEST_F(MemoryStoreTest, ShowsChangesOnlyOnceCommitted) {
  log_->finish_snapshot();
  log_->append(Offset::at(7, 0), "a,\n");
  EXPECT_EQ(read(Offset::after_transaction(0)), "");
  log_->end_transaction();
  EXPECT_EQ(read(Offset::after_transaction(0)), "");
  EXPECT_EQ(log_->head().print(), "0_inf");
  store_.commit(9, {});
  EXPECT_EQ(store_.committed_lsn(), 9u);
  EXPECT_EQ(log_->head().print(), "7_0");
  EXPECT_EQ(read(Offset::after_transaction(0)), "a,\n");
  EXPECT_EQ(read(Offset::at(0, 0)), "a,\n");
  EXPECT_EQ(read(Offset::at(7, 0)), "");
  EXPECT_EQ(page(Offset::at(7, 0)).end.print(), "7_0");
}

TEST_F(MemoryStoreTest, CommitLeavesOutATransactionThatHasNotEnded) {
  log_->finish_snapshot();
  log_->append(Offset::at(7, 0), "a,\n");
  log_->end_transaction();
  log_->append(Offset::at(8, 0), "b,\n");
  store_.commit(7, {});
  EXPECT_EQ(read(Offset::after_transaction(0)), "a,\n");
  log_->append(Offset::at(8, 1), "c,\n");
  log_->end_transaction();
  store_.commit(8, {});
  EXPECT_EQ(read(Offset::at(7, 0)), "b,\nc,\n");
}

TEST_F(MemoryStoreTest, AbortTakesBackWhatHasNotEnded) {
  log_->finish_snapshot();
  log_->append(Offset::at(7, 0), "a,\n");
  log_->end_transaction();
  log_->append(Offset::at(8, 0), "bbbbbbbbbbbbb,\n");
  log_->abort_transaction();
  log_->append(Offset::at(8, 0), "c,\n");
  log_->end_transaction();
  store_.commit(8, {});
  EXPECT_EQ(read(Offset::after_transaction(0)), "a,\nc,\n");
}

TEST_F(MemoryStoreTest, ClosedChunksNeverMove) {
  log_->finish_snapshot();
  for (std::uint64_t tx = 1; tx <= 4; ++tx) {
    log_->append(Offset::at(tx, 0), "12345,\n");
    log_->end_transaction();
    store_.commit(tx, {});
  }
  EXPECT_EQ(page(Offset::after_transaction(0)).end.print(), "2_0");
  EXPECT_FALSE(page(Offset::after_transaction(0)).at_head);
  EXPECT_EQ(page(Offset::at(1, 0)).end.print(), "2_0");
  EXPECT_EQ(page(Offset::at(2, 0)).end.print(), "4_0");
  EXPECT_TRUE(page(Offset::at(2, 0)).at_head);
}

TEST_F(MemoryStoreTest, ReadsOnFromTheMiddleOrTheEndOfATransaction) {
  log_->finish_snapshot();
  log_->append(Offset::at(5, 0), "a,\n");
  log_->append(Offset::at(5, 2), "b,\n");
  log_->end_transaction();
  log_->append(Offset::at(9, 0), "c,\n");
  log_->end_transaction();
  store_.commit(9, {});
  EXPECT_EQ(read(Offset::at(5, 0)), "b,\nc,\n");
  EXPECT_EQ(read(Offset::after_transaction(5)), "c,\n");
  EXPECT_EQ(read(Offset::after_transaction(9)), "");
  EXPECT_EQ(log_->read(Offset::at(9, 1)).error(), ReadError::kBeyondHead);
  EXPECT_EQ(log_->read(Offset::at(10, 0)).error(), ReadError::kBeyondHead);
}

TEST_F(MemoryStoreTest, CountsTheBytesOfLogsThatAreAlive) {
  EXPECT_EQ(store_.bytes(), 0u);
  log_->append_snapshot(std::string(1000, 'x') + ",\n");
  EXPECT_GE(store_.bytes(), 1000u);
  EXPECT_EQ(store_.bytes(), log_->bytes());
  log_.reset();
  EXPECT_EQ(store_.bytes(), 0u);
}

TEST_F(MemoryStoreTest, AReaderKeepsItsPageWhenTheLogIsGone) {
  log_->append_snapshot("kept,\n");
  log_->finish_snapshot();
  Page kept = page(Offset::before_all());
  store_.drop("h");
  log_.reset();
  EXPECT_EQ(text(kept), "kept,\n");
}

TEST_F(MemoryStoreTest, ReadersOnOtherThreadsSeeWholeTransactions) {
  log_->finish_snapshot();
  constexpr std::uint64_t kTransactions = 2000;
  std::thread writer([this] {
    for (std::uint64_t tx = 1; tx <= kTransactions; ++tx) {
      log_->append(Offset::at(tx, 0), "a,\n");
      log_->append(Offset::at(tx, 1), "b,\n");
      log_->end_transaction();
      store_.commit(tx, {});
    }
  });
  std::string all;
  Offset at = Offset::after_transaction(0);
  while (all.size() < kTransactions * 6) {
    Page next = page(at);
    all += text(next);
    at = next.end;
    if (next.at_head) EXPECT_EQ(all.size() % 6, 0u);
  }
  writer.join();
  for (std::size_t i = 0; i < all.size(); i += 6) ASSERT_EQ(all.substr(i, 6), "a,\nb,\n");
}

}  // namespace
}  // namespace sluice::store

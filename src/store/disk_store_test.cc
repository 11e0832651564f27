#include "store/disk_store.h"

#include <gtest/gtest.h>

#include <string>

#include "store/test_folder.h"

namespace sluice::store {
namespace {

using shape::Offset;

class DiskStoreTest : public testing::Test {
 protected:
  void open() { store_ = open_test_store(folder_.path(), change_); }
  // As after kill -9, but for what flush() made durable.
  LogStore::Recovered reopen() {
    store_.reset();
    open();
    return store_->take_recovered();
  }
  std::shared_ptr<ShapeLog> make_log(const std::string& handle, const std::string& snapshot) {
    auto log = store_->create(handle, "meta of " + handle);
    if (!snapshot.empty()) log->append_snapshot(snapshot);
    log->finish_snapshot();
    return log;
  }
  void change(ShapeLog& log, Offset at, std::string_view what) {
    log.append(at, test_entry(at, what));
    log.end_transaction();
  }
  static std::string read(const ShapeLog& log, Offset after) {
    auto page = log.read(after);
    return page ? text(*page) : "error";
  }
  static std::string read_all(const ShapeLog& log) {
    std::string out;
    Offset at = Offset::before_all();
    while (true) {
      auto page = log.read(at);
      if (!page) return out + "error";
      out += text(*page);
      if (page->at_head) return out;
      out += "|";
      at = page->end;
    }
  }

  TestFolder folder_;
  std::function<void(DiskStoreOptions&)> change_ = [](DiskStoreOptions& options) { options.threads = false; };
  std::unique_ptr<DiskStore> store_;
};

TEST_F(DiskStoreTest, WhatWasFlushedIsThereAgain) {
  open();
  auto log = make_log("a", "row,\n");
  change(*log, Offset::at(7, 0), "one");
  store_->set_state("state");
  store_->commit(8, "note");
  EXPECT_EQ(store_->durable_lsn(), 0u);
  ASSERT_TRUE(store_->flush());
  EXPECT_EQ(store_->durable_lsn(), 8u);
  change(*log, Offset::at(9, 0), "two");
  store_->commit(9, "lost");
  log.reset();

  auto recovered = reopen();
  EXPECT_TRUE(store_->damage().empty());
  EXPECT_EQ(recovered.lsn, 8u);
  EXPECT_EQ(recovered.state, "state");
  EXPECT_EQ(recovered.notes, "note");
  ASSERT_EQ(recovered.logs.size(), 1u);
  EXPECT_EQ(recovered.logs[0].handle, "a");
  EXPECT_EQ(recovered.logs[0].meta, "meta of a");
  EXPECT_EQ(read_all(*recovered.logs[0].log), "row,\n|one@7_0,\n");
  EXPECT_EQ(store_->committed_lsn(), 8u);
  EXPECT_EQ(store_->durable_lsn(), 8u);
}

TEST_F(DiskStoreTest, ALogWithoutAFinishedSnapshotIsForgotten) {
  open();
  auto log = store_->create("a", "");
  log->append_snapshot("a snapshot that is not finished,\n");
  change(*log, Offset::at(7, 0), "one");
  store_->commit(7, {});
  ASSERT_TRUE(store_->flush());
  log.reset();
  auto recovered = reopen();
  EXPECT_TRUE(recovered.logs.empty());
  EXPECT_EQ(recovered.lsn, 7u);
  EXPECT_TRUE(store_->damage().empty());
}

TEST_F(DiskStoreTest, ADroppedLogIsForgotten) {
  open();
  auto log = make_log("a", "row,\n");
  make_log("b", "other,\n");
  store_->drop("a");
  EXPECT_EQ(read_all(*log), "row,\n|");
  ASSERT_TRUE(store_->flush());
  log.reset();
  auto recovered = reopen();
  ASSERT_EQ(recovered.logs.size(), 1u);
  EXPECT_EQ(recovered.logs[0].handle, "b");
}

TEST_F(DiskStoreTest, ACheckpointStandsForWhatCameBefore) {
  open();
  auto log = make_log("a", "row,\n");
  for (std::uint64_t tx = 1; tx <= 20; ++tx) {
    change(*log, Offset::at(tx, 0), "entry");
    store_->commit(tx, "n" + std::to_string(tx));
    if (tx % 6 == 0) ASSERT_TRUE(store_->checkpoint());
  }
  ASSERT_TRUE(store_->flush());
  const std::string all = read_all(*log);
  log.reset();
  auto recovered = reopen();
  EXPECT_EQ(recovered.lsn, 20u);
  EXPECT_EQ(recovered.notes.substr(0, 4), "n1n2");
  ASSERT_EQ(recovered.logs.size(), 1u);
  EXPECT_EQ(read_all(*recovered.logs[0].log), all);
}

TEST_F(DiskStoreTest, ACleanEndLeavesOneCheckpointAndNoLog) {
  change_ = [](DiskStoreOptions&) {};
  open();
  auto log = make_log("a", "row,\n");
  change(*log, Offset::at(3, 0), "one");
  store_->commit(3, {});
  log.reset();
  store_.reset();
  auto found = list_folder(posix_files(), folder_.path());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->checkpoints.size(), 1u);
  auto recovered = reopen();
  ASSERT_EQ(recovered.logs.size(), 1u);
  EXPECT_EQ(read_all(*recovered.logs[0].log), "row,\n|one@3_0,\n");
}

}  // namespace
}  // namespace sluice::store

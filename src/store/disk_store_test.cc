#include "store/disk_store.h"

#include <gtest/gtest.h>

#include <string>

#include "base/log.h"
#include "store/crc32c.h"
#include "store/forgetful_files.h"
#include "store/test_folder.h"

namespace sluice::store {
namespace {

using shape::Offset;

class DiskStoreTest : public testing::Test {
 protected:
  void open() { store_ = open_test_store(folder_.path(), change_, *files_); }
  // Without threads the end of a store is as kill -9 is, but for what flush() made durable.
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

  FileLayer* files_ = &posix_files();
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

TEST_F(DiskStoreTest, ChunksStayAsTheyWereWhateverTheirSizeIsNow) {
  open();
  auto log = make_log("a", "aaaaaa,\nbbbbbb,\ncccccc,\n");
  for (std::uint64_t tx = 1; tx <= 5; ++tx) change(*log, Offset::at(tx, 0), "e");
  store_->commit(5, {});
  ASSERT_TRUE(store_->flush());
  const std::string all = read_all(*log);
  log.reset();
  change_ = [](DiskStoreOptions& options) {
    options.threads = false;
    options.chunk_bytes = 1000;
  };
  auto recovered = reopen();
  change(*recovered.logs[0].log, Offset::at(6, 0), "e");
  store_->commit(6, {});
  EXPECT_EQ(read_all(*recovered.logs[0].log), all + "e@6_0,\n");
}

TEST_F(DiskStoreTest, AFolderInUseIsRefused) {
  open();
  auto second = DiskStore::open(test_options(folder_.path()));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, StoreError::Kind::kInUse);
  store_.reset();
  EXPECT_TRUE(DiskStore::open(test_options(folder_.path())));
}

TEST_F(DiskStoreTest, AFolderOfANewerVersionIsRefused) {
  open();
  make_log("a", "row,\n");
  ASSERT_TRUE(store_->checkpoint());
  store_.reset();
  const auto found = list_folder(posix_files(), folder_.path());
  const std::string path = folder_.path() + "/" + checkpoint_name(found->checkpoints.back());
  auto file = posix_files().open(path, OpenMode::kWrite);
  std::string header(20, '\0');
  ASSERT_TRUE((*file)->read_at(0, header));
  header[8] = 2;
  const std::uint32_t crc = crc32c(header);
  for (int i = 0; i < 4; ++i) header += static_cast<char>(crc >> (8 * i) & 0xff);
  ASSERT_TRUE((*file)->write_at(0, header));
  auto opened = DiskStore::open(test_options(folder_.path()));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, StoreError::Kind::kNewerVersion);
}

TEST_F(DiskStoreTest, FilesThatNoLogHasAreRemoved) {
  open();
  auto file = posix_files().open(folder_.path() + "/logs/07/0000000000000107.changes", OpenMode::kWrite);
  ASSERT_TRUE((*file)->write_at(0, "left by somebody"));
  reopen();
  store_->keep_house();
  EXPECT_TRUE(posix_files().list(folder_.path() + "/logs/07")->empty());
  // And their ids are not used again.
  auto log = make_log("a", "row,\n");
  EXPECT_EQ(static_cast<DiskLog&>(*log).id(), 0x108u);
}

TEST_F(DiskStoreTest, FilesOfADroppedLogGoWithItsLastHolder) {
  open();
  auto log = make_log("a", "row,\n");
  ASSERT_TRUE(store_->flush());
  store_->drop("a");
  ASSERT_TRUE(store_->flush());
  store_->keep_house();
  EXPECT_EQ(posix_files().list(folder_.path() + "/logs/01")->size(), 1u);
  log.reset();
  store_->keep_house();
  EXPECT_TRUE(posix_files().list(folder_.path() + "/logs/01")->empty());
}

TEST_F(DiskStoreTest, ATransactionLargerThanMemoryGoesToTheFileAndCounts) {
  change_ = [](DiskStoreOptions& options) {
    options.threads = false;
    options.chunk_bytes = 1024 * 1024;
    options.uncommitted_bytes_max = 256 * 1024;
  };
  open();
  auto log = make_log("a", "row,\n");
  change(*log, Offset::at(1, 0), "before");
  store_->commit(1, {});
  std::string expected = test_entry(Offset::at(1, 0), "before");
  const std::string filler(1000, 'x');
  for (std::uint64_t op = 0; op < 5000; ++op) {
    const std::string entry = test_entry(Offset::at(2, op), filler);
    log->append(Offset::at(2, op), entry);
    expected += entry;
  }
  EXPECT_EQ(read(*log, Offset::at(0, 0)), test_entry(Offset::at(1, 0), "before"));
  log->end_transaction();
  store_->commit(2, {});
  ASSERT_TRUE(store_->flush());
  log->append(Offset::at(3, 0), std::string(1024 * 1024, 'y'));  // spilled, and never ended
  std::string all = read_all(*log);
  log.reset();
  auto recovered = reopen();
  EXPECT_TRUE(store_->damage().empty());
  ASSERT_EQ(recovered.logs.size(), 1u);
  EXPECT_EQ(read_all(*recovered.logs[0].log), all);
  std::erase(all, '|');
  EXPECT_EQ(all, "row,\n" + expected);
}

TEST_F(DiskStoreTest, ALargeTransactionCanBeTakenBack) {
  change_ = [](DiskStoreOptions& options) {
    options.threads = false;
    options.uncommitted_bytes_max = 100;
  };
  open();
  auto log = make_log("a", "row,\n");
  change(*log, Offset::at(1, 0), "kept");
  for (std::uint64_t op = 0; op < 50; ++op) log->append(Offset::at(2, op), test_entry(Offset::at(2, op), "taken back"));
  log->abort_transaction();
  change(*log, Offset::at(2, 0), "other");
  store_->commit(2, {});
  EXPECT_EQ(read_all(*log), "row,\n|kept@1_0,\n|other@2_0,\n");
  ASSERT_TRUE(store_->flush());
  log.reset();
  auto recovered = reopen();
  EXPECT_EQ(read_all(*recovered.logs[0].log), "row,\n|kept@1_0,\n|other@2_0,\n");
}

// The worked example of docs/format-store.md, made there by another program.
TEST_F(DiskStoreTest, WritesTheBytesOfTheFormatsDescription) {
  open();
  auto log = store_->create("h", "m");
  log->finish_snapshot();
  ASSERT_TRUE(store_->flush());
  log->append(Offset::at(7, 0), "a,\n");
  log->end_transaction();
  store_->commit(9, {});
  ASSERT_TRUE(store_->flush());
  auto file = posix_files().open(folder_.path() + "/" + wal_name(1), OpenMode::kRead);
  std::string bytes(*(*file)->size(), '\0');
  ASSERT_TRUE((*file)->read_at(0, bytes));
  std::string hex;
  for (unsigned char byte : bytes) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  EXPECT_EQ(hex,
            "736c75696365776c0100000001000000000000007e251dc7070000000351318701010a0168016d08"
            "000000150f639902010100000000000a0000001f3ad08404010001030700612c0a040000000490d5"
            "a706010900");
}

// Damage.

class DamagedStoreTest : public DiskStoreTest {
 protected:
  void SetUp() override {
    log::set_level(log::Level::kOff);
    files_ = &forgetful_;
    ASSERT_TRUE(forgetful_.make_folder(folder_.path()));
    open();
    for (const char* handle : {"a", "b", "c"}) {
      auto log = make_log(handle, "row of " + std::string(handle) + ",\n");
      for (std::uint64_t tx = 1; tx <= 3; ++tx) change(*log, Offset::at(tx, 0), "change");
    }
    store_->commit(3, {});
  }
  void TearDown() override { log::set_level(log::Level::kInfo); }
  std::string handles(const LogStore::Recovered& recovered) {
    std::string out;
    for (const auto& log : recovered.logs) out += log.handle;
    return out;
  }
  // Changes one byte in the middle of `what` in the only file whose path has `part`.
  void damage(const std::string& part, const std::string& what) {
    for (const std::string& path : forgetful_.paths()) {
      if (path.find(part) == std::string::npos) continue;
      std::string& bytes = *forgetful_.bytes_of(path);
      if (const std::size_t at = bytes.find(what); at != std::string::npos) bytes[at + what.size() / 2] ^= 1;
    }
  }

  ForgetfulFiles forgetful_{1};
};

TEST_F(DamagedStoreTest, ALogWhoseRecordDoesNotReadIsLostAloneAndSaidSo) {
  ASSERT_TRUE(store_->flush());
  ASSERT_TRUE(store_->checkpoint());
  damage("checkpoint-", "meta of b");
  auto recovered = reopen();
  EXPECT_EQ(handles(recovered), "ac");
  EXPECT_EQ(recovered.lsn, 3u);
  EXPECT_FALSE(store_->damage().empty());
  recovered = {};
  EXPECT_EQ(handles(reopen()), "ac");
  EXPECT_TRUE(store_->damage().empty());
}

TEST_F(DamagedStoreTest, ALogWhoseFileIsMissingIsLostAloneAndSaidSo) {
  ASSERT_TRUE(store_->flush());
  ASSERT_TRUE(forgetful_.remove(folder_.path() + "/logs/02/0000000000000002.snapshot"));
  auto recovered = reopen();
  EXPECT_EQ(handles(recovered), "ac");
  ASSERT_EQ(store_->damage().size(), 1u);
  EXPECT_EQ(store_->damage()[0], "log b: its files are missing or too short");
}

TEST_F(DamagedStoreTest, WrongBytesInAFileAreNeverHandedOut) {
  ASSERT_TRUE(store_->flush());
  damage("0000000000000002.snapshot", "row of b");
  auto recovered = reopen();
  ASSERT_EQ(handles(recovered), "abc");
  EXPECT_EQ(recovered.logs[1].log->read(Offset::before_all()).error(), ReadError::kUnavailable);
  EXPECT_EQ(read(*recovered.logs[0].log, Offset::before_all()), "row of a,\n");
  EXPECT_EQ(read(*recovered.logs[1].log, Offset::after_transaction(0)), "change@1_0,\n");
}

TEST_F(DamagedStoreTest, BehindADamagedRecordOfTheWriteAheadLogNothingCounts) {
  ASSERT_TRUE(store_->checkpoint());
  auto log = store_->create("d", "");
  store_->commit(4, "first;");
  ASSERT_TRUE(store_->flush());
  store_->commit(5, "second;");
  ASSERT_TRUE(store_->flush());
  store_->commit(6, "third;");
  ASSERT_TRUE(store_->flush());
  log.reset();
  damage("wal-", "second;");
  auto recovered = reopen();
  EXPECT_EQ(recovered.lsn, 4u);
  EXPECT_EQ(recovered.notes, "first;");
  EXPECT_EQ(handles(recovered), "abc");
}

TEST_F(DamagedStoreTest, WithoutItsCheckpointsHeaderNothingOfItIsTaken) {
  ASSERT_TRUE(store_->flush());
  ASSERT_TRUE(store_->checkpoint());
  damage("checkpoint-", "sluicecp");
  auto recovered = reopen();
  EXPECT_EQ(handles(recovered), "");
  EXPECT_EQ(recovered.lsn, 0u);
  EXPECT_FALSE(store_->damage().empty());
}

// A full disk.

class FullDiskTest : public DamagedStoreTest {};

TEST_F(FullDiskTest, StopsAndGoesOnWithoutLosingAnything) {
  ASSERT_TRUE(store_->flush());
  auto log = make_log("d", "");
  forgetful_.set_room(0);
  change(*log, Offset::at(4, 0), "late");
  store_->commit(4, {});
  EXPECT_FALSE(store_->flush());
  EXPECT_FALSE(store_->writable());
  EXPECT_EQ(store_->durable_lsn(), 3u);
  EXPECT_EQ(read_all(*log), "|late@4_0,\n");
  forgetful_.set_unlimited();
  EXPECT_TRUE(store_->flush());
  EXPECT_TRUE(store_->writable());
  EXPECT_EQ(store_->durable_lsn(), 4u);
  log.reset();
  EXPECT_EQ(handles(reopen()), "abcd");
}

TEST_F(FullDiskTest, ASnapshotThatDoesNotFitHasFailed) {
  forgetful_.set_room(10);
  auto log = store_->create("d", "");
  log->append_snapshot("a row that does not fit,\n");
  log->finish_snapshot();
  EXPECT_TRUE(log->failed());
  EXPECT_FALSE(store_->writable());
  EXPECT_EQ(log->read(Offset::before_all()).error(), ReadError::kUnavailable);
  forgetful_.set_room(10'000'000);
  store_->keep_house();
  EXPECT_TRUE(store_->writable());
  ASSERT_TRUE(store_->flush());
  log.reset();
  EXPECT_EQ(handles(reopen()), "abc");
}

TEST_F(FullDiskTest, ACheckpointThatDoesNotFitLeavesTheOldState) {
  ASSERT_TRUE(store_->flush());
  forgetful_.set_room(40);
  EXPECT_FALSE(store_->checkpoint());
  forgetful_.set_unlimited();
  EXPECT_EQ(handles(reopen()), "abc");
  EXPECT_TRUE(store_->damage().empty());
}

}  // namespace
}  // namespace sluice::store

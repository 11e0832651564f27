#include "origin/embedded/event_pieces.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "store/memory_store.h"
#include "store/test_folder.h"

namespace sluice::origin::embedded {
namespace {

using shape::Offset;

constexpr std::size_t kMegabyte = 1024 * 1024;
constexpr std::string_view kUpToDate = "data: up to date\n\n";

const UpToDate& far() {
  static const UpToDate message{.lsn = UINT64_MAX, .last_in_array = {}, .event = Buffer::of_static(kUpToDate)};
  return message;
}

// A log that is one page.
class OnePage final : public store::ShapeLog {
 public:
  explicit OnePage(std::vector<Buffer> buffers) : page_{.buffers = std::move(buffers), .end = Offset::at(1, 0)} {}

  std::expected<store::Page, store::ReadError> read(Offset) const override { return page_; }
  Offset head() const override { return page_.end; }
  void append_snapshot(std::string_view) override {}
  void finish_snapshot(store::Lsn) override {}
  void append(Offset, std::string_view) override {}
  void end_transaction() override {}
  void abort_transaction() override {}
  std::size_t bytes() const override { return 0; }

 private:
  const store::Page page_;
};

TEST(EventPieces, AreCutAtEachEntryWhereverBuffersEnd) {
  constexpr std::string_view kEntries = "{\"a\":\"1,\"},\n{\"b\":2},\n";
  constexpr std::string_view kEvents = "data: {\"a\":\"1,\"}\n\ndata: {\"b\":2}\n\n";
  for (std::size_t i = 0; i <= kEntries.size(); ++i) {
    for (std::size_t j = i; j <= kEntries.size(); ++j) {
      const OnePage log({Buffer::of_static(kEntries.substr(0, i)), Buffer::of_static(kEntries.substr(i, j - i)),
                         Buffer::of_static(kEntries.substr(j))});
      EXPECT_EQ(EventPieces().next(log, {}, far()).text.bytes(), kEvents) << i << " " << j;
    }
  }
}

// A log in memory or in a folder with a snapshot of two chunks and a chunk of changes, most of them in its file.
class BacklogTest : public testing::TestWithParam<bool> {
 protected:
  static constexpr std::size_t kChunkBytes = 2 * kMegabyte;
  static constexpr std::size_t kEntryBytes = 1000;

  void SetUp() override {
    if (GetParam()) {
      auto disk = store::open_test_store(folder_.path(), [](store::DiskStoreOptions& options) {
        options.threads = false;
        options.chunk_bytes = kChunkBytes;
      });
      disk_ = disk.get();
      store_ = std::move(disk);
    } else {
      store_ = std::make_unique<store::MemoryStore>(kChunkBytes);
    }
    log_ = store_->create("h", "");
    for (std::uint64_t i = 0; i < 3'000; ++i) log_->append_snapshot(entry(Offset::at(0, i), kEntryBytes));
    log_->finish_snapshot(0);
  }
  void TearDown() override {
    log_.reset();
    store_.reset();
  }

  static std::string entry(Offset offset, std::size_t bytes) { return store::test_entry(offset, std::string(bytes, 'x')); }
  static std::string event(Offset offset, std::size_t bytes) {
    std::string text = entry(offset, bytes);
    return "data: " + text.substr(0, text.size() - 2) + "\n\n";
  }
  // One each in transactions [from, to).
  void change(std::uint64_t from, std::uint64_t to, std::size_t bytes = kEntryBytes) {
    for (std::uint64_t tx = from; tx < to; ++tx) {
      log_->append(Offset::at(tx, 0), entry(Offset::at(tx, 0), bytes));
      log_->end_transaction();
      store_->commit(tx, {});
      if (disk_ != nullptr && tx % 500 == 0) EXPECT_TRUE(disk_->checkpoint());
    }
  }
  // What is told to who listens from `from` on, to the head.
  std::string listen(Offset from, std::size_t piece_bytes_max = kEventPieceBytes + kEntryBytes + 100) {
    std::string all;
    for (EventPlace at{from}; at.after < log_->head();) {
      const EventPiece piece = pieces_.next(*log_, at, far());
      EXPECT_EQ(piece.from, at);
      EXPECT_NE(piece.to, at);
      EXPECT_LE(piece.text.size(), piece_bytes_max);
      all += piece.text.bytes();
      if (testing::Test::HasFailure()) break;
      at = piece.to;
    }
    return all;
  }

  TestFolder folder_;
  store::DiskStore* disk_ = nullptr;
  std::unique_ptr<store::LogStore> store_;
  std::shared_ptr<store::ShapeLog> log_;
  EventPieces pieces_;
};
INSTANTIATE_TEST_SUITE_P(InMemoryAndInAFolder, BacklogTest, testing::Bool());

TEST_P(BacklogTest, AListenerHoldsASmallPieceOfItWhereverItBegins) {
  change(1, 2'100);
  std::string all;
  std::size_t within = 0;
  for (std::uint64_t tx = 1; tx < 2'100; ++tx) {
    if (tx == 1'401) within = all.size();
    all += event(Offset::at(tx, 0), kEntryBytes);
  }
  all += kUpToDate;
  EXPECT_TRUE(listen(Offset::after_transaction(0)) == all) << "all changes";
  EXPECT_TRUE(listen(Offset::at(1'400, 0)) == all.substr(within)) << "from within a chunk";
}

TEST_P(BacklogTest, PiecesOfASnapshotTooAreSmall) {
  std::uint64_t second = 0;
  for (std::size_t bytes = 0; bytes < kChunkBytes; ++second) bytes += entry(Offset::at(0, second), kEntryBytes).size();
  std::string all;
  for (std::uint64_t i = second; i < 3'000; ++i) all += event(Offset::at(0, i), kEntryBytes);
  EXPECT_TRUE(listen(Offset::at(0, 0)) == all.append(kUpToDate));
}

TEST_P(BacklogTest, ALargerEntryIsInOnePiece) {
  change(1, 3, kMegabyte);
  EXPECT_EQ(listen(Offset::after_transaction(0), kMegabyte + 100).size(),
            2 * event(Offset::at(1, 0), kMegabyte).size() + kUpToDate.size());
}

TEST_P(BacklogTest, WhatComesMeanwhileFollowsWithoutAGap) {
  change(1, 499);
  std::string all;
  EventPlace at{Offset::after_transaction(0)};
  for (std::uint64_t tx = 499; at.after < log_->head(); ++tx) {
    const EventPiece piece = pieces_.next(*log_, at, far());
    all += piece.text.bytes();
    at = piece.to;
    if (tx < 505) change(tx, tx + 1);
  }
  for (std::uint64_t tx = 1; tx < 505; ++tx) {
    ASSERT_TRUE(all.starts_with(event(Offset::at(tx, 0), kEntryBytes))) << tx;
    all.erase(0, event(Offset::at(tx, 0), kEntryBytes).size());
  }
  EXPECT_EQ(all, kUpToDate);
}

TEST_P(BacklogTest, ListenersOnSeveralThreadsGetItAllWhileItGrows) {
  constexpr std::uint64_t kBefore = 300, kEnd = 700;
  change(1, kBefore);
  const auto listen_to_end = [this](std::uint64_t from) {
    std::string all;
    for (EventPlace at{Offset::at(from, 0)}; at.after < Offset::at(kEnd - 1, 0);) {
      if (!(at.after < log_->head())) continue;
      const EventPiece piece = pieces_.next(*log_, at, far());
      std::string_view text = piece.text.bytes();
      if (text.ends_with(kUpToDate)) text.remove_suffix(kUpToDate.size());
      all += text;
      at = piece.to;
    }
    return all;
  };
  std::vector<std::future<std::string>> listeners;
  for (const std::uint64_t from : {100, 100, 200}) {
    listeners.push_back(std::async(std::launch::async, listen_to_end, from));
  }
  change(kBefore, kEnd);
  std::string expected;
  for (std::uint64_t tx = 101; tx < kEnd; ++tx) expected += event(Offset::at(tx, 0), kEntryBytes);
  EXPECT_TRUE(listeners[0].get() == expected);
  EXPECT_TRUE(listeners[1].get() == expected);
  EXPECT_TRUE(expected.ends_with(listeners[2].get()));
}

TEST_P(BacklogTest, WhoIsAtTheSamePlaceGetsTheSamePiece) {
  change(1, 200);
  EventPlace at{Offset::after_transaction(0)};
  while (at.after < log_->head()) {
    const EventPiece first = pieces_.next(*log_, at, far());
    EXPECT_EQ(pieces_.next(*log_, at, far()).text.bytes().data(), first.text.bytes().data());
    at = first.to;
  }
}

TEST_P(BacklogTest, OnlyTheLastPieceIsKeptOnceTheHeadIsReached) {
  change(1, 200);
  const EventPlace begin{Offset::after_transaction(0)};
  EventPiece last = pieces_.next(*log_, begin, far());
  const EventPiece first = last;
  while (last.to.after < log_->head()) last = pieces_.next(*log_, last.to, far());
  EXPECT_EQ(pieces_.next(*log_, last.from, far()).text.bytes().data(), last.text.bytes().data());
  EXPECT_NE(pieces_.next(*log_, begin, far()).text.bytes().data(), first.text.bytes().data());
}

}  // namespace
}  // namespace sluice::origin::embedded

// What a log on disk leaves in its files for those who send it on.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "base/log.h"
#include "store/forgetful_files.h"
#include "store/test_folder.h"

namespace sluice::store {
namespace {

using shape::Offset;

constexpr std::size_t kChunkBytes = 1'000'000;

std::string line(std::uint64_t number) {
  return "a line of the length that rows have, number " + std::to_string(number) + ",\n";
}

std::string sent(const Page& page) {
  std::string out;
  if (page.file) {
    out.resize(page.file->size());
    const auto at = static_cast<off_t>(page.file->from());
    EXPECT_EQ(::pread(page.file->descriptor(), out.data(), out.size(), at), static_cast<ssize_t>(out.size()));
  }
  return out + text(page);
}

class DiskLogSendTest : public testing::Test {
 protected:
  void SetUp() override { open(); }
  void TearDown() override { log::set_level(log::Level::kInfo); }

  void open(FileLayer& files = posix_files()) {
    store_ = open_test_store(
        folder_.path(),
        [](DiskStoreOptions& options) {
          options.threads = false;
          options.chunk_bytes = kChunkBytes;
          options.inline_bytes_max = 0;
        },
        files);
  }
  std::shared_ptr<ShapeLog> make_log(std::size_t bytes) {
    auto log = store_->create("h", "");
    for (std::uint64_t i = 0; bytes > 0; ++i) {
      const std::string entry = line(i);
      log->append_snapshot(entry);
      bytes -= std::min(bytes, entry.size());
    }
    log->finish_snapshot(0);
    return log;
  }
  std::shared_ptr<ShapeLog> reopened() {
    store_->commit(1, {});
    EXPECT_TRUE(store_->flush());
    store_.reset();
    open();
    auto recovered = store_->take_recovered();
    EXPECT_EQ(recovered.logs.size(), 1u);
    return recovered.logs.at(0).log;
  }
  void damage_snapshot(std::uint64_t at) {
    const std::string path = folder_.path() + "/logs/01/0000000000000001.snapshot";
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    ASSERT_GE(fd, 0) << path;
    EXPECT_EQ(::pwrite(fd, "#", 1, static_cast<off_t>(at)), 1);
    ::close(fd);
  }

  TestFolder folder_;
  std::unique_ptr<DiskStore> store_;
};

TEST_F(DiskLogSendTest, LongChunksAreLeftInTheFile) {
  auto log = make_log(2 * kChunkBytes + 300'000);
  for (Offset at = Offset::before_all();;) {
    const Page page = log->read_to_send(at).value();
    const Page read = log->read(at).value();
    EXPECT_EQ(page.end, read.end);
    EXPECT_EQ(page.at_head, read.at_head);
    EXPECT_EQ(page.empty(), read.empty());
    EXPECT_EQ(sent(page), text(read));
    if (page.at_head) break;
    EXPECT_TRUE(page.file);
    EXPECT_TRUE(page.buffers.empty());
    at = page.end;
  }
}

TEST_F(DiskLogSendTest, ShortOnesAreRead) {
  auto log = make_log(50'000);
  const Page page = log->read_to_send(Offset::before_all()).value();
  EXPECT_FALSE(page.file);
  EXPECT_EQ(text(page), text(log->read(Offset::before_all()).value()));
}

TEST_F(DiskLogSendTest, ChangesInTheFileComeBeforeThoseInMemory) {
  auto log = make_log(0);
  std::string all;
  for (std::uint64_t tx = 1; tx <= 8'000; ++tx) {
    const std::string entry = test_entry(Offset::at(tx, 0), "a change of the length that rows have");
    log->append(Offset::at(tx, 0), entry);
    all += entry;
    log->end_transaction();
    if (tx == 7'990) {
      store_->commit(tx, {});
      ASSERT_TRUE(store_->checkpoint());
    }
  }
  store_->commit(8'000, {});
  const Page page = log->read_to_send(Offset::at(0, 0)).value();
  ASSERT_TRUE(page.file);
  EXPECT_FALSE(page.buffers.empty());
  EXPECT_TRUE(page.at_head);
  EXPECT_EQ(sent(page), all);
  // Behind an offset within a block it has to be looked for; what is long is left in the file also then.
  for (std::uint64_t tx = 1; tx < 8'000; tx += tx > 1'300 && tx < 1'500 ? 1 : 61) {
    const Offset at = Offset::at(tx, 0);
    const Page later = log->read_to_send(at).value();
    if (tx < 2'000) EXPECT_TRUE(later.file) << tx;
    ASSERT_TRUE(sent(later) == text(log->read(at).value())) << tx;
  }
}

TEST_F(DiskLogSendTest, WrongBytesAreNeverHandedOut) {
  make_log(2 * kChunkBytes);
  store_->commit(1, {});
  ASSERT_TRUE(store_->flush());
  damage_snapshot(kChunkBytes / 2);
  log::set_level(log::Level::kOff);
  auto log = reopened();
  EXPECT_EQ(log->read_to_send(Offset::before_all()).error(), ReadError::kUnavailable);
  EXPECT_EQ(log->read_to_send(Offset::before_all()).error(), ReadError::kUnavailable);
  EXPECT_TRUE(log->read_to_send(Offset::at(0, 0)).value().file);
}

TEST_F(DiskLogSendTest, AFileThatIsTooShortIsFoundOut) {
  make_log(2 * kChunkBytes);
  auto log = reopened();
  log::set_level(log::Level::kOff);
  ASSERT_EQ(::truncate((folder_.path() + "/logs/01/0000000000000001.snapshot").c_str(), kChunkBytes / 2), 0);
  EXPECT_EQ(log->read_to_send(Offset::before_all()).error(), ReadError::kUnavailable);
}

TEST_F(DiskLogSendTest, OfALayerWithoutDescriptorsEverythingIsRead) {
  ForgetfulFiles files(1);
  ASSERT_TRUE(files.make_folder(folder_.path()));
  store_.reset();
  open(files);
  auto log = make_log(kChunkBytes);
  const Page page = log->read_to_send(Offset::before_all()).value();
  EXPECT_FALSE(page.file);
  EXPECT_EQ(text(page), text(log->read(Offset::before_all()).value()));
  log.reset();
  store_.reset();
}

TEST_F(DiskLogSendTest, WhoSendsKeepsTheFileOpenThoughTheLogIsGone) {
  auto log = make_log(kChunkBytes);
  const Page page = log->read_to_send(Offset::before_all()).value();
  const std::string before = sent(page);
  store_->drop("h");
  log.reset();
  store_.reset();
  EXPECT_EQ(sent(page), before);
}

}  // namespace
}  // namespace sluice::store

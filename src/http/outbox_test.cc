#include "http/outbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>

namespace sluice::http {
namespace {

using Sent = Outbox::Sent;

class OutboxTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets_), 0);
    char name[] = "/tmp/outbox_test.XXXXXX";
    file_ = ::mkstemp(name);
    ASSERT_GE(file_, 0);
    ::unlink(name);
    for (int i = 0; contents_.size() < 2'000'000; ++i) contents_ += std::to_string(i) + ",";
    ASSERT_EQ(::write(file_, contents_.data(), contents_.size()), static_cast<ssize_t>(contents_.size()));
  }
  void TearDown() override {
    for (int fd : {sockets_[0], sockets_[1], file_}) ::close(fd);
  }

  FileBytes bytes(std::uint64_t from, std::uint64_t size) { return {nullptr, file_, from, size}; }
  void add(std::string_view text) { out_.add(Buffer::of(std::string(text))); }

  // What arrives while everything is sent, bit by bit as the socket takes it, until it is or cannot be.
  std::string send_all(Sent end = Sent::kAll) {
    std::string got;
    Sent sent = Sent::kBlocked;
    while (sent == Sent::kBlocked) {
      sent = out_.send(sockets_[0]);
      read_into(got);
    }
    EXPECT_EQ(sent, end);
    return got;
  }
  void read_into(std::string& got) {
    char piece[65536];
    ssize_t n = 0;
    while ((n = ::recv(sockets_[1], piece, sizeof piece, MSG_DONTWAIT)) > 0) got.append(piece, static_cast<std::size_t>(n));
  }

  Outbox out_;
  int sockets_[2] = {-1, -1};
  int file_ = -1;
  std::string contents_;
};

TEST_F(OutboxTest, SendsTextAndBuffersInOrder) {
  out_.text() += "head ";
  add("one ");
  out_.text() += "size ";
  add("two ");
  out_.text() += "end";
  EXPECT_EQ(send_all(), "head one size two end");
  EXPECT_TRUE(out_.empty());
}

TEST_F(OutboxTest, SendsAPartOfAFileAmongThem) {
  out_.text() += "head ";
  add("[");
  out_.add(bytes(10, 1'900'000));
  EXPECT_FALSE(out_.empty());
  add("]");
  out_.text() += " end";
  EXPECT_EQ(send_all(), "head [" + contents_.substr(10, 1'900'000) + "] end");
  EXPECT_TRUE(out_.empty());
  add("again");
  EXPECT_EQ(send_all(), "again");
}

TEST_F(OutboxTest, SendsAFileAlone) {
  out_.add(bytes(0, contents_.size()));
  EXPECT_EQ(send_all(), contents_);
  out_.add(bytes(0, 0));
  EXPECT_TRUE(out_.empty());
}

// Linux refuses sendfile() to what is open for appending, as it does from some file systems.
TEST_F(OutboxTest, ReadsAFileThatCannotBeSentFrom) {
  ASSERT_EQ(::fcntl(sockets_[0], F_SETFL, O_NONBLOCK | O_APPEND), 0);
  add("[");
  out_.add(bytes(3, 1'000'000));
  add("]");
  EXPECT_EQ(send_all(), "[" + contents_.substr(3, 1'000'000) + "]");
}

TEST_F(OutboxTest, FailsWhereTheFileIsShorterThanItWas) {
  for (int flags : {O_NONBLOCK, O_NONBLOCK | O_APPEND}) {
    ASSERT_EQ(::fcntl(sockets_[0], F_SETFL, flags), 0);
    out_.add(bytes(contents_.size() - 10, 20));
    EXPECT_EQ(out_.send(sockets_[0]), Sent::kFailed);
    out_.clear();
  }
  std::string got;
  read_into(got);
  EXPECT_EQ(got, contents_.substr(contents_.size() - 10) + contents_.substr(contents_.size() - 10));
}

TEST_F(OutboxTest, FailsWhereALargeFileIsShorterThanItWas) {
  out_.add(bytes(0, contents_.size() + 2'000'000));
  EXPECT_EQ(send_all(Sent::kFailed), contents_);
}

TEST_F(OutboxTest, FailsWhereTheReaderIsGone) {
  std::signal(SIGPIPE, SIG_IGN);
  ::shutdown(sockets_[1], SHUT_RDWR);
  out_.add(bytes(0, 100));
  EXPECT_EQ(out_.send(sockets_[0]), Sent::kFailed);
}

TEST_F(OutboxTest, LetsGoOfTheFileOnceItIsSent) {
  auto owner = std::make_shared<int>(0);
  out_.add(FileBytes(owner, file_, 0, 100));
  EXPECT_EQ(owner.use_count(), 2);
  send_all();
  EXPECT_EQ(owner.use_count(), 1);
}

}  // namespace
}  // namespace sluice::http

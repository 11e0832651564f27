#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "base/test_folder.h"
#include "gatekeeper/revocation_text.h"
#include "gatekeeper/revocations.h"
#include "gatekeeper/test_tokens.h"

namespace sluice::gatekeeper {
namespace {

const std::int64_t kFar_s = system_now_s() + 86400;
constexpr std::string_view kHeader = "sluice-revocations 1\n";

Revocation of_token(const std::string& id, std::int64_t forget_at_s = kFar_s) {
  return {.value = id, .forget_at_s = forget_at_s};
}

// A gateway's share: what it knows, and the store that keeps it.
struct Node {
  explicit Node(const std::string& path) : store(file_revocations(path, known)) { store->start(); }
  bool knows(const std::string& id) const {
    return known.revoked(test_token(R"({"exp":5000,"jti":")" + id + "\"}")->claims());
  }

  Revocations known;
  std::unique_ptr<RevocationStore> store;
};

class FileRevocations : public testing::Test {
 protected:
  std::string bytes() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void put(const std::string& bytes) const { std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes; }

  // The file after these were added.
  std::string with(const std::vector<Revocation>& all) const {
    std::filesystem::remove(path_);
    Node node(path_);
    for (const Revocation& one : all) EXPECT_TRUE(node.store->add(one));
    return bytes();
  }

  std::string failure_to_start() const {
    try {
      Node node(path_);
    } catch (const std::exception& failure) {
      return failure.what();
    }
    return "";
  }

  TestFolder folder_;
  const std::string path_ = folder_.path() + "/revocations.log";
};

TEST_F(FileRevocations, J42_AreKnownAgainAfterARestart) {
  const std::vector<Revocation> all = {
      of_token("1"),
      {.value = "2", .issuer = "i\n\"", .forget_at_s = kFar_s},
      {.kind = Revocation::Kind::kSubject, .value = "s", .before_s = 7, .forget_at_s = kFar_s},
      {.kind = Revocation::Kind::kIssuer, .value = "i", .before_s = 7, .forget_at_s = kFar_s},
      {.kind = Revocation::Kind::kAll, .before_s = 7, .forget_at_s = kFar_s}};
  with(all);
  Node node(path_);
  EXPECT_EQ(node.known.size(), 5u);
  for (const Revocation& one : all) EXPECT_EQ(node.known.add(one, system_now_s()), Revocations::Added::kKnown);
  EXPECT_TRUE(node.knows("1"));
  EXPECT_FALSE(node.known.revoked(test_token(R"({"exp":5000,"jti":"3","iat":7})")->claims()));
  EXPECT_TRUE(node.store->connected());
}

// The worked example of docs/format-revocations.md.
TEST_F(FileRevocations, TheFileIsAsItsFormatSays) {
  EXPECT_EQ(with({{.value = "4f1c", .forget_at_s = 1764000000},
                  {.kind = Revocation::Kind::kSubject,
                   .value = "alice",
                   .issuer = "https://login.example.com",
                   .before_s = 1763996400,
                   .forget_at_s = 1764082800}}),
            "sluice-revocations 1\n"
            "66f22eca {\"kind\":\"token\",\"value\":\"4f1c\",\"forget_at\":1764000000}\n"
            "e45309a2 {\"kind\":\"subject\",\"value\":\"alice\",\"issuer\":\"https://login.example.com\","
            "\"before\":1763996400,\"forget_at\":1764082800}\n");
}

TEST_F(FileRevocations, TheFileIsItsOwnersAlone) {
  with({});
  struct stat status{};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

// Wherever writing the last record was cut off: the others are known, and the file can be added to.
TEST_F(FileRevocations, ARecordCutOffAnywhereIsDropped) {
  const std::size_t before = with({of_token("1")}).size();
  const std::string whole = with({of_token("1"), of_token("2")});
  for (std::size_t bytes = before; bytes < whole.size(); ++bytes) {
    put(whole.substr(0, bytes));
    {
      Node node(path_);
      EXPECT_TRUE(node.knows("1")) << bytes;
      EXPECT_FALSE(node.knows("2")) << bytes;
      EXPECT_TRUE(node.store->add(of_token("3")));
    }
    Node again(path_);
    EXPECT_TRUE(again.knows("1") && again.knows("3")) << bytes;
    EXPECT_EQ(again.known.size(), 2u) << bytes;
  }
}

TEST_F(FileRevocations, AFirstLineCutOffAnywhereIsWrittenAgain) {
  for (std::size_t bytes = 0; bytes < kHeader.size(); ++bytes) {
    put(std::string(kHeader.substr(0, bytes)));
    { EXPECT_TRUE(Node(path_).store->add(of_token("1"))); }
    EXPECT_TRUE(Node(path_).knows("1")) << bytes;
  }
}

// Some file systems lengthen a file before the data is there.
TEST_F(FileRevocations, ZerosAtTheEndAreDropped) {
  const std::string whole = with({of_token("1")});
  put(whole + std::string(300'000, '\0'));
  { EXPECT_TRUE(Node(path_).knows("1")); }
  EXPECT_EQ(bytes(), whole);
}

// Any changed byte before the last record is an error that says where, and the file is left as it is.
TEST_F(FileRevocations, DamageIsAnErrorThatSaysWhere) {
  const std::string whole = with({of_token("1"), of_token("2")});
  const std::size_t second = whole.find('\n', kHeader.size()) + 1;
  for (std::size_t at = 0; at < second; ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    put(changed);
    const std::string failure = failure_to_start();
    const std::size_t record = at < kHeader.size() ? 0 : kHeader.size();
    EXPECT_NE(failure.find(path_ + " is damaged at byte " + std::to_string(record) + ":"), std::string::npos)
        << at << ": " << failure;
    EXPECT_EQ(bytes(), changed);
  }
}

TEST_F(FileRevocations, ARecordThatIsNoRevocationIsDamage) {
  const std::string whole = with({of_token("1")});
  put(whole + "00000000 \n");  // the checksum of nothing
  EXPECT_NE(failure_to_start().find("is damaged at byte " + std::to_string(whole.size())), std::string::npos);
  put(whole + std::string(300'000, 'x'));
  EXPECT_NE(failure_to_start().find("too long"), std::string::npos);
  put("something else\n");
  EXPECT_NE(failure_to_start().find("its first line"), std::string::npos);
}

TEST_F(FileRevocations, BelongsToOneProcessAtATime) {
  {
    Node first(path_);
    EXPECT_EQ(failure_to_start(), path_ + " is in use by another process");
    first.store->stop();
    EXPECT_EQ(failure_to_start(), "");
  }
  EXPECT_EQ(failure_to_start(), "");
}

TEST_F(FileRevocations, WhatCannotBeOpenedIsAnError) {
  put("");
  const std::string in_a_file = path_ + "/x";
  Revocations known;
  EXPECT_THROW(file_revocations(in_a_file, known)->start(), std::runtime_error);
  EXPECT_THROW(file_revocations(folder_.path(), known)->start(), std::runtime_error);
}

// A full disk, as a limit on the file's size: the record is in force, its error says so, and what follows stays readable.
TEST_F(FileRevocations, ARecordWrittenInPartIsTakenAwayAgain) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  {
    Node node(path_);
    ASSERT_TRUE(node.store->add(of_token("1")));
    for (const std::size_t room : {0, 1, 9, 30}) {
      rlimit small = before;
      small.rlim_cur = bytes().size() + room;
      ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
      const auto added = node.store->add(of_token("lost"));
      ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
      ASSERT_FALSE(added);
      EXPECT_TRUE(added.error().starts_with("in force")) << added.error();
      EXPECT_TRUE(node.knows("lost"));
      EXPECT_TRUE(node.store->add(of_token("after " + std::to_string(room))));
    }
  }
  ::signal(SIGXFSZ, handler);
  Node node(path_);
  EXPECT_EQ(node.known.size(), 5u);
  EXPECT_FALSE(node.knows("lost"));
  EXPECT_TRUE(node.knows("1") && node.knows("after 0") && node.knows("after 30"));
}

TEST_F(FileRevocations, WhatCannotBeKeptIsRefused) {
  Node node(path_);
  EXPECT_FALSE(node.store->add({.forget_at_s = kFar_s}));
  EXPECT_FALSE(node.store->add(of_token("\xff")));
  EXPECT_EQ(bytes(), kHeader);
  node.store->stop();
  EXPECT_FALSE(node.store->add(of_token("1")));
}

TEST_F(FileRevocations, TheForgottenGoWhenTheyAreMany) {
  const std::string dead = with({of_token("dead", 1)}).substr(kHeader.size());
  const std::string alive = with({of_token("1"), of_token("2")}).substr(kHeader.size());
  std::string text(kHeader);
  for (int i = 0; i < 3000; ++i) text += dead;
  put(text + alive);
  {
    Node node(path_);
    EXPECT_EQ(bytes(), std::string(kHeader) + alive);
    EXPECT_TRUE(node.knows("1") && node.knows("2"));
    EXPECT_FALSE(node.knows("dead"));
    EXPECT_TRUE(node.store->add(of_token("3")));
    EXPECT_EQ(failure_to_start(), path_ + " is in use by another process") << "the new file is locked too";
  }
  EXPECT_TRUE(Node(path_).knows("3"));
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
}

TEST_F(FileRevocations, LeftoversOfACompactionThatDiedDoNoHarm) {
  const std::string dead = with({of_token("dead", 1)}).substr(kHeader.size());
  std::string text(kHeader);
  for (int i = 0; i < 2000; ++i) text += dead;
  put(text);
  std::ofstream(path_ + ".new") << "sluice-revo";
  EXPECT_EQ(failure_to_start(), "");
  EXPECT_EQ(bytes(), kHeader);
}

TEST_F(FileRevocations, ManyThreadsMayAdd) {
  {
    Node node(path_);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 25; ++i) EXPECT_TRUE(node.store->add(of_token(std::to_string(t * 100 + i))));
      });
    for (auto& thread : threads) thread.join();
  }
  EXPECT_EQ(Node(path_).known.size(), 100u);
}

// A process is killed while it adds: what it was told is kept, is.
TEST_F(FileRevocations, J42_WhatWasAcknowledgedOutlivesAKill) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::close(pipe[0]);
    Node node(path_);
    for (std::uint32_t i = 0;; ++i)
      if (!node.store->add(of_token(std::to_string(i))) || ::write(pipe[1], &i, sizeof i) != sizeof i) ::_exit(1);
  }
  ::close(pipe[1]);
  std::uint32_t last = 0;
  while (last < 50 && ::read(pipe[0], &last, sizeof last) == sizeof last) {}
  ::kill(child, SIGKILL);
  while (::read(pipe[0], &last, sizeof last) == sizeof last) {}
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  ::close(pipe[0]);
  ASSERT_GE(last, 50u);
  Node node(path_);
  for (std::uint32_t i = 0; i <= last; ++i) EXPECT_TRUE(node.knows(std::to_string(i))) << i;
}

}  // namespace
}  // namespace sluice::gatekeeper

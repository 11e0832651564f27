#include "gateway/audit.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "base/json.h"

namespace sluice::gateway {
namespace {

using Kind = AuditEvent::Kind;

class AuditTest : public testing::Test {
 protected:
  ~AuditTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  static std::string text_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  static std::string make_folder() {
    std::string name = "/tmp/sluice-audit-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    return name;
  }

  // Each is JSON, or the test has failed.
  std::vector<Json> lines_of(const std::string& path) {
    std::vector<Json> lines;
    std::istringstream text(text_of(path));
    for (std::string line; std::getline(text, line);) {
      auto json = Json::parse(line);
      EXPECT_TRUE(json) << line;
      if (json) lines.push_back(std::move(*json));
    }
    return lines;
  }

  const std::string folder_ = make_folder();
  const std::string path_ = folder_ + "/audit.jsonl";
};

std::string_view text(const Json& line, std::string_view name) {
  std::string_view value;
  return line.root().at_key(name).get(value) == simdjson::SUCCESS ? value : "(absent)";
}

shape::Definition items(const std::string& param = "canary-param") {
  return shape::Definition::make({.table = "items", .where = "org = $1", .params = {{1, param}}}).value();
}

AuditToken token(std::uint8_t first) {
  return {first};
}

TEST_F(AuditTest, ALineSaysWhoWhatAndWhy) {
  const auto definition = items();
  Audit audit({.file = path_});
  audit.record({.kind = Kind::kMinted,
                .request_id = "r1",
                .issuer = "https://login",
                .subject = "alice",
                .identity = "auth0",
                .route = "gatekeeper",
                .definition = &definition,
                .reason = "rule items",
                .authorizer = "rules",
                .line = 12});
  audit.flush();
  const auto lines = lines_of(path_);
  ASSERT_EQ(lines.size(), 1u);
  const Json& line = lines[0];
  EXPECT_EQ(text(line, "time").size(), std::string_view("2026-11-23T16:10:09.123Z").size());
  EXPECT_EQ(text(line, "event"), "minted");
  EXPECT_EQ(text(line, "request_id"), "r1");
  EXPECT_EQ(text(line, "issuer"), "https://login");
  EXPECT_EQ(text(line, "subject"), "alice");
  EXPECT_EQ(text(line, "identity"), "auth0");
  EXPECT_EQ(text(line, "route"), "gatekeeper");
  EXPECT_EQ(text(line, "definition"), definition_digest(definition));
  EXPECT_EQ(text(line, "reason"), "rule items");
  EXPECT_EQ(text(line, "authorizer"), "rules");
  EXPECT_EQ(line.root()["line"].get_int64().value(), 12);
  EXPECT_EQ(text(line, "code"), "(absent)");
  EXPECT_EQ(text(line, "shape"), "(absent)");
}

TEST_F(AuditTest, DigestsTellDefinitionsApart) {
  EXPECT_EQ(definition_digest(items("a")), definition_digest(items("a")));
  EXPECT_NE(definition_digest(items("a")), definition_digest(items("b")));
  EXPECT_EQ(definition_digest(items("a")).size(), 16u);
}

TEST_F(AuditTest, H67_NoLineHoldsWhatADefinitionSays) {
  const auto definition = items();
  {
    Audit audit({.file = path_});
    for (const Kind kind : {Kind::kMinted, Kind::kDenied, Kind::kRevoked})
      audit.record({.kind = kind, .subject = "alice", .definition = &definition, .reason = "no rule matches"});
    audit.allowed(token(0xca), {.subject = "alice", .definition = &definition});
  }
  const std::string text = text_of(path_);
  EXPECT_EQ(lines_of(path_).size(), 4u);
  for (const char* secret : {"canary-param", "items", "org", "$1", "caca", "ca00"})
    EXPECT_EQ(text.find(secret), std::string::npos) << secret << " in " << text;
}

TEST_F(AuditTest, J26_NoValueForgesALine) {
  const std::string evil = "x\"}\n{\"event\":\"minted\"}\n\r\x1b[2J\\";
  {
    Audit audit({.file = path_});
    audit.record({.request_id = evil, .issuer = evil, .subject = evil, .route = evil, .reason = evil});
    audit.record({.subject = "not \xff UTF-8 \xc3"});
  }
  const auto lines = lines_of(path_);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(text(lines[0], "subject"), evil);
  EXPECT_EQ(text(lines[0], "event"), "denied");
  EXPECT_EQ(text(lines[1], "subject"), "not ? UTF-8 ?");
}

TEST_F(AuditTest, LongValuesAreCutBetweenCharacters) {
  std::string subject;
  for (int i = 0; i < 1000; ++i) subject += "\xe2\x82\xac";
  {
    Audit audit({.file = path_});
    audit.record({.subject = subject});
  }
  const auto lines = lines_of(path_);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(text(lines[0], "subject"), std::string_view(subject).substr(0, 255));
}

TEST_F(AuditTest, AllowedIsRecordedOnceForEachTokenAndShape) {
  const auto a = items("a"), b = items("b");
  {
    Audit audit({.file = path_});
    for (int i = 0; i < 3; ++i) {
      audit.allowed(token(1), {.subject = "1", .definition = &a});
      audit.allowed(token(1), {.subject = "1", .definition = &b});
      audit.allowed(token(2), {.subject = "2", .definition = &a});
    }
  }
  const auto lines = lines_of(path_);
  ASSERT_EQ(lines.size(), 3u);
  for (const Json& line : lines) EXPECT_EQ(text(line, "event"), "allowed");
}

TEST_F(AuditTest, WhatIsRememberedHasABound) {
  const auto definition = items();
  const std::size_t count = 3 * kAuditPairsMax;
  const auto nth = [](std::size_t i) { return AuditToken{std::uint8_t(i), std::uint8_t(i >> 8), std::uint8_t(i >> 16)}; };
  Audit audit({.file = path_});
  const auto lines = [&] {
    audit.flush();
    const std::string text = text_of(path_);
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
  };
  for (std::size_t i = 0; i < count; ++i) {
    audit.allowed(nth(i), {.definition = &definition});
    if (i % 4096 == 0) audit.flush();
  }
  EXPECT_EQ(lines(), count);
  audit.allowed(nth(count - 1), {.definition = &definition});
  EXPECT_EQ(lines(), count) << "the last is remembered";
  audit.allowed(nth(0), {.definition = &definition});
  EXPECT_EQ(lines(), count + 1) << "the first is forgotten";
  EXPECT_EQ(audit.dropped(), 0u);
}

TEST_F(AuditTest, TheFileIsItsOwnersAlone) {
  Audit audit({.file = path_});
  struct stat status{};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(AuditTest, AddsToWhatIsThereAndFollowsARotation) {
  { Audit({.file = path_}).record({.subject = "first"}); }
  Audit audit({.file = path_});
  audit.record({.subject = "second"});
  audit.flush();
  std::filesystem::rename(path_, path_ + ".1");
  audit.record({.subject = "third"});
  audit.flush();
  audit.reopen();
  audit.record({.subject = "fourth"});
  audit.flush();
  EXPECT_EQ(lines_of(path_ + ".1").size(), 3u);
  const auto lines = lines_of(path_);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(text(lines[0], "subject"), "fourth");
}

TEST_F(AuditTest, AFileThatCannotBeOpenedIsAnErrorAtTheStartOnly) {
  EXPECT_THROW(Audit({.file = folder_ + "/missing/audit.jsonl"}), std::system_error);
  std::filesystem::create_directory(folder_ + "/logs");
  const std::string path = folder_ + "/logs/audit.jsonl";
  Audit audit({.file = path});
  std::filesystem::rename(folder_ + "/logs", folder_ + "/moved");
  audit.reopen();
  audit.record({.subject = "alice"});
  audit.flush();
  EXPECT_EQ(lines_of(folder_ + "/moved/audit.jsonl").size(), 1u) << "the old file is kept";
}

TEST_F(AuditTest, ThreadsDoNotTearEachOthersLines) {
  Audit audit({.file = path_});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&audit, t] {
      for (int i = 0; i < 500; ++i)
        audit.record({.kind = Kind::kMinted, .request_id = std::to_string(t * 1000 + i), .subject = std::string(200, 'x')});
    });
  for (auto& thread : threads) thread.join();
  audit.flush();
  std::set<std::string> ids;
  for (const Json& line : lines_of(path_)) ids.emplace(text(line, "request_id"));
  EXPECT_EQ(ids.size(), 2000u);
}

// A full disk, as a limit on the file's size: what is lost is counted, said once in the log and in the file's next line.
TEST_F(AuditTest, AFullDiskLosesLinesAndSaysSo) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  testing::internal::CaptureStderr();
  {
    Audit audit({.file = path_});
    audit.record({.subject = "first"});
    audit.flush();
    rlimit small = before;
    small.rlim_cur = std::filesystem::file_size(path_) + 20;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 3; ++i) audit.record({.subject = "lost"});
    audit.flush();
    EXPECT_EQ(audit.dropped(), 3u);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    audit.record({.subject = "last"});
    audit.flush();
    EXPECT_EQ(audit.dropped(), 3u);
  }
  ::signal(SIGXFSZ, handler);
  const std::string log = testing::internal::GetCapturedStderr();
  const std::string text = text_of(path_);
  EXPECT_NE(text.find("\n{\"time\":"), std::string::npos);
  EXPECT_NE(text.find("\"event\":\"dropped\",\"count\":3}\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\"subject\":\"last\"}\n"), std::string::npos) << text;
  EXPECT_EQ(log.find("audit_not_written"), log.rfind("audit_not_written")) << log;
  EXPECT_NE(log.find("audit_not_written"), std::string::npos);
}

TEST_F(AuditTest, WithoutAFileLinesGoToTheLog) {
  const auto definition = items();
  testing::internal::CaptureStderr();
  Audit audit({});
  audit.record({.kind = Kind::kDenied, .subject = "alice", .definition = &definition, .code = "shape_forbidden", .line = 3});
  const auto line = Json::parse(testing::internal::GetCapturedStderr());
  ASSERT_TRUE(line);
  EXPECT_EQ(text(*line, "event"), "audit");
  EXPECT_EQ(text(*line, "action"), "denied");
  EXPECT_EQ(text(*line, "subject"), "alice");
  EXPECT_EQ(text(*line, "definition"), definition_digest(definition));
  EXPECT_EQ(text(*line, "code"), "shape_forbidden");
  EXPECT_EQ(line->root()["line"].get_int64().value(), 3);
  EXPECT_EQ(text(*line, "issuer"), "(absent)");
}

TEST_F(AuditTest, WritesNothingWhereItIsOff) {
  const auto definition = items();
  testing::internal::CaptureStderr();
  {
    Audit audit({.enabled = false, .file = path_});
    audit.record({.subject = "alice"});
    audit.allowed(token(1), {.definition = &definition});
    audit.reopen();
    audit.flush();
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_FALSE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace sluice::gateway

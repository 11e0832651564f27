// The recorded conversations of the shape protocol (tests/conformance/cases), replayed against the embedded origin behind
// the bare shape API: Postgres, server and origin in this process, replay.py as the client. The answers were recorded from
// Electric; what differs from them is printed case by case.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "gateway/origin_api.h"
#include "http/server.h"
#include "origin/embedded/embedded_origin.h"
#include "replication/test_cluster.h"

namespace sluice {
namespace {

struct Outcome {
  int status;
  std::string output;
};

Outcome run(const std::string& command) {
  Outcome outcome{-1, {}};
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return outcome;
  char buffer[4096];
  while (std::size_t n = std::fread(buffer, 1, sizeof buffer, pipe)) outcome.output.append(buffer, n);
  int status = ::pclose(pipe);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

class Conformance : public testing::TestWithParam<const char*> {
 protected:
  // One origin for all cases, as one server would serve them.
  static void SetUpTestSuite() {
    url_ = replication::TestCluster::get().url();
    origin::EmbeddedOptions embedded_options;
    embedded_options.database_url = url_;
    origin_ = std::make_unique<origin::EmbeddedOrigin>(embedded_options);
    origin_->start();
    gateway::OriginApiOptions api_options;
    api_options.insecure = true;
    api_ = std::make_unique<gateway::OriginApi>(api_options, *origin_);
    http::ServerOptions server_options;
    server_options.listen = {"127.0.0.1:0"};
    server_options.threads = 1;
    server_ = std::make_unique<http::Server>(server_options, *api_);
    server_->start();
    while (origin_->health() != origin::Origin::Health::kActive) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  static void TearDownTestSuite() {
    origin_->drain();
    server_->stop_now();
    server_->join();
    origin_->stop();
    server_.reset();
    api_.reset();
    origin_.reset();
  }

  static std::string url_;
  static std::unique_ptr<origin::EmbeddedOrigin> origin_;
  static std::unique_ptr<gateway::OriginApi> api_;
  static std::unique_ptr<http::Server> server_;
};

std::string Conformance::url_;
std::unique_ptr<origin::EmbeddedOrigin> Conformance::origin_;
std::unique_ptr<gateway::OriginApi> Conformance::api_;
std::unique_ptr<http::Server> Conformance::server_;

TEST_P(Conformance, AnswersAsRecorded) {
  const std::string folder = SLUICE_SOURCE_DIR "/tests/conformance";
  Outcome outcome = run("python3 '" + folder + "/replay.py' check --url 'http://" + server_->addresses().front() +
                        "' --db '" + url_ + "' '" + folder + "/cases/" + GetParam() + ".json'");
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  std::printf("%s", outcome.output.c_str());
}

INSTANTIATE_TEST_SUITE_P(Recorded, Conformance,
                         testing::Values("initial", "where", "live", "errors", "invalidation", "subset"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace sluice

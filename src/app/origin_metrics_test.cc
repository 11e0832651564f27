#include "app/origin_metrics.h"

#include <gtest/gtest.h>

#include <set>

namespace sluice::app {
namespace {

TEST(OriginMetrics, NamesAreOfTheOriginAndEachThereOnce) {
  std::vector<gateway::Sample> samples;
  sample_origin({}, samples);
  std::set<std::string> names;
  for (const auto& sample : samples) {
    EXPECT_TRUE(sample.name.starts_with("sluice_origin_")) << sample.name;
    EXPECT_EQ(sample.counter, sample.name.ends_with("_total")) << sample.name;
    EXPECT_TRUE(names.insert(sample.name).second) << sample.name;
  }
}

TEST(OriginMetrics, AreWhatTheOriginDoes) {
  origin::EmbeddedOrigin::Stats stats;
  stats.shapes = 7;
  stats.writable = false;
  stats.lag_s = 1.5;
  stats.snapshots_done = 3;
  std::vector<gateway::Sample> samples;
  sample_origin(stats, samples);
  const std::string text = gateway::metrics_text(std::move(samples));
  EXPECT_NE(text.find("\nsluice_origin_shapes 7\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nsluice_origin_storage_writable 0\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nsluice_origin_replication_lag_seconds 1.5\n"), std::string::npos) << text;
  EXPECT_NE(text.find("# TYPE sluice_origin_snapshots_total counter\n"), std::string::npos) << text;
}

TEST(OriginMetrics, AreAtOnePath) {
  origin::EmbeddedOrigin origin({});
  OriginMetrics metrics(origin);
  http::Request request;
  request.method = http::Method::kGet;
  request.path = "/metrics";
  http::Response response;
  EXPECT_FALSE(metrics.handle(request, response).valid());
  EXPECT_EQ(response.status, 200);
  request.path = "/metrics/";
  http::Response other;
  EXPECT_FALSE(metrics.handle(request, other).valid());
  EXPECT_EQ(other.status, 404);
}

}  // namespace
}  // namespace sluice::app

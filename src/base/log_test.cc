#include "base/log.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/json.h"

namespace sluice::log {
namespace {

std::string written(Level level, std::string_view event, std::initializer_list<Field> fields = {}) {
  testing::internal::CaptureStderr();
  write(level, event, fields);
  return testing::internal::GetCapturedStderr();
}

// One object a line, whatever is in it.
Json line_of(const std::string& text) {
  EXPECT_EQ(text.find('\n'), text.size() - 1) << text;
  auto json = Json::parse(text);
  EXPECT_TRUE(json) << text;
  return std::move(*json);
}

TEST(Log, IsOneJsonObjectALine) {
  const Json line =
      line_of(written(Level::kWarn, "started", {{"port", 4000}, {"tls", false}, {"ratio", 0.5}, {"name", "x"}}));
  const auto root = line.root();
  EXPECT_EQ(root["event"].get_string().value(), "started");
  EXPECT_EQ(root["level"].get_string().value(), "warn");
  EXPECT_EQ(root["port"].get_int64().value(), 4000);
  EXPECT_FALSE(root["tls"].get_bool().value());
  EXPECT_EQ(root["ratio"].get_double().value(), 0.5);
  EXPECT_EQ(root["name"].get_string().value(), "x");
  EXPECT_GT(root["ts"].get_double().value(), 1.6e9);
}

TEST(Log, J26_NoValueForgesALine) {
  const std::string evil = "x\"}\n{\"level\":\"error\",\"event\":\"forged\\";
  const Json line =
      line_of(written(Level::kInfo, "token_refused", {{"kid", evil}, {"{\"\n", "name"}, {"percent", "%s{}{0}"}}));
  EXPECT_EQ(line.root()["event"].get_string().value(), "token_refused");
  EXPECT_EQ(line.root()["kid"].get_string().value(), evil);
  EXPECT_EQ(line.root()["percent"].get_string().value(), "%s{}{0}");
}

TEST(Log, NumbersThatJsonLacksAreStillJson) {
  for (const double value : {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::quiet_NaN(), 1e300, -0.0, 1.0})
    line_of(written(Level::kInfo, "x", {{"value", value}}));
}

TEST(Log, BelowTheLevelNothingIsWritten) {
  const Level before = level();
  set_level(Level::kError);
  EXPECT_EQ(written(Level::kWarn, "x"), "");
  EXPECT_NE(written(Level::kError, "x"), "");
  set_level(Level::kOff);
  EXPECT_EQ(written(Level::kError, "x"), "");
  set_level(before);
}

}  // namespace
}  // namespace sluice::log

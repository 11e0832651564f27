#include "gatekeeper/shape_options.h"

#include <gtest/gtest.h>

namespace sluice::gatekeeper {
namespace {

const std::string kProxy = "https://sync.example.com/proxy/v1/shape";
const Grant kGrant = {.token = "a.b.c", .token_id = "id", .expires_at_s = 5000, .refresh_at_s = 4940};

shape::GrantedShape items(std::optional<shape::LogMode> log = {}) {
  return {shape::Definition::make(
              {.table = "items", .where = "org = $1", .params = {{1, "7\""}}, .columns = "id,\"Org\"", .replica = "full"})
              .value(),
          log};
}

TEST(ShapeOptions, AreThoseOfAShapeStream) {
  EXPECT_EQ(shape_options_json(kProxy, items(), kGrant),
            R"({"url":"https://sync.example.com/proxy/v1/shape",)"
            R"("params":{"table":"\"public\".\"items\"","where":"org = $1","columns":["Org","id"],)"
            R"("params":{"1":"7\""},"replica":"full"},)"
            R"("headers":{"Authorization":"Bearer a.b.c"},"expires_at":5000,"refresh_at":4940,)"
            R"("table":"\"public\".\"items\"","where":"org = $1","columns":["Org","id"]})");
}

TEST(ShapeOptions, SayTheLogModeWhereTheGrantIsForChangesOnly) {
  EXPECT_NE(shape_options_json(kProxy, items(shape::LogMode::kChangesOnly), kGrant).find(R"("log":"changes_only")"),
            std::string::npos);
  EXPECT_EQ(shape_options_json(kProxy, items(shape::LogMode::kFull), kGrant).find("log"), std::string::npos);
}

TEST(ShapeOptions, OfSeveralShapesShareOneToken) {
  const std::vector granted = {
      shape::GrantedShape{shape::Definition::make({.table = "a"}).value(), shape::LogMode::kChangesOnly},
      shape::GrantedShape{shape::Definition::make({.table = "b"}).value()}};
  EXPECT_EQ(
      shape_options_json(kProxy, std::span(granted), kGrant),
      R"({"headers":{"Authorization":"Bearer a.b.c"},"expires_at":5000,"refresh_at":4940,"shapes":[)"
      R"({"url":"https://sync.example.com/proxy/v1/shape","params":{"table":"\"public\".\"a\""},"log":"changes_only"},)"
      R"({"url":"https://sync.example.com/proxy/v1/shape","params":{"table":"\"public\".\"b\""}}]})");
}

}  // namespace
}  // namespace sluice::gatekeeper

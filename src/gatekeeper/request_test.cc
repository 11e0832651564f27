#include "gatekeeper/request.h"

#include <gtest/gtest.h>

namespace sluice::gatekeeper {
namespace {

using shape::Definition;
using shape::DefinitionText;

Definition made(const DefinitionText& text) {
  return Definition::make(text).value();
}

// The parameter that the error names.
template <typename T>
std::string fault(const std::expected<T, shape::DefinitionError>& result) {
  return result ? "" : result.error().parameter;
}

const DefinitionText kOrgItems = {
    .table = "items", .where = "org = $1", .params = {{1, "7"}}, .columns = "id,org", .replica = "full"};

TEST(GatekeeperRequest, QueryAndBodySayTheSame) {
  const Definition wanted = made(kOrgItems);
  EXPECT_EQ(parse_request("items", "where=org%3D%241&params[1]=7&columns=id,org&replica=full", ""), wanted);
  EXPECT_EQ(parse_request("items", "", R"({"where":"org=$1","params":["7"],"columns":["id","org"],"replica":"full"})"),
            wanted);
  EXPECT_EQ(parse_request("items", "", R"({"where":"org=$1","params":{"1":"7"},"columns":"org,id","replica":"full"})"),
            wanted);
  EXPECT_EQ(parse_request("items", "", R"({"where":null,"params":null})"), made({.table = "items"}));
  EXPECT_EQ(parse_request("items", "", ""), made({.table = "items"}));
}

TEST(GatekeeperRequest, E4_RepeatedParametersAreErrors) {
  EXPECT_FALSE(parse_request("items", "where=a%3D1&where=b%3D1", ""));
  EXPECT_FALSE(parse_request("items", "where=a%3D%241&params[1]=7&params[1]=8", ""));
  EXPECT_FALSE(parse_request("items", "", R"({"where":"a=1","where":"b=1"})"));
}

TEST(GatekeeperRequest, OtherNamesAndTypesAreErrors) {
  EXPECT_EQ(fault(parse_request("items", "table=secrets", "")), "table");
  EXPECT_EQ(fault(parse_request("items", "offset=-1", "")), "offset");
  EXPECT_EQ(fault(parse_request("items", "params[0]=7", "")), "params[0]");
  EXPECT_EQ(fault(parse_request("items", "", R"({"table":"secrets"})")), "table");
  EXPECT_EQ(fault(parse_request("items", "", R"({"where":7})")), "where");
  EXPECT_EQ(fault(parse_request("items", "", R"({"columns":[7]})")), "columns");
  EXPECT_EQ(fault(parse_request("items", "", R"({"params":[7]})")), "params[1]");
  EXPECT_EQ(fault(parse_request("items", "", R"([])")), "body");
  EXPECT_EQ(fault(parse_request("items", "where=a%3D1", R"({})")), "body");
}

TEST(GatekeeperRequest, SeveralShapesAtOnce) {
  const auto asked = parse_requests(R"({"shapes":[
    {"table":"items","where":"org=$1","params":["7"],"columns":["id","org"],"replica":"full"}, {"table":"app.users"}]})");
  ASSERT_TRUE(asked);
  EXPECT_EQ(*asked, (std::vector{made(kOrgItems), made({.table = "app.users"})}));
}

TEST(GatekeeperRequest, AFaultInOneOfSeveralIsNamed) {
  const auto fault_of = [](std::string_view shapes) { return fault(parse_requests(shapes)); };
  EXPECT_EQ(fault_of(R"({"shapes":[{"table":"a"},{"table":"b","where":"("}]})"), "shapes[1].where");
  EXPECT_EQ(fault_of(R"({"shapes":[{"table":7}]})"), "shapes[0].table");
  EXPECT_EQ(fault_of(R"({"shapes":[{"where":"a=1"}]})"), "shapes[0].table");
  EXPECT_EQ(fault_of(R"({"shapes":["items"]})"), "shapes[0].table");
  EXPECT_EQ(fault_of(R"({"shapes":[{"table":"a","offset":"-1"}]})"), "shapes[0].offset");
  EXPECT_EQ(fault_of(R"({"shapes":[]})"), "shapes");
  EXPECT_EQ(fault_of(R"({"shapes":{"table":"a"}})"), "shapes");
  EXPECT_EQ(fault_of(R"({})"), "shapes");
  EXPECT_EQ(fault_of(R"({"table":"a"})"), "table");
  EXPECT_EQ(fault_of(R"([{"table":"a"}])"), "body");
  EXPECT_EQ(fault_of(""), "body");
}

TEST(GatekeeperRequest, SeveralHaveABound) {
  const auto list_of = [](std::size_t count) {
    std::string body = R"({"shapes":[)";
    for (std::size_t i = 0; i < count; ++i) body += (i == 0 ? "" : ",") + std::string(R"({"table":"t"})");
    return body + "]}";
  };
  EXPECT_TRUE(parse_requests(list_of(kRequestShapesMax)));
  EXPECT_EQ(fault(parse_requests(list_of(kRequestShapesMax + 1))), "shapes");
}

}  // namespace
}  // namespace sluice::gatekeeper

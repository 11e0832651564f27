#include "shape/claim_codec.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace sluice::shape {
namespace {

std::expected<Definition, DefinitionError> read(std::string_view text) {
  const auto json = Json::parse(text);
  if (!json) return std::unexpected(DefinitionError{"", std::string(to_string(json.error()))});
  return read_claim(json->root());
}

Definition must(std::string_view text) {
  auto made = read(text);
  if (!made) throw std::runtime_error(made.error().parameter + " " + made.error().message);
  return std::move(*made);
}

TEST(ClaimCodec, AbsentAndNullAreTheSame) {
  EXPECT_EQ(
      must(R"({"table":"items"})"),
      must(
          R"({"namespace":null,"table":"items","where":null,"columns":null,"params":null,"replica":null,"queryable_columns":null})"));
}

TEST(ClaimCodec, SpellingsOfOneShapeAreEqual) {
  EXPECT_EQ(must(R"({"namespace":"public","table":"items"})"), must(R"({"table":"items"})"));
  EXPECT_EQ(must(R"({"table":"Public.Items"})"), must(R"({"table":"items"})"));
  EXPECT_EQ(must(R"({"table":"t","columns":"id, title"})"), must(R"({"table":"t","columns":["title","id"]})"));
  EXPECT_EQ(must(R"({"table":"t","columns":["Id"]})"), must(R"({"table":"t","columns":"\"Id\""})"));
}

TEST(ClaimCodec, E7_WrongTypesAreInvalid) {
  for (const char* claim : {R"([])",
                            R"("items")",
                            R"(null)",
                            R"({})",
                            R"({"table":null})",
                            R"({"table":""})",
                            R"({"table":1})",
                            R"({"table":["t"]})",
                            R"({"namespace":"","table":"t"})",
                            R"({"namespace":1,"table":"t"})",
                            R"({"namespace":"a","table":"b.t"})",
                            R"({"namespace":"a.b","table":"t"})",
                            R"({"table":"t","where":""})",
                            R"({"table":"t","where":true})",
                            R"({"table":"t","columns":[]})",
                            R"({"table":"t","columns":""})",
                            R"({"table":"t","columns":[1]})",
                            R"({"table":"t","columns":[""]})",
                            R"({"table":"t","columns":["a","a"]})",
                            R"({"table":"t","columns":{"a":1}})",
                            R"({"table":"t","where":"a=$1","params":["x"]})",
                            R"({"table":"t","where":"a=$1","params":{"1":1}})",
                            R"({"table":"t","where":"a=$1","params":{"01":"x"}})",
                            R"({"table":"t","where":"a=$1"})",
                            R"({"table":"t","params":{"1":"x"}})",
                            R"({"table":"t","replica":"Full"})",
                            R"({"table":"t","replica":1})",
                            R"({"table":"t","log":"full"})",
                            R"({"table":"t","offset":"-1"})",
                            R"({"table":"t","queryable_columns":false})"})
    EXPECT_FALSE(read(claim)) << claim;
}

TEST(ClaimCodec, J32_RepeatedMembersAreInvalid) {
  EXPECT_FALSE(read(R"({"table":"items","table":"secrets"})"));
  EXPECT_FALSE(read(R"({"table":"t","where":"a=$1","params":{"1":"x","1":"y"}})"));
}

TEST(ClaimCodec, WritesWhatItReads) {
  for (
      const char* claim :
      {R"({"table":"items"})", R"({"table":"\"My Items\"","namespace":"\"S\""})",
       R"({"table":"t","where":"a = $1 AND b = $2","params":{"1":"x\"y","2":""},"columns":["A b","id"],"replica":"full","queryable_columns":["id"]})"}) {
    const auto definition = must(claim);
    EXPECT_EQ(must(write_claim(definition)), definition) << write_claim(definition);
  }
  EXPECT_EQ(write_claim(must(R"({"table":"Items","columns":"b,a"})")),
            R"({"namespace":"public","table":"items","columns":["a","b"]})");
}

TEST(ClaimCodec, E6_AGrantCoversTheWholeDefinition) {
  const auto grant = must(R"({"table":"items","where":"org=$1","params":{"1":"a"},"columns":["id","title"]})");
  const DefinitionText same = {
      .table = "public.items", .where = "\"org\" = $1", .params = {{1, "a"}}, .columns = "\"title\",\"id\""};
  const auto asked = [&](auto change) {
    DefinitionText text = same;
    change(text);
    return same_grant(grant, Definition::make(text).value());
  };
  EXPECT_TRUE(asked([](DefinitionText&) {}));
  EXPECT_TRUE(asked([](DefinitionText& text) { text.log = "changes_only"; }));
  EXPECT_FALSE(asked([](DefinitionText& text) { text.table = "secrets"; }));
  EXPECT_FALSE(asked([](DefinitionText& text) { text.where = "org <> $1"; }));
  EXPECT_FALSE(asked([](DefinitionText& text) { text.where.reset(), text.params.clear(); }));
  EXPECT_FALSE(asked([](DefinitionText& text) { text.params[1] = "b"; }));
  EXPECT_FALSE(asked([](DefinitionText& text) { text.columns = "id,title,secret"; }));
  EXPECT_FALSE(asked([](DefinitionText& text) { text.columns.reset(); }));
  EXPECT_FALSE(asked([](DefinitionText& text) { text.replica = "full"; }));
  EXPECT_FALSE(asked([](DefinitionText& text) { text.queryable_columns = "id"; }));
}

}  // namespace
}  // namespace sluice::shape

#include "shape/claim_codec.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace sluice::shape {
namespace {

std::expected<GrantedShape, DefinitionError> read(std::string_view text) {
  const auto json = Json::parse(text);
  if (!json) return std::unexpected(DefinitionError{"", std::string(to_string(json.error()))});
  return read_claim(json->root());
}

GrantedShape must(std::string_view text) {
  auto made = read(text);
  if (!made) throw std::runtime_error(made.error().parameter + " " + made.error().message);
  return std::move(*made);
}

TEST(ClaimCodec, AbsentAndNullAreTheSame) {
  EXPECT_EQ(
      must(R"({"table":"items"})"),
      must(
          R"({"namespace":null,"table":"items","where":null,"columns":null,"params":null,"replica":null,"queryable_columns":null,"log":null,"subset":null})"));
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
                            R"({"table":"t","log":"Full"})",
                            R"({"table":"t","log":""})",
                            R"({"table":"t","log":["full"]})",
                            R"({"table":"t","subset":1})",
                            R"({"table":"t","subset":"true"})",
                            R"({"table":"t","subset":[]})",
                            R"({"table":"t","subset":{}})",
                            R"({"table":"t","subset":{"limit_max":null}})",
                            R"({"table":"t","subset":{"limit_max":0}})",
                            R"({"table":"t","subset":{"limit_max":-1}})",
                            R"({"table":"t","subset":{"limit_max":1.0}})",
                            R"({"table":"t","subset":{"limit_max":"1"}})",
                            R"({"table":"t","subset":{"limit_max":9007199254740993}})",
                            R"({"table":"t","subset":{"limit_max":18446744073709551615}})",
                            R"({"table":"t","subset":{"limit_max":1,"offset_max":1}})",
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
       R"({"table":"t","where":"a = $1 AND b = $2","params":{"1":"x\"y","2":""},"columns":["A b","id"],"replica":"full","queryable_columns":["id"]})",
       R"({"table":"t","log":"changes_only","subset":false})", R"({"table":"t","log":"full","subset":{"limit_max":1}})"}) {
    const auto granted = must(claim);
    EXPECT_EQ(must(write_claim(granted)), granted) << write_claim(granted);
  }
  EXPECT_EQ(write_claim(must(R"({"table":"Items","columns":"b,a"})")),
            R"({"namespace":"public","table":"items","columns":["a","b"]})");
}

TEST(ClaimCodec, LogAndSubsetRightsAreRead) {
  EXPECT_EQ(must(R"({"table":"t"})").log, std::nullopt);
  EXPECT_EQ(must(R"({"table":"t","log":"full"})").log, LogMode::kFull);
  EXPECT_EQ(must(R"({"table":"t","log":"changes_only"})").log, LogMode::kChangesOnly);
  EXPECT_EQ(must(R"({"table":"t","log":"changes_only"})").definition.log(), LogMode::kFull);
  EXPECT_EQ(must(R"({"table":"t","subset":true})").subset, SubsetRights{});
  EXPECT_EQ(must(R"({"table":"t","subset":false})").subset, SubsetRights{.allowed = false});
  EXPECT_EQ(must(R"({"table":"t","subset":{"limit_max":50}})").subset, SubsetRights{.limit_max = 50});
}

TEST(ClaimCodec, DefaultsAreNotWritten) {
  EXPECT_EQ(write_claim(must(R"({"table":"t","replica":"default","subset":true})")),
            R"({"namespace":"public","table":"t"})");
  EXPECT_EQ(write_claim(must(R"({"table":"t","log":"full","subset":{"limit_max":9007199254740992}})")),
            R"({"namespace":"public","table":"t","log":"full","subset":{"limit_max":9007199254740992}})");
}

// Reads a token's claims, as JSON.
std::expected<std::vector<GrantedShape>, DefinitionError> read_token(std::string_view text) {
  const auto json = Json::parse(text);
  if (!json) return std::unexpected(DefinitionError{"", std::string(to_string(json.error()))});
  const auto find = [&](const char* name) -> std::optional<simdjson::dom::element> {
    simdjson::dom::element value;
    if (json->root().at_key(name).get(value) != simdjson::SUCCESS) return std::nullopt;
    return value;
  };
  return read_shape_claims(find("shape"), find("shapes"));
}

TEST(ClaimCodec, ATokenHasOneShapeOrAList) {
  const auto one = read_token(R"({"shape":{"table":"a"}})");
  const auto list = read_token(R"({"shapes":[{"table":"a"},{"table":"b","log":"full"}]})");
  ASSERT_TRUE(one && list);
  ASSERT_EQ(one->size(), 1u);
  ASSERT_EQ(list->size(), 2u);
  EXPECT_EQ(one->at(0), must(R"({"table":"a"})"));
  EXPECT_EQ(list->at(0), one->at(0));
  EXPECT_EQ(list->at(1), must(R"({"table":"b","log":"full"})"));
}

TEST(ClaimCodec, E7_ATokenWithoutExactlyOneValidShapeClaimGrantsNothing) {
  for (const char* claims : {R"({})", R"({"shape":null})", R"({"shapes":null})", R"({"shapes":[]})",
                             R"({"shapes":{"table":"a"}})", R"({"shapes":"a"})", R"({"shapes":["a"]})",
                             R"({"shapes":[null]})", R"({"shapes":[{"table":"a"},{}]})", R"({"shapes":[[{"table":"a"}]]})",
                             R"({"shape":[{"table":"a"}]})", R"({"shape":{"table":"a"},"shapes":[{"table":"a"}]})",
                             R"({"shape":null,"shapes":[{"table":"a"}]})", R"({"shape":{"table":"a"},"shapes":null})"})
    EXPECT_FALSE(read_token(claims)) << claims;
}

TEST(ClaimCodec, ListsHaveABound) {
  const auto list_of = [](std::size_t count) {
    std::string json = R"({"shapes":[)";
    for (std::size_t i = 0; i < count; ++i) json += i == 0 ? R"({"table":"t"})" : R"(,{"table":"t"})";
    return json + "]}";
  };
  EXPECT_TRUE(read_token(list_of(kGrantedShapesMax)));
  EXPECT_FALSE(read_token(list_of(kGrantedShapesMax + 1)));
}

TEST(ClaimCodec, E6_EveryPartOfADefinitionIsInItsClaim) {
  const DefinitionText base = {
      .table = "public.items", .where = "\"org\" = $1", .params = {{1, "a"}}, .columns = "\"title\",\"id\""};
  const auto claim = [&](auto change) {
    DefinitionText text = base;
    change(text);
    return write_claim({Definition::make(text).value()});
  };
  const std::string granted =
      write_claim(must(R"({"table":"items","where":"org=$1","params":{"1":"a"},"columns":["id","title"]})"));
  EXPECT_EQ(granted, claim([](DefinitionText&) {}));
  EXPECT_EQ(granted, claim([](DefinitionText& text) { text.log = "changes_only"; }));
  EXPECT_NE(granted, claim([](DefinitionText& text) { text.table = "secrets"; }));
  EXPECT_NE(granted, claim([](DefinitionText& text) { text.where = "org <> $1"; }));
  EXPECT_NE(granted, claim([](DefinitionText& text) { text.where.reset(), text.params.clear(); }));
  EXPECT_NE(granted, claim([](DefinitionText& text) { text.params[1] = "b"; }));
  EXPECT_NE(granted, claim([](DefinitionText& text) { text.columns = "id,title,secret"; }));
  EXPECT_NE(granted, claim([](DefinitionText& text) { text.columns.reset(); }));
  EXPECT_NE(granted, claim([](DefinitionText& text) { text.replica = "full"; }));
  EXPECT_NE(granted, claim([](DefinitionText& text) { text.queryable_columns = "id"; }));
}

TEST(ClaimCodec, E6_AGrantIsForItsWholeDefinition) {
  const Definition grant =
      must(R"({"table":"items","where":"org=$1","params":{"1":"a"},"columns":["id","title"]})").definition;
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

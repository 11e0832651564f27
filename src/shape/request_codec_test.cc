#include "shape/request_codec.h"

#include <gtest/gtest.h>

namespace sluice::shape {
namespace {

QueryRequest read(std::string_view query, Dialect dialect = Dialect::kOrigin) {
  auto request = parse_shape_query(query, dialect);
  if (!request) throw std::runtime_error(request.error().parameter + " " + request.error().message);
  return std::move(*request);
}

QueryError error_of(std::string_view query, Dialect dialect = Dialect::kOrigin) {
  const auto request = parse_shape_query(query, dialect);
  EXPECT_FALSE(request) << query;
  return request ? QueryError{} : request.error();
}

QueryError position_error(std::string_view query) {
  const auto checked = check_position(read(query));
  EXPECT_FALSE(checked) << query;
  return checked ? QueryError{} : checked.error();
}

TEST(QueryString, DecodesPairsInOrder) {
  const auto pairs = parse_query("b=1+2&a=%C3%A4%2B&c&d=");
  ASSERT_TRUE(pairs);
  EXPECT_EQ(*pairs, (QueryPairs{{"b", "1 2"}, {"a", "ä+"}, {"c", ""}, {"d", ""}}));
  EXPECT_TRUE(parse_query("")->empty());
}

TEST(QueryString, RejectsBadEscapesNulAndBadUtf8) {
  for (const char* query : {"a=%", "a=%1", "a=%zz", "%=1", "a=%+1"})
    EXPECT_EQ(parse_query(query).error().code, QueryErrorCode::kBadEscape) << query;
  EXPECT_EQ(parse_query("a=%00").error().code, QueryErrorCode::kNul);
  EXPECT_EQ(parse_query("a=%00").error().parameter, "a");
  EXPECT_EQ(parse_query("%00a=1").error().code, QueryErrorCode::kNul);
  for (const char* query : {"a=%ff", "a=%c0%80", "a=%ed%a0%80", "%ff=1"})
    EXPECT_EQ(parse_query(query).error().code, QueryErrorCode::kBadUtf8) << query;
}

TEST(QueryString, IsBounded) {
  EXPECT_EQ(parse_query("a=" + std::string(kQueryBytesMax, 'x')).error().code, QueryErrorCode::kTooLong);
  std::string many = "k=1";
  for (std::size_t i = 0; i < kQueryKeysMax; ++i) many += "&k" + std::to_string(i) + "=1";
  EXPECT_EQ(parse_query(many).error().code, QueryErrorCode::kTooMany);
}

TEST(QueryString, PercentEncodesAllButUnreserved) {
  EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encode("a b&c=d[1]+ä"), "a%20b%26c%3Dd%5B1%5D%2B%C3%A4");
}

TEST(ShapeQuery, ReadsDefinitionAndPosition) {
  const auto request = read(
      "table=items&where=org%3D%241&params%5B1%5D=7&columns=id&replica=full&log=changes_only"
      "&offset=12_3&handle=a-b_1&live=true&cursor=99&expired_handle=old&cache-buster=17-abc");
  ASSERT_TRUE(request.definition);
  EXPECT_EQ(request.definition->table, "items");
  EXPECT_EQ(request.definition->where, "org=$1");
  EXPECT_EQ(request.definition->params.at(1), "7");
  EXPECT_EQ(request.definition->replica, "full");
  EXPECT_EQ(request.definition->log, "changes_only");
  EXPECT_EQ(request.log, LogMode::kChangesOnly);
  EXPECT_EQ(request.position.offset, Offset::at(12, 3));
  EXPECT_EQ(request.position.handle, "a-b_1");
  EXPECT_EQ(request.position.live, Live::kLongPoll);
  EXPECT_EQ(request.position.cursor, "99");
  EXPECT_EQ(request.position.expired_handle, "old");
  EXPECT_EQ(request.position.cache_buster, "17-abc");
  EXPECT_TRUE(check_position(request));
}

TEST(ShapeQuery, E4_RejectsRepeatedKeysHoweverEncoded) {
  for (const char* query :
       {"table=items&table=secrets", "table=a&t%61ble=a", "offset=-1&%6Fffset=-1", "params[1]=a&params%5b1%5d=b"}) {
    EXPECT_EQ(error_of(query).code, QueryErrorCode::kRepeated) << query;
    EXPECT_EQ(error_of(query, Dialect::kGrant).code, QueryErrorCode::kRepeated) << query;
  }
}

// However many there are between the two.
TEST(ShapeQuery, E4_RejectsRepeatedKeysAmongMany) {
  for (const int many : {1, 14, 15, 16, 17, 100}) {
    std::string query = "offset=-1";
    for (int i = 1; i <= many; ++i) query += "&params[" + std::to_string(i) + "]=x";
    EXPECT_TRUE(parse_query(query)) << many;
    const auto pairs = parse_query(query + "&offset=0_0");
    ASSERT_FALSE(pairs) << many;
    EXPECT_EQ(pairs.error().code, QueryErrorCode::kRepeated);
    EXPECT_EQ(pairs.error().parameter, "offset");
  }
}

TEST(ShapeQuery, E5_RejectsBracketAliasesAndUnknownKeys) {
  for (const char* query : {"subset[where]=1", "params[]=1", "table[]=x", "table[x]=y", "params[01]=1", "params[0]=1",
                            "params[-1]=1", "params[1]x=1", "params[1", "params[257]=1", "params=1", "Table=x", "TABLE=x",
                            " table=x", "table%20=x", "foo=1", "=1", "offset=-1&&live=true", "table=x&"})
    EXPECT_EQ(error_of(query).code, QueryErrorCode::kUnknown) << query;
}

TEST(ShapeQuery, E10_ClientsHaveNoSecrets) {
  for (const Dialect dialect : {Dialect::kOrigin, Dialect::kGrant, Dialect::kProtocol})
    for (const char* key : {"secret", "api_secret", "source_id"}) {
      const auto error = error_of(std::string(key) + "=x", dialect);
      EXPECT_EQ(error.code, QueryErrorCode::kNotAllowed);
      EXPECT_EQ(error.parameter, key);
    }
}

TEST(ShapeQuery, TheBareApiTakesItsSecretOutFirst) {
  auto pairs = parse_query("secret=s&table=t&offset=-1").value();
  std::erase_if(pairs, [](const auto& pair) { return pair.first == "secret"; });
  const auto request = parse_shape_query(std::move(pairs), Dialect::kOrigin);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->definition->table, "t");
}

TEST(ShapeQuery, ProtocolDialectTakesNoDefinition) {
  for (const char* key : {"table", "where", "columns", "queryable_columns", "replica", "params[1]"})
    EXPECT_EQ(error_of(std::string(key) + "=x", Dialect::kProtocol).code, QueryErrorCode::kNotAllowed) << key;
  const auto request = read("offset=-1&log=full", Dialect::kProtocol);
  EXPECT_FALSE(request.definition);
  EXPECT_EQ(request.log, LogMode::kFull);
}

TEST(ShapeQuery, E13_OffsetsHaveOneSpelling) {
  EXPECT_EQ(read("offset=0_02").position.offset.print(), "0_2");
  EXPECT_EQ(read("offset=-1_0").position.offset.print(), "-1");
  EXPECT_EQ(read("offset=007_inf").position.offset.print(), "7_inf");
  EXPECT_EQ(read("offset=now").position.offset.print(), "now");
  EXPECT_EQ(read("offset=18446744073709551615_0").position.offset.tx(), ~std::uint64_t{0});
  for (const char* text : {"banana", "1", "_1", "1_", "1_2_3", "-2", "-1_1", "+1_0", "1_-1", "1_%202", "NOW", "0x1_0",
                           "1_INF", "18446744073709551616_0", "0_18446744073709551615"}) {
    EXPECT_EQ(error_of(std::string("offset=") + text).parameter, "offset") << text;
    EXPECT_EQ(error_of(std::string("offset=") + text).message, "has invalid format") << text;
  }
}

TEST(ShapeQuery, OffsetsAreOrdered) {
  EXPECT_LT(Offset::before_all(), Offset::at(0, 0));
  EXPECT_LT(Offset::at(1, 5), Offset::after_transaction(1));
  EXPECT_LT(Offset::after_transaction(1), Offset::at(2, 0));
}

TEST(ShapeQuery, E13_UnknownExperimentsAreRefusedKnownOnesDropped) {
  EXPECT_EQ(error_of("experimental_foo=1").code, QueryErrorCode::kUnknown);
  EXPECT_TRUE(parse_shape_query("experimental_compaction=true&offset=-1", Dialect::kOrigin));
  EXPECT_FALSE(read("subset__where_expr=%7B%7D&subset__order_by_expr=x").subset);
}

TEST(ShapeQuery, LiveIsAnythingButFalse) {
  EXPECT_EQ(read("live=true").position.live, Live::kLongPoll);
  EXPECT_EQ(read("live=0").position.live, Live::kLongPoll);
  EXPECT_EQ(read("live=false").position.live, Live::kNo);
  EXPECT_EQ(read("live=true&live_sse=true&experimental_live_sse=true").position.live, Live::kSse);
  EXPECT_EQ(read("live=true&experimental_live_sse=true").position.live, Live::kSse);
  EXPECT_EQ(read("live=true&live_sse=false").position.live, Live::kLongPoll);
}

TEST(ShapeQuery, AnEmptyCursorIsNone) {
  EXPECT_FALSE(read("cursor=&live=true").position.cursor);
}

TEST(ShapeQuery, TokensAreBoundedAndPlain) {
  for (const char* key : {"handle", "expired_handle", "cache-buster", "cursor"}) {
    EXPECT_EQ(error_of(std::string(key) + "=a%0d%0ab").parameter, key);
    EXPECT_EQ(error_of(std::string(key) + "=" + std::string(129, 'a')).parameter, key);
  }
  EXPECT_EQ(error_of("handle=").parameter, "handle");
}

TEST(ShapeQuery, PositionErrorsAreTheProtocols) {
  EXPECT_EQ(position_error("table=t").parameter, "offset");
  EXPECT_EQ(position_error("table=t").message, "can't be blank");
  EXPECT_EQ(position_error("offset=0_0").parameter, "handle");
  EXPECT_EQ(position_error("offset=0_0").message, "can't be blank when offset != -1");
  EXPECT_EQ(position_error("offset=-1&live=true").message, "can't be true when offset == -1");
  EXPECT_EQ(position_error("offset=now&live=true").parameter, "live");
  EXPECT_EQ(position_error("offset=0_0&handle=h&live_sse=true").parameter, "live_sse");
  EXPECT_EQ(position_error("offset=0_0&handle=h&experimental_live_sse=true").message,
            "can't be true unless live is also true");
  EXPECT_TRUE(check_position(read("offset=-1&handle=h")));
  EXPECT_TRUE(check_position(read("offset=now")));
}

TEST(ShapeQuery, ReadsSubsets) {
  const auto request = read(
      "subset__where=a%3D%241&subset__params=%7B%221%22%3A%22x%22%7D&subset__limit=5&subset__offset=0&subset__order_by=id");
  ASSERT_TRUE(request.subset);
  EXPECT_EQ(request.subset->where, "a=$1");
  EXPECT_EQ(request.subset->params.at(1), "x");
  EXPECT_EQ(request.subset->limit, 5u);
  EXPECT_EQ(request.subset->offset, 0u);
  EXPECT_EQ(request.subset->order_by, "id");
}

TEST(ShapeQuery, RejectsBadSubsets) {
  for (const char* query : {"subset__limit=0&subset__order_by=id", "subset__limit=-1&subset__order_by=id",
                            "subset__limit=1x&subset__order_by=id", "subset__limit=&subset__order_by=id",
                            "subset__limit=9223372036854775808&subset__order_by=id", "subset__where=", "subset__params=nope",
                            "subset__params=[]", "subset__params=%7B%221%22:1%7D", "subset__params=%7B%222%22:%22x%22%7D",
                            "subset__params=%7B%221%22:%22x%22,%221%22:%22y%22%7D"})
    EXPECT_EQ(error_of(query).code, QueryErrorCode::kInvalid) << query;
  EXPECT_EQ(error_of("subset__limit=5").parameter, "subset__order_by");
  EXPECT_EQ(error_of("subset__limit=5").message, "order_by is required when limit or offset is present");
}

std::string body_error(std::string_view body) {
  const auto subset = parse_subset_body(body);
  EXPECT_FALSE(subset) << body;
  return subset ? "" : subset.error().parameter + "|" + subset.error().message;
}

TEST(SubsetBody, FlatAndNestedAreOne) {
  const auto flat =
      parse_subset_body(R"({"where":"org = $1","params":{"1":"a"},"order_by":"id DESC","limit":5,"offset":2})");
  const auto nested =
      parse_subset_body(R"({"subset":{"where":"org = $1","params":{"1":"a"},"order_by":"id DESC","limit":5,"offset":2}})");
  ASSERT_TRUE(flat && *flat && nested && *nested);
  EXPECT_EQ(print_subset_body(**flat), print_subset_body(**nested));
  EXPECT_EQ(print_subset_body(**flat),
            R"({"subset":{"limit":5,"offset":2,"order_by":"id DESC","params":{"1":"a"},"where":"org = $1"}})");
}

TEST(SubsetBody, NothingIsNoSubset) {
  for (const char* body : {"", "{}", R"({"subset":{}})", R"({"where":null})", R"({"where_expr":{"a":[1]}})"}) {
    const auto subset = parse_subset_body(body);
    ASSERT_TRUE(subset) << body;
    EXPECT_FALSE(*subset) << body;
  }
}

TEST(SubsetBody, E1_RefusesEverythingElse) {
  for (const char* body : {R"({"table":"x"})",
                           R"({"where":"a","columns":"b"})",
                           R"({"subset":{"where":"a"},"where":"b"})",
                           R"({"subset":{"handle":"x"}})",
                           R"({"subset":{"subset":{"where":"a"}}})",
                           R"({"where":"a","where":"b"})",
                           R"({"where":1})",
                           R"({"where":""})",
                           R"([])",
                           R"("x")",
                           R"({"limit":"5","order_by":"id"})",
                           R"({"limit":5.0,"order_by":"id"})",
                           R"({"limit":-5,"order_by":"id"})",
                           R"({"limit":0,"order_by":"id"})",
                           R"({"limit":5})",
                           R"({"params":["a"]})",
                           R"({"params":{"1":1}})",
                           R"({"params":{"0":"a"}})",
                           R"({"params":{"2":"a"}})",
                           R"({"subset":[]})",
                           R"({"subset":"where"})",
                           R"({"where":"a\u0000"})",
                           R"({} {})",
                           "nope"})
    body_error(body);
  EXPECT_EQ(body_error("nope"), "|Invalid JSON in request body");
  EXPECT_EQ(body_error("[]"), "|Request body must be a JSON object");
  EXPECT_EQ(body_error(R"({"limit":5})"), "subset__order_by|order_by is required when limit or offset is present");
}

TEST(PrintQuery, HasOneSpellingWithSortedKeys) {
  auto definition = Definition::make({.table = "items",
                                      .where = "org=$1",
                                      .params = {{1, "a b"}},
                                      .columns = "title,id",
                                      .replica = "full",
                                      .log = "changes_only"});
  ASSERT_TRUE(definition);
  Request request{.definition = *definition};
  request.position = {.offset = Offset::at(1, 2),
                      .handle = "h",
                      .live = Live::kSse,
                      .cursor = "9",
                      .expired_handle = "e",
                      .cache_buster = "b"};
  EXPECT_EQ(
      print_query(request),
      "cache-buster=b&columns=%22id%22%2C%22title%22&cursor=9&experimental_live_sse=true&expired_handle=e&handle=h&live=true"
      "&live_sse=true&log=changes_only&offset=1_2&params%5B1%5D=a%20b&replica=full&table=%22public%22.%22items%22"
      "&where=org%20%3D%20%241");
}

TEST(PrintQuery, ReadsBackToTheSameRequest) {
  auto definition = Definition::make(
      {.table = "s.\"T\"", .where = "a = $1 OR b = $2", .params = {{1, "&=%"}, {2, ""}}, .queryable_columns = "id"});
  ASSERT_TRUE(definition);
  Request request{.definition = *definition, .position = {.offset = Offset::now()}, .subset = Subset{}};
  request.subset = Subset{.where = "x = $1", .params = {{1, "\"'"}}, .limit = 3, .offset = 1, .order_by = "id"};
  const auto again = read(print_query(request));
  const auto made = Definition::make(*again.definition);
  ASSERT_TRUE(made);
  EXPECT_EQ(*made, *definition);
  EXPECT_EQ(print_query({.definition = *made, .position = again.position, .subset = again.subset}), print_query(request));
}

}  // namespace
}  // namespace sluice::shape

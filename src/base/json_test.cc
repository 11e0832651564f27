#include "base/json.h"

#include <gtest/gtest.h>

#include "base/json_write.h"

namespace sluice {
namespace {

JsonError error_of(std::string_view text, JsonLimits limits = {}) {
  const auto json = Json::parse(text, limits);
  EXPECT_FALSE(json) << text;
  return json ? JsonError::kTooLong : json.error();
}

TEST(Json, ReadsValues) {
  for (const char* text :
       {"{}", "[]", "1", "\"a\"", "null", " {\"a\":[1,2.5,true,null,\"ä\",\"\\u00e4\",\"\\ud83d\\ude00\"]} "})
    EXPECT_TRUE(Json::parse(text)) << text;
  EXPECT_EQ(Json::parse(R"({"a":{"b":"c"}})")->root()["a"]["b"].get_string().value(), "c");
}

TEST(Json, RejectsBadSyntax) {
  for (const char* text : {"",           " ",       "{",       "{]",       "{\"a\"}",
                           "{\"a\":1,}", "[1,]",    "{'a':1}", "01",       "+1",
                           ".5",         "1.",      "NaN",     "Infinity", "tru",
                           "nul",        "{} {}",   "1 2",     "{}x",      "\"a",
                           "\"\n\"",     "\"\\x\"", "// c\n1", "/**/1",    "\xef\xbb\xbf{}x"})
    EXPECT_EQ(error_of(text), JsonError::kSyntax) << text;
}

TEST(Json, J32_RejectsRepeatedNamesHoweverSpelled) {
  EXPECT_EQ(error_of(R"({"a":1,"a":1})"), JsonError::kDuplicateName);
  EXPECT_EQ(error_of(R"({"a":1,"b":2,"\u0061":3})"), JsonError::kDuplicateName);
  EXPECT_EQ(error_of(R"({"x":[{"a":1,"a":2}]})"), JsonError::kDuplicateName);
  EXPECT_TRUE(Json::parse(R"({"a":{"a":1},"A":2,"b":{"a":3}})"));
}

TEST(Json, J32_RejectsRepeatedNamesAmongMany) {
  const auto object = [](int members, int last) {
    std::string text = "{";
    for (int i = 0; i < members; ++i) text += "\"n" + std::to_string(i) + "\":0,";
    return text + "\"n" + std::to_string(last) + "\":0}";
  };
  for (const int members : {15, 16, 17, 1000}) {
    EXPECT_TRUE(Json::parse(object(members, members))) << members;
    EXPECT_EQ(error_of(object(members, 0)), JsonError::kDuplicateName) << members;
    EXPECT_EQ(error_of(object(members, members - 1)), JsonError::kDuplicateName) << members;
  }
}

TEST(Json, J34_RejectsNulSurrogatesAndBadUtf8) {
  EXPECT_EQ(error_of(R"({"a":"x\u0000"})"), JsonError::kNul);
  EXPECT_EQ(error_of(R"({"a\u0000":1})"), JsonError::kNul);
  EXPECT_EQ(error_of(R"([["\u0000"]])"), JsonError::kNul);
  EXPECT_EQ(error_of(std::string_view("\"\0\"", 3)), JsonError::kSyntax);
  EXPECT_EQ(error_of(std::string_view("{}\0", 3)), JsonError::kSyntax);
  for (const char* text : {R"("\ud800")", R"("\udc00")", R"("\ud800\ud800")", R"("\ud800x")", "\"\xff\"", "\"\xc0\x80\"",
                           "\"\xed\xa0\x80\"", "\"\xf5\x80\x80\x80\"", "\"\xe4\""})
    EXPECT_EQ(error_of(text), JsonError::kSyntax) << text;
}

TEST(Json, J35_BoundsDepthAndLengthExactly) {
  const auto nested = [](std::size_t depth, std::string_view inside) {
    return std::string(depth, '[') + std::string(inside) + std::string(depth, ']');
  };
  for (const std::string_view inside : {"", "1", "\"a\""})
    for (const std::size_t depth : {1u, 3u, 16u}) {
      EXPECT_TRUE(Json::parse(nested(depth, inside), {.depth_max = depth})) << depth << inside;
      EXPECT_EQ(error_of(nested(depth + 1, inside), {.depth_max = depth}), JsonError::kTooDeep) << depth << inside;
    }
  EXPECT_EQ(error_of(nested(4, "{}"), {.depth_max = 4}), JsonError::kTooDeep);
  EXPECT_EQ(error_of(nested(50000, ""), {.bytes_max = 1 << 20}), JsonError::kTooDeep);
  EXPECT_TRUE(Json::parse("[1]", {.bytes_max = 3}));
  EXPECT_EQ(error_of("[1] ", {.bytes_max = 3}), JsonError::kTooLong);
}

TEST(Json, ValuesLiveAsLongAsTheJson) {
  auto json = Json::parse(R"({"a":"b"})");
  ASSERT_TRUE(json);
  const auto value = json->root()["a"].get_string().value();
  const Json moved = std::move(*json);
  EXPECT_EQ(value, "b");
  EXPECT_EQ(moved.root()["a"].get_string().value(), value);
}

TEST(JsonWrite, EscapesWhatMustBe) {
  EXPECT_EQ(json_string("plain ä"), "\"plain ä\"");
  EXPECT_EQ(json_string("a\"b\\c\n\r\t\b\f\x01\x1f\x7f/"), "\"a\\\"b\\\\c\\n\\r\\t\\b\\f\\u0001\\u001f\x7f/\"");
  EXPECT_EQ(json_string(std::string_view("\0", 1)), "\"\\u0000\"");
  EXPECT_EQ(json_string(""), "\"\"");
  std::string out = "x";
  append_json_string(out, "y");
  EXPECT_EQ(out, "x\"y\"");
}

TEST(JsonWrite, EveryByteReadsBack) {
  for (int a = 1; a < 128; ++a)
    for (int b = 1; b < 128; ++b) {
      const std::string text{static_cast<char>(a), static_cast<char>(b)};
      const auto json = Json::parse(json_string(text));
      ASSERT_TRUE(json) << a << " " << b;
      EXPECT_EQ(json->root().get_string().value(), text);
    }
}

}  // namespace
}  // namespace sluice

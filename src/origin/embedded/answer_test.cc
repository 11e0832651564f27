#include "origin/embedded/answer.h"

#include <gtest/gtest.h>

#include "origin/embedded/test_table.h"

namespace sluice::origin::embedded {
namespace {

TEST(Etag, IsNamedByAnExactMatchOnly) {
  constexpr std::string_view kEtag = "\"1-2:-1:0_0\"";
  EXPECT_TRUE(names_etag("\"1-2:-1:0_0\"", kEtag));
  EXPECT_TRUE(names_etag("\"other\" , \"1-2:-1:0_0\"", kEtag));
  EXPECT_TRUE(names_etag("1-2:-1:0_0", kEtag));
  EXPECT_FALSE(names_etag("W/\"1-2:-1:0_0\"", kEtag));
  EXPECT_FALSE(names_etag("\"1-2:-1:0_1\"", kEtag));
  EXPECT_FALSE(names_etag("*", kEtag));
  EXPECT_FALSE(names_etag("", kEtag));
  EXPECT_FALSE(names_etag(",,", kEtag));
}

TEST(Etag, SaysWhatWasAskedAndGiven) {
  store::MemoryStore store(1 << 20);
  auto shape = items_shape(store);
  auto at = shape::Offset::at(7, 0);
  EXPECT_EQ(make_etag(*shape, shape::Offset::before_all(), at, std::nullopt), "\"" + shape->handle() + ":-1:7_0\"");
  EXPECT_EQ(make_etag(*shape, shape::Offset::now(), at, 9), "\"" + shape->handle() + ":now:7_0:9\"");
}

std::string body(const http::Response& response) {
  std::string out;
  for (const Buffer& buffer : response.buffers) out += buffer.bytes();
  if (!response.file) return out;
  out += "<" + std::to_string(response.file->bytes.size()) + ">";
  for (const Buffer& buffer : response.file->behind) out += buffer.bytes();
  return out;
}

std::string array_of(store::Page page) {
  http::Response response;
  put_array(std::move(page), {.lsn = 1, .last_in_array = Buffer::of_static("last]"), .event = {}}, response);
  return body(response);
}

// <n> stands for n bytes of a file.
TEST(PageAsArray, EndsWithoutASeparatorWhereverThatLies) {
  const FileBytes file(nullptr, 7, 100, 50);
  const auto buffer = [](std::string_view text) { return Buffer::of_static(text); };
  EXPECT_EQ(array_of({.buffers = {buffer("{},\n"), buffer("{},\n")}}), "[{},\n{}]");
  EXPECT_EQ(array_of({.buffers = {buffer("{},"), buffer("\n")}}), "[{}]");
  EXPECT_EQ(array_of({.file = file}), "[<48>]");
  EXPECT_EQ(array_of({.file = file, .buffers = {buffer("{},\n")}}), "[<50>{}]");
  EXPECT_EQ(array_of({.file = file, .buffers = {buffer("\n")}}), "[<49>]");
  EXPECT_EQ(array_of({}), "[]");
}

TEST(PageAsArray, EndsWithTheUpToDateMessageAtTheHead) {
  EXPECT_EQ(array_of({.buffers = {Buffer::of_static("{},\n")}, .at_head = true}), "[{},\nlast]");
  EXPECT_EQ(array_of({.file = FileBytes(nullptr, 7, 100, 50), .at_head = true}), "[<50>last]");
  EXPECT_EQ(array_of({.at_head = true}), "[last]");
}

TEST(CacheFields, FollowTheConfiguration) {
  CacheFields fields(10, 20, 60);
  EXPECT_EQ(fields.catch_up, "public, max-age=10, stale-while-revalidate=20");
  EXPECT_EQ(fields.sse, "public, max-age=59");
  EXPECT_EQ(CacheFields(10, 20, 0).sse, "public, max-age=1");
}

TEST(LastSeen, OnlyRises) {
  LastSeen seen;
  seen.set(7);
  seen.set(5);
  EXPECT_EQ(seen.get()->lsn, 7u);
  EXPECT_EQ(seen.get()->last_in_array.bytes(), R"({"headers":{"control":"up-to-date","global_last_seen_lsn":"7"}}])");
  EXPECT_EQ(seen.get()->event.bytes(),
            "data: {\"headers\":{\"control\":\"up-to-date\",\"global_last_seen_lsn\":\"7\"}}\n\n");
}

}  // namespace
}  // namespace sluice::origin::embedded

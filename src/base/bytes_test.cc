#include "base/bytes.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace sluice {
namespace {

TEST(Base64Url, IsRfc4648WithoutPadding) {
  const std::array<std::pair<const char*, const char*>, 7> pairs = {{{"", ""},
                                                                     {"f", "Zg"},
                                                                     {"fo", "Zm8"},
                                                                     {"foo", "Zm9v"},
                                                                     {"foob", "Zm9vYg"},
                                                                     {"fooba", "Zm9vYmE"},
                                                                     {"foobar", "Zm9vYmFy"}}};
  for (const auto& [bytes, text] : pairs) {
    EXPECT_EQ(base64url_encode(bytes), text);
    EXPECT_EQ(base64url_decode(text), bytes);
  }
  EXPECT_EQ(base64url_encode("\xfb\xff\xfe"), "-__-");
  EXPECT_EQ(base64url_decode("-__-"), "\xfb\xff\xfe");
}

TEST(Base64Url, RejectsEveryOtherSpelling) {
  for (const char* text :
       {"Z", "Zg==", "Zg=", "Zm9v ", " Zm9v", "Zm9v\n", "Zm+v", "Zm/v", "Zm9vZ", "Zh", "Zm9", "Zm9vYh", "Zm9vYmF", "Zm9v=Zg",
        "Z\x80"
        "9v",
        "Zm9vY!"})
    EXPECT_FALSE(base64url_decode(text)) << text;
  EXPECT_FALSE(base64url_decode(std::string_view("Zm\0v", 4)));
}

// Every text of up to three characters either is refused or is the one spelling of what it decodes to.
TEST(Base64Url, DecodingIsInjective) {
  for (int a = 0; a < 256; ++a)
    for (int b = 0; b < 256; ++b)
      for (const char* tail : {"", "A", "B", "E", "_"}) {
        const std::string text = std::string{static_cast<char>(a), static_cast<char>(b)} + tail;
        const auto bytes = base64url_decode(text);
        if (bytes) ASSERT_EQ(base64url_encode(*bytes), text);
      }
}

TEST(Base64Url, RoundTripsEveryLength) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(base64url_decode(base64url_encode(bytes)), bytes);
    bytes += static_cast<char>(i * 37 + 11);
  }
}

TEST(Hex, IsLowerCaseAndStrict) {
  EXPECT_EQ(hex_encode(std::string_view("\x00\x9f\xff", 3)), "009fff");
  EXPECT_EQ(hex_decode("009fff"), std::string("\x00\x9f\xff", 3));
  for (const char* text : {"0", "0g", "0X", "FF", " 0", "00 "}) EXPECT_FALSE(hex_decode(text)) << text;
}

TEST(ConstantTimeEqual, ComparesLengthAndContents) {
  EXPECT_TRUE(constant_time_equal("", ""));
  EXPECT_TRUE(constant_time_equal("abc", "abc"));
  EXPECT_FALSE(constant_time_equal("abc", "abd"));
  EXPECT_FALSE(constant_time_equal("abc", "xbc"));
  EXPECT_FALSE(constant_time_equal("abc", "abcd"));
  EXPECT_FALSE(constant_time_equal("abc", ""));
  EXPECT_TRUE(constant_time_equal(std::string_view("\0a", 2), std::string_view("\0a", 2)));
  EXPECT_FALSE(constant_time_equal(std::string_view("\0a", 2), std::string_view("\0b", 2)));
}

TEST(Random, FillsAllAndDiffers) {
  std::array<std::uint8_t, 1000> bytes{};
  fill_random(bytes);
  EXPECT_GT(std::set<std::uint8_t>(bytes.begin(), bytes.end()).size(), 100u);
  EXPECT_NE(random_u64(), random_u64());
}

}  // namespace
}  // namespace sluice

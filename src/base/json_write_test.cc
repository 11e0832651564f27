#include "base/json_write.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace sluice {
namespace {

std::string escaped_byte(unsigned char c) {
  switch (c) {
    case '"': return R"(\")";
    case '\\': return R"(\\)";
    case '\b': return R"(\b)";
    case '\f': return R"(\f)";
    case '\n': return R"(\n)";
    case '\r': return R"(\r)";
    case '\t': return R"(\t)";
    default: return c < 0x20 ? fmt::format("\\u{:04x}", c) : std::string(1, static_cast<char>(c));
  }
}

TEST(JsonWrite, EscapesEveryByteWhereverItStands) {
  for (std::size_t length = 1; length <= 25; ++length) {
    for (std::size_t at = 0; at < length; ++at) {
      for (int c = 0; c < 256; ++c) {
        std::string text(length, 'a');
        text[at] = static_cast<char>(c);
        std::string expected = '"' + std::string(at, 'a') + escaped_byte(static_cast<unsigned char>(c)) +
                               std::string(length - at - 1, 'a') + '"';
        ASSERT_EQ(json_string(text), expected) << "byte " << c << " at " << at << " of " << length;
      }
    }
  }
}

TEST(JsonWrite, AppendsToWhatIsThere) {
  std::string out = "x";
  append_json_escaped(out, "a\"b");
  append_json_string(out, "");
  EXPECT_EQ(out, R"(xa\"b"")");
}

}  // namespace
}  // namespace sluice

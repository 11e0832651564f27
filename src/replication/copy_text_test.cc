#include "replication/copy_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace sluice::replication {
namespace {

using testing::ElementsAre;
using testing::Eq;
using Field = std::optional<std::string>;

std::optional<std::vector<Field>> decode(std::string line, std::size_t columns) {
  CopyTextDecoder decoder;
  const auto row = decoder.decode(line, columns);
  if (!row) return std::nullopt;
  return std::vector<Field>(row->begin(), row->end());
}

TEST(CopyTextDecoder, SplitsAtTabs) {
  EXPECT_THAT(*decode("a\tbc\t\n", 3), ElementsAre("a", "bc", ""));
  EXPECT_THAT(*decode("a", 1), ElementsAre("a"));
  EXPECT_THAT(*decode("\n", 1), ElementsAre(""));
  EXPECT_THAT(*decode("\n", 0), ElementsAre());
}

TEST(CopyTextDecoder, TellsNullFromItsSpelling) {
  EXPECT_THAT(*decode("\\N\t\\\\N\tN\t\\N\n", 4), ElementsAre(std::nullopt, "\\N", "N", std::nullopt));
}

TEST(CopyTextDecoder, TakesEscapesOff) {
  EXPECT_THAT(*decode("\\t\\n\\r\\b\\f\\v\\\\x\tplain\n", 2), ElementsAre("\t\n\r\b\f\v\\x", "plain"));
  EXPECT_THAT(*decode("a\\tb\\\\\tc\n", 2), ElementsAre("a\tb\\", "c"));
}

TEST(CopyTextDecoder, RefusesAnotherNumberOfFields) {
  EXPECT_EQ(decode("a\tb\n", 1), std::nullopt);
  EXPECT_EQ(decode("a\n", 2), std::nullopt);
  EXPECT_EQ(decode("a\n", 0), std::nullopt);
}

TEST(CopyTextDecoder, RefusesALineThatEndsWithinAnEscape) {
  EXPECT_EQ(decode("ab\\", 1), std::nullopt);
}

// The slow and obvious way there and back, over every line of up to six of the characters that matter.
TEST(CopyTextDecoder, ReversesEveryEncodedRow) {
  const std::string alphabet = "aN\t\\\nt";
  for (int length = 0; length <= 6; ++length) {
    std::vector<std::size_t> digits(static_cast<std::size_t>(length), 0);
    for (bool more = true; more;) {
      std::string text;
      std::string line;
      for (const std::size_t d : digits) {
        const char c = alphabet[d];
        text += c;
        if (c == '\t')
          line += "\\t";
        else if (c == '\n')
          line += "\\n";
        else if (c == '\\')
          line += "\\\\";
        else
          line += c;
      }
      ASSERT_THAT(*decode(line + "\tb\n", 2), ElementsAre(text, "b"));
      more = false;
      for (std::size_t& d : digits) {
        if (++d < alphabet.size()) {
          more = true;
          break;
        }
        d = 0;
      }
    }
  }
}

}  // namespace
}  // namespace sluice::replication

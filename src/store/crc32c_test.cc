#include "store/crc32c.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::store {
namespace {

// Bit by bit, as the definition says.
std::uint32_t slow_crc32c(std::string_view bytes) {
  std::uint32_t crc = ~std::uint32_t{0};
  for (unsigned char byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
  }
  return ~crc;
}

TEST(Crc32c, IsThatOfTheRfc) {
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(""), 0u);
}

TEST(Crc32c, EqualsTheDefinitionAtEveryLengthAndAlignment) {
  std::string bytes;
  for (std::uint32_t i = 0; i < 10000; ++i) bytes += static_cast<char>(i * 2654435761u >> 24);
  for (std::size_t size : {0u, 1u, 7u, 8u, 9u, 63u, 1023u, 3071u, 3072u, 3073u, 6144u, 9217u}) {
    for (std::size_t start = 0; start < 9; ++start) {
      const std::string_view part = std::string_view(bytes).substr(start, size);
      ASSERT_EQ(crc32c(part), slow_crc32c(part)) << size << " from " << start;
    }
  }
}

TEST(Crc32c, ExtendsOverParts) {
  std::string bytes(7000, 'x');
  bytes[5000] = 'y';
  for (std::size_t cut : {0u, 1u, 3072u, 6999u, 7000u}) {
    const std::string_view all = bytes;
    EXPECT_EQ(crc32c_extend(crc32c(all.substr(0, cut)), all.substr(cut)), crc32c(all));
  }
}

}  // namespace
}  // namespace sluice::store

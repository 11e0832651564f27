#include "store/crc32c.h"

#include <array>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace sluice::store {
namespace {

constexpr std::uint32_t kPolynomial = 0x82f63b78;  // bits reversed

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    table[i] = crc;
  }
  return table;
}
constexpr auto kTable = make_table();

std::uint32_t extend_by_table(std::uint32_t crc, const char* at, std::size_t size) {
  for (; size > 0; --size, ++at) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<unsigned char>(*at)) & 0xff];
  return crc;
}

#if defined(__x86_64__)
// The instruction takes three cycles but one can be begun each cycle: so three runs of kRun bytes are computed side by side,
// and joined by shifting a run's CRC over the bytes that follow it.
constexpr std::size_t kRun = 1024;

// What a CRC becomes when `zeros` zero bytes follow, as a table for each of its four bytes (the map is linear).
struct Shift {
  std::array<std::array<std::uint32_t, 256>, 4> of_byte{};
};
constexpr std::uint32_t over_zeros(std::uint32_t crc, std::size_t zeros) {
  for (; zeros > 0; --zeros) crc = (crc >> 8) ^ kTable[crc & 0xff];
  return crc;
}
Shift make_shift(std::size_t zeros) {
  std::array<std::uint32_t, 32> of_bit{};
  for (std::size_t bit = 0; bit < 32; ++bit) of_bit[bit] = over_zeros(std::uint32_t{1} << bit, zeros);
  Shift shift;
  for (std::size_t byte = 0; byte < 4; ++byte) {
    for (std::size_t value = 0; value < 256; ++value) {
      for (std::size_t bit = 0; bit < 8; ++bit) {
        if ((value >> bit & 1) != 0) shift.of_byte[byte][value] ^= of_bit[byte * 8 + bit];
      }
    }
  }
  return shift;
}
std::uint32_t apply(const Shift& shift, std::uint32_t crc) {
  return shift.of_byte[0][crc & 0xff] ^ shift.of_byte[1][crc >> 8 & 0xff] ^ shift.of_byte[2][crc >> 16 & 0xff] ^
         shift.of_byte[3][crc >> 24];
}

std::uint64_t load(const char* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

__attribute__((target("sse4.2"))) std::uint32_t extend_by_instruction(std::uint32_t start, const char* at,
                                                                      std::size_t size) {
  static const Shift one_run = make_shift(kRun);
  static const Shift two_runs = make_shift(2 * kRun);
  std::uint64_t crc = start;
  for (; size >= 3 * kRun; size -= 3 * kRun, at += 3 * kRun) {
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    for (std::size_t i = 0; i < kRun; i += 8) {
      crc = _mm_crc32_u64(crc, load(at + i));
      second = _mm_crc32_u64(second, load(at + kRun + i));
      third = _mm_crc32_u64(third, load(at + 2 * kRun + i));
    }
    crc = apply(two_runs, static_cast<std::uint32_t>(crc)) ^ apply(one_run, static_cast<std::uint32_t>(second)) ^ third;
  }
  for (; size >= 8; size -= 8, at += 8) crc = _mm_crc32_u64(crc, load(at));
  auto narrow = static_cast<std::uint32_t>(crc);
  for (; size > 0; --size, ++at) narrow = _mm_crc32_u8(narrow, static_cast<unsigned char>(*at));
  return narrow;
}
#endif

std::uint32_t extend(std::uint32_t crc, std::string_view bytes) {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2");
  if (has_instruction) return extend_by_instruction(crc, bytes.data(), bytes.size());
#endif
  return extend_by_table(crc, bytes.data(), bytes.size());
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  return crc32c_extend(0, bytes);
}

std::uint32_t crc32c_extend(std::uint32_t before, std::string_view bytes) {
  return ~extend(~before, bytes);
}

}  // namespace sluice::store

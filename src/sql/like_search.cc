#include "sql/like_search.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <cstdint>
#include <cstring>

#include "sql/text_input.h"

namespace sluice::sql {
namespace {

// The bit in which a letter's two cases differ; none for what is no letter.
char case_bit(char c) {
  return c >= 'a' && c <= 'z' ? 0x20 : 0;
}

}  // namespace

std::size_t find_bytes(std::string_view text, std::string_view sought, std::size_t from) {
  if (from > text.size()) return std::string_view::npos;
  const void* found = memmem(text.data() + from, text.size() - from, sought.data(), sought.size());
  return found == nullptr ? std::string_view::npos : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

bool equal_folded(std::string_view text, std::string_view sought) {
  for (std::size_t i = 0; i < sought.size(); ++i) {
    if (ascii_lower(text[i]) != sought[i]) return false;
  }
  return true;
}

// Sixteen places at a time are looked at for the first and the last byte of what is sought (Mula, "SIMD-friendly algorithms
// for substring searching"); a place that has both is compared.
std::size_t find_folded(std::string_view text, std::string_view sought, std::size_t from) {
  if (sought.empty()) return from <= text.size() ? from : std::string_view::npos;
  if (text.size() < sought.size()) return std::string_view::npos;
  std::size_t last_place = text.size() - sought.size();
  std::size_t at = from;
  auto here = [&](std::size_t place) { return equal_folded(text.substr(place, sought.size()), sought); };
#if defined(__SSE2__)
  std::size_t tail = sought.size() - 1;
  __m128i first = _mm_set1_epi8(sought.front());
  __m128i last = _mm_set1_epi8(sought.back());
  __m128i first_bit = _mm_set1_epi8(case_bit(sought.front()));
  __m128i last_bit = _mm_set1_epi8(case_bit(sought.back()));
  auto load = [&](std::size_t place) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + place)); };
  for (; at + 15 <= last_place; at += 16) {
    __m128i begins = _mm_cmpeq_epi8(_mm_or_si128(load(at), first_bit), first);
    __m128i ends = _mm_cmpeq_epi8(_mm_or_si128(load(at + tail), last_bit), last);
    auto places = static_cast<unsigned>(_mm_movemask_epi8(_mm_and_si128(begins, ends)));
    for (; places != 0; places &= places - 1) {
      std::size_t place = at + static_cast<std::size_t>(__builtin_ctz(places));
      if (here(place)) return place;
    }
  }
#endif
  char front = sought.front();
  char front_bit = case_bit(front);
  for (; at <= last_place; ++at) {
    if (static_cast<char>(text[at] | front_bit) == front && here(at)) return at;
  }
  return std::string_view::npos;
}

bool has_high_bit(std::string_view text) {
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, sizeof(word));
    if ((word & 0x8080808080808080ULL) != 0) return true;
  }
  for (; at < text.size(); ++at) {
    if (static_cast<unsigned char>(text[at]) >= 0x80) return true;
  }
  return false;
}

}  // namespace sluice::sql

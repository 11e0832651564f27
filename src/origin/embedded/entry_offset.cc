#include "origin/embedded/entry_offset.h"

#include <charconv>
#include <cstdint>

namespace sluice::origin::embedded {
namespace {

constexpr std::string_view kHeaders = R"(,"headers":{"operation":")";
constexpr std::string_view kLsn = R"(,"lsn":")";
constexpr std::string_view kOpPosition = R"(,"op_position":)";

// The number behind `name`, up to a byte that is none of it, which must be `end`, or one of `,}` where that is 0.
std::optional<std::uint64_t> number_of(std::string_view headers, std::string_view name, char end) {
  const std::size_t found = headers.find(name);
  if (found == std::string_view::npos) return std::nullopt;
  std::uint64_t number = 0;
  const char* const last = headers.data() + headers.size();
  auto [next, error] = std::from_chars(headers.data() + found + name.size(), last, number);
  if (error != std::errc() || next == last) return std::nullopt;
  const bool ended = end == 0 ? *next == ',' || *next == '}' : *next == end;
  return ended ? std::optional(number) : std::nullopt;
}

}  // namespace

std::optional<shape::Offset> entry_offset(std::string_view entry) {
  const std::size_t headers = entry.rfind(kHeaders);
  if (headers == std::string_view::npos) return std::nullopt;
  const std::string_view tail = entry.substr(headers + kHeaders.size());
  auto lsn = number_of(tail, kLsn, '"');
  auto op = number_of(tail, kOpPosition, 0);
  if (!lsn || !op || *op == shape::Offset::kInfinity) return std::nullopt;
  return shape::Offset::at(*lsn, *op);
}

}  // namespace sluice::origin::embedded

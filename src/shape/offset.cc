#include <charconv>

#include "shape/request.h"

namespace sluice::shape {
namespace {

// Two numbers of up to 20 digits, their leading zeros within reason.
constexpr std::size_t kOffsetBytesMax = 64;

std::optional<std::uint64_t> parse_number(std::string_view digits) {
  std::uint64_t number = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

}  // namespace

std::optional<Offset> Offset::parse(std::string_view text) {
  if (text.size() > kOffsetBytesMax) return std::nullopt;
  if (text == "-1" || text == "-1_0") return before_all();
  if (text == "now") return now();
  const std::size_t split = text.find('_');
  if (split == std::string_view::npos) return std::nullopt;
  const auto tx = parse_number(text.substr(0, split));
  if (!tx) return std::nullopt;
  const std::string_view rest = text.substr(split + 1);
  if (rest == "inf") return after_transaction(*tx);
  const auto op = parse_number(rest);
  if (!op || *op == kInfinity) return std::nullopt;
  return at(*tx, *op);
}

std::string Offset::print() const {
  if (is_before_all()) return "-1";
  if (is_now()) return "now";
  return std::to_string(tx_) + "_" + (op_ == kInfinity ? "inf" : std::to_string(op_));
}

}  // namespace sluice::shape

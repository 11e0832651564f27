#include "sql/decimal.h"

#include <algorithm>
#include <charconv>

#include "sql/text_input.h"

namespace sluice::sql {
namespace {

std::size_t digits_at(std::string_view text, std::size_t from) {
  std::size_t end = from;
  while (end < text.size() && is_digit(text[end])) ++end;
  return end - from;
}

std::string_view without_leading_zeros(std::string_view digits) {
  return digits.substr(std::min(digits.find_first_not_of('0'), digits.size()));
}

std::string_view without_trailing_zeros(std::string_view digits) {
  return digits.substr(0, digits.find_last_not_of('0') + 1);
}

std::optional<std::string> canonical_special(std::string_view text) {
  std::string word = lowered(text);
  if (word == "nan") return "NaN";
  bool negative = word.starts_with('-');
  if (negative || word.starts_with('+')) word.erase(0, 1);
  if (word != "inf" && word != "infinity") return std::nullopt;
  return negative ? "-Infinity" : "Infinity";
}

// The digits before and after the point once the exponent has moved it.
struct Digits {
  std::string whole;
  std::string fraction;
};

std::optional<Digits> move_point(std::string_view whole, std::string_view fraction, int exponent) {
  if (std::abs(exponent) > static_cast<int>(kDecimalDigitsMax)) return std::nullopt;
  std::string all = std::string(whole) + std::string(fraction);
  auto point = static_cast<long>(whole.size()) + exponent;
  if (point < 0) {
    all.insert(0, static_cast<std::size_t>(-point), '0');
    point = 0;
  }
  if (point > static_cast<long>(all.size())) all.append(static_cast<std::size_t>(point) - all.size(), '0');
  if (all.size() > kDecimalDigitsMax) return std::nullopt;
  auto at = static_cast<std::size_t>(point);
  return Digits{std::string(without_leading_zeros(std::string_view(all).substr(0, at))),
                std::string(without_trailing_zeros(std::string_view(all).substr(at)))};
}

// The number after e or E, whole.
std::optional<int> read_exponent(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  int value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<Decimal> read_decimal(std::string_view text) {
  using Kind = Decimal::Kind;
  if (text == "NaN") return Decimal{.kind = Kind::kNan};
  if (text == "Infinity") return Decimal{.kind = Kind::kInfinity};
  if (text == "-Infinity") return Decimal{.kind = Kind::kMinusInfinity};
  bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  std::size_t whole = digits_at(text, 0);
  if (whole == 0) return std::nullopt;
  Decimal out{.negative = negative, .whole = without_leading_zeros(text.substr(0, whole))};
  if (whole < text.size()) {
    if (text[whole] != '.' || whole + 1 + digits_at(text, whole + 1) != text.size()) return std::nullopt;
    out.fraction = without_trailing_zeros(text.substr(whole + 1));
  }
  if (out.whole.empty() && out.fraction.empty()) out.negative = false;
  return out;
}

int compare(const Decimal& a, const Decimal& b) {
  if (a.kind != b.kind) return a.kind < b.kind ? -1 : 1;
  if (a.kind != Decimal::Kind::kFinite) return 0;
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  int magnitude = 0;
  if (a.whole.size() != b.whole.size()) {
    magnitude = a.whole.size() < b.whole.size() ? -1 : 1;
  } else {
    magnitude = a.whole.compare(b.whole);
    if (magnitude == 0) magnitude = a.fraction.compare(b.fraction);
  }
  return a.negative ? -magnitude : magnitude;
}

std::optional<std::string> canonical_decimal(std::string_view input) {
  std::string_view text = trimmed(input);
  if (auto special = canonical_special(text)) return special;
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);

  std::size_t whole = digits_at(text, 0);
  std::size_t end = whole;
  std::string_view fraction;
  if (end < text.size() && text[end] == '.') {
    fraction = text.substr(end + 1, digits_at(text, end + 1));
    end += 1 + fraction.size();
  }
  if (whole + fraction.size() == 0) return std::nullopt;
  int exponent = 0;
  if (end < text.size()) {
    if (text[end] != 'e' && text[end] != 'E') return std::nullopt;
    auto read = read_exponent(text.substr(end + 1));
    if (!read) return std::nullopt;
    exponent = *read;
  }
  auto digits = move_point(text.substr(0, whole), fraction, exponent);
  if (!digits) return std::nullopt;

  bool zero = digits->whole.empty() && digits->fraction.empty();
  std::string out = negative && !zero ? "-" : "";
  out += digits->whole.empty() ? "0" : digits->whole;
  if (!digits->fraction.empty()) out += '.' + digits->fraction;
  return out;
}

}  // namespace sluice::sql

#include "sql/paper_number.h"

#include <algorithm>

namespace sluice::sql::reference {
namespace {

using Kind = Paper::Kind;

std::string without_leading_zeros(std::string digits) {
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  return digits;
}

int compare_digits(const std::string& a, const std::string& b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  int order = a.compare(b);
  return order < 0 ? -1 : order > 0;
}

std::string padded(const std::string& digits, std::size_t size) {
  return std::string(size - digits.size(), '0') + digits;
}

std::string add_digits(const std::string& a, const std::string& b) {
  std::size_t size = std::max(a.size(), b.size()) + 1;
  std::string x = padded(a, size);
  std::string y = padded(b, size);
  int carry = 0;
  for (std::size_t i = size; i-- > 0;) {
    int sum = (x[i] - '0') + (y[i] - '0') + carry;
    x[i] = static_cast<char>('0' + sum % 10);
    carry = sum / 10;
  }
  return without_leading_zeros(x);
}

// a is not less than b.
std::string subtract_digits(const std::string& a, const std::string& b) {
  std::string x = a;
  std::string y = padded(b, a.size());
  int borrow = 0;
  for (std::size_t i = x.size(); i-- > 0;) {
    int difference = (x[i] - '0') - (y[i] - '0') - borrow;
    borrow = difference < 0 ? 1 : 0;
    x[i] = static_cast<char>('0' + difference + borrow * 10);
  }
  return without_leading_zeros(x);
}

std::string multiply_digits(const std::string& a, const std::string& b) {
  std::string out;
  for (char digit : a) {
    if (!out.empty()) out += '0';
    for (int i = 0; i < digit - '0'; ++i) out = add_digits(out, b);
  }
  return out;
}

struct Division {
  std::string quotient;
  std::string rest;
};

Division divide_digits(const std::string& a, const std::string& b) {
  Division out;
  for (char digit : a) {
    out.rest = without_leading_zeros(out.rest + digit);
    char times = '0';
    for (; compare_digits(out.rest, b) >= 0; ++times) out.rest = subtract_digits(out.rest, b);
    out.quotient += times;
  }
  out.quotient = without_leading_zeros(out.quotient);
  return out;
}

std::string shifted(const std::string& digits, int places) {
  return digits.empty() ? digits : digits + std::string(static_cast<std::size_t>(places), '0');
}

Paper special(Kind kind) {
  Paper out;
  out.kind = kind;
  return out;
}
Paper infinity(int sign) {
  return special(sign < 0 ? Kind::kMinusInfinity : Kind::kInfinity);
}

Paper finite(bool negative, std::string digits, int scale) {
  Paper out;
  out.negative = negative && !digits.empty();
  out.digits = std::move(digits);
  out.scale = scale;
  return out;
}

bool is_finite(const Paper& a) {
  return a.kind == Kind::kFinite;
}
bool any_nan(const Paper& a, const Paper& b) {
  return a.kind == Kind::kNan || b.kind == Kind::kNan;
}

// As numeric keeps it: groups of four digits on either side of the point, and the weight of the first that is not zero.
struct Group {
  int weight = 0;
  int value = 0;
};
Group first_group(const Paper& a) {
  std::string text = padded(a.digits, std::max<std::size_t>(a.digits.size(), static_cast<std::size_t>(a.scale)));
  std::string whole = text.substr(0, text.size() - static_cast<std::size_t>(a.scale));
  std::string fraction = text.substr(whole.size());
  while (whole.size() % 4 != 0) whole.insert(0, 1, '0');
  while (fraction.size() % 4 != 0) fraction += '0';
  std::string all = whole + fraction;
  for (std::size_t i = 0; i < all.size(); i += 4) {
    int value = std::stoi(all.substr(i, 4));
    if (value != 0) return {static_cast<int>(whole.size() / 4) - 1 - static_cast<int>(i / 4), value};
  }
  return {};
}

}  // namespace

Paper Paper::read(std::string_view text) {
  if (text == "NaN") return special(Kind::kNan);
  if (text == "Infinity") return special(Kind::kInfinity);
  if (text == "-Infinity") return special(Kind::kMinusInfinity);
  bool minus = text.starts_with('-');
  std::string all(text.substr(minus ? 1 : 0));
  std::size_t point = all.find('.');
  int places = 0;
  if (point != std::string::npos) {
    places = static_cast<int>(all.size() - point - 1);
    all.erase(point, 1);
  }
  return finite(minus, without_leading_zeros(all), places);
}

std::string Paper::text() const {
  if (kind == Kind::kNan) return "NaN";
  if (kind != Kind::kFinite) return kind == Kind::kInfinity ? "Infinity" : "-Infinity";
  std::string out = padded(digits, std::max(digits.size(), static_cast<std::size_t>(scale) + 1));
  if (scale > 0) out.insert(out.size() - static_cast<std::size_t>(scale), ".");
  return (negative ? "-" : "") + out;
}

int Paper::sign() const {
  if (kind == Kind::kNan) return 0;
  if (kind != Kind::kFinite) return kind == Kind::kInfinity ? 1 : -1;
  return digits.empty() ? 0 : negative ? -1 : 1;
}

int compare(const Paper& a, const Paper& b) {
  if (a.kind != b.kind || !is_finite(a)) return static_cast<int>(a.kind) - static_cast<int>(b.kind);
  if (a.sign() != b.sign()) return a.sign() - b.sign();
  int scale = std::max(a.scale, b.scale);
  int order = compare_digits(shifted(a.digits, scale - a.scale), shifted(b.digits, scale - b.scale));
  return a.negative ? -order : order;
}

Paper negated(Paper a) {
  if (a.kind == Kind::kNan) return a;
  if (!is_finite(a)) return infinity(-a.sign());
  a.negative = !a.negative && !a.digits.empty();
  return a;
}

Paper add(const Paper& a, const Paper& b) {
  if (any_nan(a, b)) return special(Kind::kNan);
  if (!is_finite(a) && !is_finite(b) && a.kind != b.kind) return special(Kind::kNan);
  if (!is_finite(a)) return a;
  if (!is_finite(b)) return b;
  int scale = std::max(a.scale, b.scale);
  std::string x = shifted(a.digits, scale - a.scale);
  std::string y = shifted(b.digits, scale - b.scale);
  if (a.negative == b.negative) return finite(a.negative, add_digits(x, y), scale);
  if (compare_digits(x, y) >= 0) return finite(a.negative, subtract_digits(x, y), scale);
  return finite(b.negative, subtract_digits(y, x), scale);
}

Paper multiply(const Paper& a, const Paper& b) {
  if (any_nan(a, b)) return special(Kind::kNan);
  if (!is_finite(a) || !is_finite(b)) {
    int sign = a.sign() * b.sign();
    return sign == 0 ? special(Kind::kNan) : infinity(sign);
  }
  return finite(a.negative != b.negative, multiply_digits(a.digits, b.digits), a.scale + b.scale);
}

std::optional<Paper> divide(const Paper& a, const Paper& b) {
  if (any_nan(a, b)) return special(Kind::kNan);
  if (!is_finite(a) && !is_finite(b)) return special(Kind::kNan);
  if (b.sign() == 0) return std::nullopt;
  if (!is_finite(a)) return infinity(a.sign() * b.sign());
  if (!is_finite(b)) return finite(false, "", 0);
  Group above = first_group(a);
  Group below = first_group(b);
  int weight = above.weight - below.weight;
  if (above.value <= below.value) --weight;
  int scale = std::min(std::max({16 - weight * 4, a.scale, b.scale, 0}), 1000);
  // One digit more, for the rounding.
  std::string x = shifted(a.digits, scale + 1 + b.scale);
  std::string quotient = divide_digits(x, shifted(b.digits, a.scale)).quotient;
  return finite(a.negative != b.negative, divide_digits(add_digits(quotient, "5"), "10").quotient, scale);
}

std::optional<Paper> modulo(const Paper& a, const Paper& b) {
  if (any_nan(a, b)) return special(Kind::kNan);
  if (is_finite(b) && b.sign() == 0) return std::nullopt;
  if (!is_finite(a)) return special(Kind::kNan);
  if (!is_finite(b)) return a;
  int scale = std::max(a.scale, b.scale);
  std::string rest = divide_digits(shifted(a.digits, scale - a.scale), shifted(b.digits, scale - b.scale)).rest;
  return finite(a.negative, rest, scale);
}

Paper divide_whole(const Paper& a, const Paper& b) {
  return finite(a.negative != b.negative, divide_digits(a.digits, b.digits).quotient, 0);
}

Paper rounded(const Paper& a) {
  if (!is_finite(a) || a.scale == 0) return a;
  std::string half = "5" + std::string(static_cast<std::size_t>(a.scale) - 1, '0');
  std::string one = "1" + std::string(static_cast<std::size_t>(a.scale), '0');
  return finite(a.negative, divide_digits(add_digits(a.digits, half), one).quotient, 0);
}

}  // namespace sluice::sql::reference

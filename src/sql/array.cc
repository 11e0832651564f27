#include "sql/array.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "sql/text_input.h"

namespace sluice::sql {
namespace {

// A number from the front, and what has to follow it.
std::optional<std::int64_t> take_bound(std::string_view& text, char end) {
  std::int64_t value = 0;
  auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  bool int4 = value >= std::numeric_limits<std::int32_t>::min() && value < std::numeric_limits<std::int32_t>::max();
  if (error != std::errc() || !int4 || !text.starts_with(end)) return std::nullopt;
  text.remove_prefix(1);
  return value;
}

void append_array(std::string& out, const std::vector<std::string>& elements, const ArrayBounds& bounds,
                  std::size_t dimension, std::size_t& at) {
  out += '{';
  for (std::int64_t i = 0; i < bounds.lengths[dimension]; ++i) {
    if (i > 0) out += ',';
    if (dimension + 1 < bounds.dimensions)
      append_array(out, elements, bounds, dimension + 1, at);
    else
      out += elements[at++];
  }
  out += '}';
}

}  // namespace

ArrayBounds flat_bounds(std::size_t elements) {
  ArrayBounds out;
  if (elements == 0) return out;
  out.dimensions = 1;
  out.lengths[0] = static_cast<std::int64_t>(elements);
  out.lowers[0] = 1;
  return out;
}

ArrayElements::ArrayElements(std::string_view array) : rest_(array) {
  lengths_.fill(-1);
  if (!rest_.starts_with('[')) return;
  std::from_chars(rest_.data() + 1, rest_.data() + rest_.size(), lower_bound_);
  std::size_t bounds = rest_.find('=');
  written_bounds_ = rest_.substr(0, bounds);
  rest_.remove_prefix(bounds == std::string_view::npos ? rest_.size() : bounds + 1);
}

bool ArrayElements::fail() {
  malformed_ = true;
  rest_ = {};
  return false;
}

void ArrayElements::skip_spaces() {
  while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
}

bool ArrayElements::next() {
  for (skip_spaces(); !malformed_ && !rest_.empty(); skip_spaces()) {
    char c = rest_.front();
    bool ended = depth_ == 0 && depth_max_ > 0;
    bool value_next = before_ != Before::kValue && !ended;
    if (c == '{') {
      if (!value_next || !open()) return fail();
    } else if (c == '}') {
      if (depth_ == 0 || before_ == Before::kComma || !close()) return fail();
    } else if (c == ',') {
      if (depth_ == 0 || before_ != Before::kValue) return fail();
      before_ = Before::kComma;
    } else {
      if (depth_ == 0 || depth_ != depth_max_ || !value_next) return fail();
      ++counts_[depth_ - 1];
      any_ = true;
      before_ = Before::kValue;
      return c == '"' ? quoted() : bare();
    }
    rest_.remove_prefix(1);
  }
  return finish();
}

bool ArrayElements::open() {
  if (depth_ == kArrayDimensionsMax || (any_ && depth_ == depth_max_)) return false;
  if (depth_ > 0) ++counts_[depth_ - 1];
  counts_[depth_] = 0;
  depth_max_ = std::max(depth_max_, ++depth_);
  before_ = Before::kAnything;
  return true;
}

// Braces of one depth have as many elements each.
bool ArrayElements::close() {
  --depth_;
  before_ = Before::kValue;
  if (lengths_[depth_] < 0) lengths_[depth_] = counts_[depth_];
  return lengths_[depth_] == counts_[depth_];
}

bool ArrayElements::finish() {
  return depth_ == 0 && depth_max_ > 0 ? false : fail();
}

bool ArrayElements::quoted() {
  null_ = false;
  rest_.remove_prefix(1);
  std::size_t end = rest_.find_first_of("\"\\");
  if (end == std::string_view::npos) return fail();
  element_ = rest_.substr(0, end);
  if (rest_[end] == '"') {
    rest_.remove_prefix(end + 1);
    return true;
  }
  unescaped_.clear();
  for (std::size_t i = 0; i < rest_.size(); ++i) {
    if (rest_[i] == '"') {
      rest_.remove_prefix(i + 1);
      element_ = unescaped_;
      return true;
    }
    if (rest_[i] == '\\' && ++i == rest_.size()) break;
    unescaped_ += rest_[i];
  }
  return fail();
}

bool ArrayElements::bare() {
  std::size_t end = std::min(rest_.find_first_of(",}{\"\\"), rest_.size());
  if (end == rest_.size() || (rest_[end] != ',' && rest_[end] != '}')) return fail();
  element_ = trimmed(rest_.substr(0, end));
  null_ = element_.size() == 4 && lowered(element_) == "null";
  rest_.remove_prefix(end);
  return true;
}

std::optional<ArrayBounds> ArrayElements::bounds() const {
  ArrayBounds out;
  std::string_view written = written_bounds_;
  if (any_) out.dimensions = depth_max_;
  for (std::size_t i = 0; i < out.dimensions; ++i) {
    out.lengths[i] = lengths_[i];
    out.lowers[i] = 1;
    if (written_bounds_.empty()) continue;
    if (!written.starts_with('[')) return std::nullopt;
    written.remove_prefix(1);
    auto lower = take_bound(written, ':');
    auto upper = take_bound(written, ']');
    if (!lower || !upper || *upper - *lower + 1 != out.lengths[i]) return std::nullopt;
    out.lowers[i] = *lower;
  }
  return written.empty() ? std::optional(out) : std::nullopt;
}

std::string array_text(const std::vector<std::string>& elements, const ArrayBounds& bounds) {
  if (bounds.dimensions == 0) return "{}";
  std::string out;
  bool from_one = std::all_of(bounds.lowers.begin(), bounds.lowers.begin() + static_cast<std::ptrdiff_t>(bounds.dimensions),
                              [](std::int64_t lower) { return lower == 1; });
  for (std::size_t i = 0; !from_one && i < bounds.dimensions; ++i) {
    std::int64_t last = bounds.lowers[i] + bounds.lengths[i] - 1;
    out += '[' + std::to_string(bounds.lowers[i]) + ':' + std::to_string(last) + ']';
  }
  if (!from_one) out += '=';
  std::size_t at = 0;
  append_array(out, elements, bounds, 0, at);
  return out;
}

std::string quoted_element(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
  return out;
}

}  // namespace sluice::sql

#include "sql/array.h"

#include <algorithm>
#include <charconv>

#include "sql/text_input.h"

namespace sluice::sql {

ArrayElements::ArrayElements(std::string_view array) : rest_(array) {
  if (!rest_.starts_with('[')) return;
  std::from_chars(rest_.data() + 1, rest_.data() + rest_.size(), lower_bound_);
  std::size_t bounds = rest_.find('=');
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
      if (!value_next) return fail();
      depth_max_ = std::max(depth_max_, ++depth_);
      before_ = Before::kAnything;
    } else if (c == '}') {
      if (depth_ == 0 || before_ == Before::kComma) return fail();
      --depth_;
      before_ = Before::kValue;
    } else if (c == ',') {
      if (depth_ == 0 || before_ != Before::kValue) return fail();
      before_ = Before::kComma;
    } else {
      if (depth_ == 0 || !value_next) return fail();
      before_ = Before::kValue;
      return c == '"' ? quoted() : bare();
    }
    rest_.remove_prefix(1);
  }
  return finish();
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
